"""Secrets of clients, and authentication by what a secret signed: client_secret_jwt (OpenID Connect Core §9)."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from joserfc.jwk import OctKey
from werkzeug.test import TestResponse

from idp.context import Provider
from idp.domain.client import Client
from idp.protocol import client_secrets
from idp.storage import clients
from tests.assertions import ISSUER, OMIT, AssertionKey, as_form
from tests.clock import Clock
from tests.proofs import unsigned
from tests.statements import Statements
from tests.token_side import Caller, TokenSide, basic

CC = {"grant_type": "client_credentials"}


@pytest.fixture
def caller(side: TokenSide) -> Caller:
    return side.caller("svc", token_endpoint_auth_method="client_secret_jwt")


def key_of(caller: Caller) -> AssertionKey:
    """The secret as the key its owner signs with."""
    return AssertionKey("HS256", "", OctKey.import_key(caller.secret or ""))


@pytest.fixture
def key(caller: Caller) -> AssertionKey:
    return key_of(caller)


def attempt(caller: Caller, form: dict[str, Any]) -> TestResponse:
    return caller.http.post("/token", data=CC | form)


def refused(response: TestResponse) -> bool:
    return (response.status_code, response.json["error"]) == (401, "invalid_client")


# --- secrets ------------------------------------------------------------


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_secret_that_is_sent_is_kept_as_a_hash(provider: Provider, method: str) -> None:
    secret = client_secrets.new_client_secret(provider.vault, "svc", method)
    assert secret and secret.sealed is None
    assert Client("svc", {}, secret.hash).check_client_secret(secret.text)


def test_a_secret_to_sign_with_is_kept_sealed_for_its_client(provider: Provider) -> None:
    secret = client_secrets.new_client_secret(provider.vault, "svc", "client_secret_jwt")
    assert secret and secret.hash is None
    client = Client("svc", {}, secret_sealed=secret.sealed)
    assert client_secrets.signing_key(provider.vault, client) == secret.text.encode()
    assert client_secrets.signing_key(provider.vault, Client("other", {}, secret_sealed=secret.sealed)) is None
    assert secret.text.encode() not in (secret.sealed or b"")
    assert secret.text not in repr(secret)


@pytest.mark.parametrize("method", ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth", "none", ""])
def test_other_methods_have_no_secret(provider: Provider, method: str) -> None:
    assert client_secrets.new_client_secret(provider.vault, "svc", method) is None


def test_a_secret_too_short_to_sign_with_is_not_taken(provider: Provider) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        client_secrets.kept(provider.vault, "svc", "client_secret_jwt", "s" * 31)
    assert client_secrets.kept(provider.vault, "svc", "client_secret_jwt", "s" * 32).sealed


# --- client_secret_jwt ------------------------------------------------------------------------------------------------


def test_what_the_secret_signed_is_enough(caller: Caller, key: AssertionKey) -> None:
    assert attempt(caller, key.form("svc")).status_code == 200
    assert attempt(caller, key.form("svc") | {"client_id": "svc"}).status_code == 200


def test_it_serves_at_every_endpoint(caller: Caller, key: AssertionKey) -> None:
    token = attempt(caller, key.form("svc")).json["access_token"]
    assert caller.http.post("/introspect", data={"token": token} | key.form("svc")).json["active"]
    assert caller.http.post("/revoke", data={"token": token} | key.form("svc")).status_code == 200
    assert not caller.http.post("/introspect", data={"token": token} | key.form("svc")).json["active"]


WRONG: dict[str, dict[str, Any]] = {
    "no iss": {"iss": OMIT},
    "another iss": {"iss": "other"},
    "no sub": {"sub": OMIT},
    "no aud": {"aud": OMIT},
    "aud is a list": {"aud": [ISSUER]},
    "aud is the token endpoint": {"aud": f"{ISSUER}/token"},
    "no jti": {"jti": OMIT},
    "no exp": {"exp": OMIT},
    "exp is over": {"exp": 1},
    "exp is far away": {"exp": 2**40},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_claim_is_refused(caller: Caller, key: AssertionKey, changes: dict[str, Any]) -> None:
    assert refused(attempt(caller, key.form("svc", **changes)))


@pytest.mark.parametrize(("ahead", "accepted"), [(8, True), (61, False)])
def test_the_clients_clock_may_be_a_little_ahead(
    caller: Caller, key: AssertionKey, clock: Clock, ahead: int, accepted: bool
) -> None:
    now = clock().timestamp()
    response = attempt(caller, key.form("svc", now, iat=now + ahead, nbf=now + ahead, exp=now + 120))
    assert response.status_code == (200 if accepted else 401)


def test_each_assertion_counts_once(caller: Caller, key: AssertionKey) -> None:
    form = key.form("svc")
    assert attempt(caller, form).status_code == 200
    assert refused(attempt(caller, form))


def test_another_secret_is_refused(side: TokenSide, caller: Caller, key: AssertionKey) -> None:
    stranger = side.caller("other", token_endpoint_auth_method="client_secret_jwt")
    assert refused(attempt(caller, key_of(stranger).form("svc")))
    assert refused(attempt(caller, AssertionKey("HS256", "", OctKey.import_key("\x00" * 32)).form("svc")))
    assert refused(attempt(caller, AssertionKey("HS256", "", OctKey.import_key("\x00" * 32)).form("nobody")))


@pytest.mark.parametrize("alg", ["none", "HS384", "HS512", "RS256", "ES256", ""])
def test_other_algorithms_are_refused(caller: Caller, key: AssertionKey, alg: str) -> None:
    assert refused(attempt(caller, as_form(unsigned({"alg": alg}, key.claims("svc"), "AAAA"))))


def test_a_key_pair_does_not_replace_the_secret(side: TokenSide) -> None:
    """Nor the published key itself as a secret: the classic confusion."""
    pair = AssertionKey.new("ES256")
    caller = side.caller("both", token_endpoint_auth_method="client_secret_jwt", jwks={"keys": [pair.public_jwk]})
    assert refused(attempt(caller, pair.form("both")))
    confused = AssertionKey("HS256", "", OctKey.import_key(json.dumps(pair.public_jwk)))
    assert refused(attempt(caller, confused.form("both")))


def test_the_secret_itself_is_not_to_be_shown(caller: Caller) -> None:
    assert refused(caller.http.post("/token", data=CC, headers=basic("svc", caller.secret or "")))
    assert refused(attempt(caller, {"client_id": "svc", "client_secret": caller.secret}))


def test_a_client_of_another_method_cannot_sign_with_its_secret(side: TokenSide) -> None:
    caller = side.caller("basic")
    assert refused(attempt(caller, key_of(caller).form("basic")))


def test_an_algorithm_registered_for_it_counts(side: TokenSide) -> None:
    for alg, accepted in (("HS256", True), ("HS512", False), ("ES256", False), ("none", False)):
        caller = side.caller(
            f"svc-{alg}", token_endpoint_auth_method="client_secret_jwt", token_endpoint_auth_signing_alg=alg
        )
        assert attempt(caller, key_of(caller).form(caller.id)).status_code == (200 if accepted else 401)


def test_a_secret_that_cannot_be_read_lets_nobody_in(side: TokenSide, caller: Caller, key: AssertionKey) -> None:
    for sealed in (None, b"", b"x" * 60):
        with side.work() as context:
            clients.put(context.db, "svc", caller.client.metadata, context.now, secret_sealed=sealed)
        side.provider.client_cache.clear()
        assert refused(attempt(caller, key.form("svc")))


def test_with_other_credentials_it_is_one_too_many(caller: Caller, key: AssertionKey) -> None:
    form = CC | key.form("svc")
    for response in (
        caller.http.post("/token", data=form, headers=basic("svc", caller.secret or "")),
        caller.http.post("/token", data=form | {"client_id": "svc", "client_secret": "x"}),
    ):
        assert (response.status_code, response.json["error"]) == (400, "invalid_request")


@pytest.mark.usefixtures("both_engines")
def test_it_costs_one_claim(
    caller: Caller, key: AssertionKey, statements: Callable[..., AbstractContextManager[Statements]]
) -> None:
    attempt(caller, key.form("svc"))
    with statements() as seen:
        assert attempt(caller, key.form("svc")).status_code == 200
    assert len(seen) == 1, seen


def test_discovery_tells_the_algorithm_with_the_method(side: TokenSide) -> None:
    found = side.http.get("/.well-known/openid-configuration").json
    for endpoint in ("token", "introspection", "revocation"):
        assert "client_secret_jwt" in found[f"{endpoint}_endpoint_auth_methods_supported"]
        assert "HS256" in found[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]


JSON = st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.lists(st.text(max_size=3), max_size=2)


@given(st.dictionaries(st.sampled_from(["iss", "sub", "aud", "exp", "nbf", "iat", "jti"]), JSON) | JSON)
@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_signed_claims_break_the_endpoint(caller: Caller, key: AssertionKey, claims: Any) -> None:
    assert refused(attempt(caller, as_form(key.sign(claims))))
