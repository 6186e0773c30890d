from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from idp.protocol import discovery
from tests.assertions import AssertionKey
from tests.statements import Statements
from tests.token_side import TokenSide, basic

CC = {"grant_type": "client_credentials"}


def is_refused(response: TestResponse) -> bool:
    return (
        response.status_code == 401
        and response.json == {"error": "invalid_client", "error_description": "Client authentication failed."}
        and response.headers["WWW-Authenticate"] == 'Basic realm="token"'
        and response.headers["Cache-Control"] == "no-store"
    )


@pytest.mark.parametrize("client_id", ["client", "客户", "a b", "100%", "a+b", "a:b", "ünïcode/✓"])
def test_basic_credentials_are_form_encoded_inside(side: TokenSide, client_id: str) -> None:
    caller = side.caller(client_id)
    assert caller.token("client_credentials").status_code == 200


@pytest.mark.parametrize("scheme", ["basic", "BASIC", "Basic", "bAsIc"])
def test_the_scheme_name_is_case_insensitive(side: TokenSide, scheme: str) -> None:
    caller = side.caller()
    header = basic("client", caller.secret or "")["Authorization"].replace("Basic", scheme)
    assert side.http.post("/token", data=CC, headers={"Authorization": header}).status_code == 200


def test_a_secret_in_the_form_is_for_clients_registered_so(side: TokenSide) -> None:
    caller = side.caller("post", token_endpoint_auth_method="client_secret_post")
    assert caller.token("client_credentials").status_code == 200
    assert is_refused(side.http.post("/token", data=CC, headers=basic("post", caller.secret or "")))


def test_a_client_registered_for_basic_cannot_use_the_form(side: TokenSide) -> None:
    caller = side.caller()
    assert is_refused(side.http.post("/token", data=CC | {"client_id": "client", "client_secret": caller.secret}))


def test_a_confidential_client_cannot_merely_name_itself(side: TokenSide) -> None:
    side.caller()
    assert is_refused(side.http.post("/token", data=CC | {"client_id": "client"}))


def test_an_empty_secret_counts_as_none(side: TokenSide) -> None:
    side.caller("post", token_endpoint_auth_method="client_secret_post")
    assert is_refused(side.http.post("/token", data=CC | {"client_id": "post", "client_secret": ""}))


def test_nobody_is_refused(side: TokenSide) -> None:
    assert is_refused(side.http.post("/token", data=CC))


def test_an_inactive_client_is_refused(side: TokenSide) -> None:
    from idp.storage import clients

    caller = side.caller()
    with side.work() as context:
        clients.put(
            context.db,
            "client",
            caller.client.metadata,
            context.now,
            secret_hash=caller.client.secret_hash,
            is_active=False,
        )
    side.provider.client_cache.clear()
    assert is_refused(caller.token("client_credentials"))


HEADERS = [
    "Basic",
    "Basic ",
    "Basic    ",
    "Basic !!!!",
    "Basic Zm9v",  # "foo": no colon
    "Basic Og==",  # ":"
    "Basic OnNlY3JldA==",  # ":secret": no name
    "Basic " + base64.b64encode(b"\xff\xfe:\xfd").decode(),
    "Basic " + base64.b64encode("客户:x".encode("gbk")).decode(),
    "Basic " + base64.b64encode(b"%FF%FE:x").decode(),
    "Basic " + base64.b64encode(b"client\x00:x").decode(),
    "Basic " + base64.b64encode(b"client:x").decode() + " trailing",
    "Basic é",
    "Bearer abc",
    "Digest username=client",
    "Negotiate",
    ":",
    "",
]


@pytest.mark.usefixtures("both_engines")
@pytest.mark.parametrize("header", HEADERS)
def test_a_malformed_authorization_header_is_a_failed_authentication(side: TokenSide, header: str) -> None:
    side.caller()
    assert is_refused(side.http.post("/token", data=CC, headers={"Authorization": header.encode().decode("latin-1")}))


TEXT = st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=60)


@given(
    header=st.one_of(
        TEXT,
        TEXT.map("Basic {}".format),
        st.binary(max_size=60).map(lambda raw: "Basic " + base64.b64encode(raw).decode()),
    )
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_authorization_header_breaks_the_endpoint(side: TokenSide, header: str) -> None:
    response = side.http.post("/token", data=CC, headers={"Authorization": header})
    assert is_refused(response)


BOTH: list[dict[str, Any]] = [
    {"client_id": "client", "client_secret": "x"},
    {"client_secret": "x"},
    {"client_assertion": "x", "client_assertion_type": "y"},
    {"client_assertion": "x"},
    {"client_assertion_type": "y"},
]


@pytest.mark.parametrize("form", BOTH)
def test_two_ways_at_once_are_one_too_many(side: TokenSide, form: dict[str, str]) -> None:
    caller = side.caller()
    response = side.http.post("/token", data=CC | form, headers=basic("client", caller.secret or ""))
    assert (response.status_code, response.json["error"]) == (400, "invalid_request")


def test_secret_and_assertion_in_the_form_are_one_too_many(side: TokenSide) -> None:
    caller = side.caller("post", token_endpoint_auth_method="client_secret_post")
    form = AssertionKey.new().form("post")
    response = caller.post("/token", CC | form)
    assert (response.status_code, response.json["error"]) == (400, "invalid_request")


def test_a_client_id_beside_the_credentials_must_agree(side: TokenSide) -> None:
    caller = side.caller()
    header = basic("client", caller.secret or "")
    assert side.http.post("/token", data=CC | {"client_id": "client"}, headers=header).status_code == 200
    response = side.http.post("/token", data=CC | {"client_id": "other"}, headers=header)
    assert (response.status_code, response.json["error"]) == (400, "invalid_request")


def answer(response: TestResponse) -> tuple[int, bytes, list[tuple[str, str]]]:
    fixed = {"X-Trace-Id", "Date"}
    return response.status_code, response.data, [item for item in response.headers if item[0] not in fixed]


@pytest.mark.parametrize("how", ["basic", "post", "assertion", "none"])
def test_an_unknown_client_and_a_wrong_proof_get_the_same_answer_after_the_same_statements(
    side: TokenSide, how: str, statements: Callable[..., AbstractContextManager[Statements]]
) -> None:
    right, wrong = AssertionKey.new(), AssertionKey.new()
    side.caller("basic")
    side.caller("post", token_endpoint_auth_method="client_secret_post")
    side.caller("assertion", token_endpoint_auth_method="private_key_jwt", jwks={"keys": [right.public_jwk]})
    side.caller("none")

    def attempt(client_id: str) -> TestResponse:
        if how == "basic":
            return side.http.post("/token", data=CC, headers=basic(client_id, "wrong"))
        if how == "post":
            return side.http.post("/token", data=CC | {"client_id": client_id, "client_secret": "wrong"})
        if how == "assertion":
            return side.http.post("/token", data=CC | wrong.form(client_id))
        return side.http.post("/token", data=CC | {"client_id": client_id})

    for _ in range(2):  # the first attempt reads the client, the second finds it (or its absence) in the cache
        with statements() as of_known:
            known = answer(attempt(how))
        with statements() as of_unknown:
            unknown = answer(attempt("stranger"))
        assert known == unknown
        assert len(of_known) == len(of_unknown)


def test_one_signature_is_checked_for_known_and_unknown_clients_alike(
    side: TokenSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the time of the answer tells who is registered with private_key_jwt."""
    from joserfc import jws

    key, calls = AssertionKey.new(), []
    side.caller("known", token_endpoint_auth_method="private_key_jwt", jwks={"keys": [key.public_jwk]})
    real = jws.validate_compact

    def counting(*args: Any, **kwargs: Any) -> bool:
        calls.append(1)
        return real(*args, **kwargs)

    monkeypatch.setattr(jws, "validate_compact", counting)
    for client_id in ("stranger", "known"):
        calls.clear()
        assert is_refused(side.http.post("/token", data=CC | AssertionKey.new().form(client_id)))
        assert len(calls) == 1


def test_strangers_do_not_push_known_clients_out_of_the_cache(
    side: TokenSide, statements: Callable[..., AbstractContextManager[Statements]]
) -> None:
    from datetime import timedelta

    from idp.storage.clients import ClientCache

    side.caller("known")
    cache = ClientCache(timedelta(minutes=1), size=4)
    with side.work() as context:
        cache.find(context.db, "known", context.now)
        for number in range(20):
            assert cache.find(context.db, f"stranger-{number}", context.now) is None
        with statements() as seen:
            assert cache.find(context.db, "known", context.now) is not None
            assert cache.find(context.db, "stranger-19", context.now) is None
    assert len(seen) == 0, seen


@pytest.mark.parametrize("path", ["/token", "/introspect", "/revoke"])
@pytest.mark.parametrize(
    "name", ["client_secret", "client_assertion", "code", "token", "refresh_token", "code_verifier"]
)
def test_secrets_in_a_query_are_refused(side: TokenSide, path: str, name: str) -> None:
    caller = side.caller()
    data = CC | {"token": "x"}
    response = side.http.post(f"{path}?{name}=x", data=data, headers=basic("client", caller.secret or ""))
    assert (response.status_code, response.json["error"]) == (400, "invalid_request")


def test_every_listed_method_is_there_and_no_other(side: TokenSide) -> None:
    """authlib.md item 4: a listed method without a function would be a KeyError."""
    from idp.protocol import mtls
    from idp.protocol.client_authentication import ANY, METHODS

    def listed(**settings: Any) -> list[str]:
        document = discovery.metadata(replace(side.provider.settings, **settings))
        assert (
            document["token_endpoint_auth_methods_supported"] == document["revocation_endpoint_auth_methods_supported"]
        )
        return list(document["token_endpoint_auth_methods_supported"])

    assert listed(mtls_url="https://mtls.example", client_ca_bundle="ca.pem") == list(ANY) == [*METHODS, "none"]
    assert listed() == listed(client_ca_bundle="ca.pem") == [method for method in ANY if method not in mtls.METHODS]
    assert listed(mtls_url="https://mtls.example") == [method for method in ANY if method != "tls_client_auth"]
