"""DPoP by RFC 9449 over HTTP: bound tokens are issued for a proof and shown with one.

How a single proof is judged is in tests/idp/protocol/test_dpop.py; what FAPI adds in test_fapi2_tokens.py.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from idp.config import Settings
from idp.domain.client import Client
from idp.protocol import tokens
from idp.protocol.errors import ProtocolError
from tests.assertions import ISSUER, OMIT
from tests.authorizing import REDIRECT_URI, VERIFIER, answer, asking
from tests.clock import Clock
from tests.conftest import AddPerson, SignIn
from tests.proofs import ProofKey, by_short_key, token_hash, unsigned
from tests.race import race
from tests.statements import Statements
from tests.token_side import Caller, TokenSide, bearer

Count = Callable[..., AbstractContextManager[Statements]]


@pytest.fixture
def key(clock: Clock) -> ProofKey:
    return ProofKey.new(clock=clock)


@pytest.fixture
def other(clock: Clock) -> ProofKey:
    """A key that is not the right one."""
    return ProofKey.new(clock=clock)


@pytest.fixture
def caller(side: TokenSide) -> Caller:
    return side.caller()


@pytest.fixture
def public(side: TokenSide) -> Caller:
    return side.caller("public", token_endpoint_auth_method="none")


def exchange(side: TokenSide, caller: Caller, headers: Any = None, **changes: Any) -> TestResponse:
    """A code's exchange with these headers."""
    form = side.code(caller, side.person(), **changes).parameters()
    return caller.post("/token", {"grant_type": "authorization_code", **form}, headers)


def refresh(caller: Caller, token: str, headers: Any = None) -> TestResponse:
    return caller.post("/token", {"grant_type": "refresh_token", "refresh_token": token}, headers)


def own(caller: Caller, headers: Any = None) -> TestResponse:
    return caller.post("/token", {"grant_type": "client_credentials"}, headers)


def bound(side: TokenSide, caller: Caller, key: ProofKey, **changes: Any) -> dict[str, Any]:
    response = exchange(side, caller, key.header(), **changes)
    assert response.status_code == 200, response.text
    return dict(response.json)


def error_of(response: TestResponse) -> tuple[int, str]:
    return response.status_code, response.json["error"]


# --- §5, §6: issuing ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("both_engines")
def test_a_proof_binds_the_tokens_of_every_grant(side: TokenSide, caller: Caller, key: ProofKey) -> None:
    given = bound(side, caller, key)
    for body in (given, refresh(caller, given["refresh_token"], key.header()).json, own(caller, key.header()).json):
        assert body["token_type"] == "DPoP"
        assert side.read(body["access_token"]).claims["cnf"] == {"jkt": key.jkt}


def test_without_a_proof_tokens_are_bearer_tokens(side: TokenSide, caller: Caller) -> None:
    body = exchange(side, caller).json
    assert body["token_type"] == "Bearer"
    assert "cnf" not in side.read(body["access_token"]).claims


def test_a_refused_proof_gives_nothing_and_uses_nothing_up(side: TokenSide, caller: Caller, key: ProofKey) -> None:
    form = {"grant_type": "authorization_code", **side.code(caller, side.person()).parameters()}
    assert error_of(caller.post("/token", form, {"DPoP": "nonsense"})) == (400, "invalid_dpop_proof")
    assert error_of(caller.post("/token", form, key.header("/userinfo"))) == (400, "invalid_dpop_proof")
    assert caller.post("/token", form, key.header()).status_code == 200


def test_the_client_is_authenticated_first(side: TokenSide, caller: Caller) -> None:
    response = side.http.post("/token", data={"grant_type": "client_credentials"}, headers={"DPoP": "nonsense"})
    assert error_of(response) == (401, "invalid_client")


def test_a_key_shorter_than_it_is_written_proves_nothing(side: TokenSide, caller: Caller, key: ProofKey) -> None:
    """FAPI 2.0 Security Profile §5.4.1, RFC 7518 §6.3.1.1."""
    proof, _ = by_short_key(key.claims("POST", f"{ISSUER}/token"))
    assert error_of(own(caller, {"DPoP": proof})) == (400, "invalid_dpop_proof")


def test_two_proofs_are_refused(side: TokenSide, caller: Caller, key: ProofKey) -> None:
    two = [("DPoP", key.proof()), ("DPoP", key.proof()), *caller_headers(caller)]
    response = side.http.post("/token", data={"grant_type": "client_credentials"}, headers=Headers(two))
    assert error_of(response) == (400, "invalid_dpop_proof")


def caller_headers(caller: Caller) -> list[tuple[str, str]]:
    from tests.token_side import basic

    return list(basic(caller.id, caller.secret or "").items())


def test_who_registered_for_bound_tokens_gets_no_other(side: TokenSide, key: ProofKey) -> None:
    """§5.2 dpop_bound_access_tokens."""
    caller = side.caller(dpop_bound_access_tokens=True)
    assert error_of(exchange(side, caller)) == (400, "invalid_dpop_proof")
    assert error_of(own(caller)) == (400, "invalid_dpop_proof")
    given = bound(side, caller, key)
    assert error_of(refresh(caller, given["refresh_token"])) == (400, "invalid_dpop_proof")
    assert refresh(caller, given["refresh_token"], key.header()).json["token_type"] == "DPoP"


@pytest.mark.parametrize(
    "metadata",
    [
        {"dpop_bound_access_tokens": True},
        {"tls_client_certificate_bound_access_tokens": True},
        {"profile": "fapi2"},
        {"profile": "fapi2-signing"},
    ],
)
def test_whatever_the_way_an_unbound_token_is_not_even_made(side: TokenSide, metadata: dict[str, Any]) -> None:
    client = Client("bound", metadata)
    with side.work() as context:
        known: dict[str, Any] = {"subject": "s", "scope": (), "audience": (ISSUER,)}
        for confirmation in (None, {}):
            with pytest.raises(ProtocolError, match="bound to a key"):
                tokens.access_token(context, client, **known, confirmation=confirmation)
        assert tokens.access_token(context, client, **known, confirmation={"jkt": "x"})


def test_a_confidential_clients_refresh_token_is_bound_to_its_authentication(
    side: TokenSide, caller: Caller, key: ProofKey, other: ProofKey
) -> None:
    """§5: another key may follow; without a proof the tokens are bearer tokens again."""
    given = bound(side, caller, key)
    following = refresh(caller, given["refresh_token"], other.header()).json
    assert side.read(following["access_token"]).claims["cnf"] == {"jkt": other.jkt}
    assert refresh(caller, following["refresh_token"]).json["token_type"] == "Bearer"


@pytest.mark.usefixtures("both_engines")
def test_a_public_clients_refresh_token_is_bound_to_the_key(
    side: TokenSide, public: Caller, key: ProofKey, other: ProofKey
) -> None:
    """§5; whoever has the token alone can neither use it nor end the family."""
    given = bound(side, public, key)
    for headers in (None, other.header()):
        assert error_of(refresh(public, given["refresh_token"], headers)) == (400, "invalid_grant")
    following = refresh(public, given["refresh_token"], key.header()).json
    assert side.read(following["access_token"]).claims["cnf"] == {"jkt": key.jkt}
    assert refresh(public, following["refresh_token"], key.header()).status_code == 200


def test_reuse_of_a_bound_refresh_token_still_ends_the_family(side: TokenSide, public: Caller, key: ProofKey) -> None:
    given = bound(side, public, key)
    following = refresh(public, given["refresh_token"], key.header()).json
    assert error_of(refresh(public, given["refresh_token"], key.header())) == (400, "invalid_grant")
    assert error_of(refresh(public, following["refresh_token"], key.header())) == (400, "invalid_grant")


def test_a_public_clients_unbound_family_stays_unbound(side: TokenSide, public: Caller, key: ProofKey) -> None:
    given = exchange(side, public).json
    assert refresh(public, given["refresh_token"], key.header()).json["token_type"] == "DPoP"


# --- §6.2, RFC 7662: introspection and revocation ---------------------------------------------------------------------


def test_introspection_tells_the_key(side: TokenSide, caller: Caller, public: Caller, key: ProofKey) -> None:
    found = caller.introspect(bound(side, caller, key)["access_token"])
    assert (found["active"], found["token_type"], found["cnf"]) == (True, "DPoP", {"jkt": key.jkt})
    assert "cnf" not in caller.introspect(bound(side, caller, key)["refresh_token"])


def test_revocation_reaches_bound_tokens(side: TokenSide, caller: Caller, public: Caller, key: ProofKey) -> None:
    given = bound(side, caller, key)
    assert caller.revoke(given["access_token"]).status_code == 200
    assert show(side, key, given["access_token"]).status_code == 401
    given = bound(side, public, key)
    assert public.revoke(given["refresh_token"]).status_code == 200
    assert show(side, key, given["access_token"]).status_code == 401
    assert error_of(refresh(public, given["refresh_token"], key.header())) == (400, "invalid_grant")


def test_a_code_used_twice_revokes_the_bound_token(side: TokenSide, caller: Caller, key: ProofKey) -> None:
    """attempt-reuse-authorization-code-after-one-second, at once."""
    form = {"grant_type": "authorization_code", **side.code(caller, side.person()).parameters()}
    token = caller.post("/token", form, key.header()).json["access_token"]
    assert show(side, key, token).status_code == 200
    assert error_of(caller.post("/token", form, key.header())) == (400, "invalid_grant")
    assert show(side, key, token).status_code == 401


# --- §7: showing ------------------------------------------------------------------------------------------------------


def show(side: TokenSide, key: ProofKey, token: str, **changes: Any) -> TestResponse:
    return side.http.get("/userinfo", headers=key.presenting(token, **changes))


@pytest.fixture
def token(side: TokenSide, caller: Caller, key: ProofKey) -> str:
    return str(bound(side, caller, key)["access_token"])


def refused(response: TestResponse, error: str) -> bool:
    """§7.1: the challenge is of the scheme DPoP and names the algorithms."""
    header = response.headers["WWW-Authenticate"]
    assert response.status_code == 401
    assert header.startswith('DPoP realm="userinfo", error=')
    assert header.endswith('algs="PS256 ES256 EdDSA Ed25519"')
    return f'error="{error}"' in header


@pytest.mark.usefixtures("both_engines")
def test_a_bound_token_is_shown_with_a_proof(side: TokenSide, key: ProofKey, token: str) -> None:
    response = show(side, key, token)
    assert response.status_code == 200
    assert side.http.post("/userinfo", headers=key.presenting(token, method="POST")).json == response.json


@pytest.mark.parametrize("scheme", ["dpop", "DPOP", "dPoP"])
def test_the_scheme_name_is_case_insensitive(side: TokenSide, key: ProofKey, token: str, scheme: str) -> None:
    headers = key.presenting(token) | {"Authorization": f"{scheme} {token}"}
    assert side.http.get("/userinfo", headers=headers).status_code == 200


def test_the_header_name_is_case_insensitive(side: TokenSide, key: ProofKey, token: str) -> None:
    headers = key.presenting(token)
    response = side.http.get("/userinfo", headers={"Authorization": f"DPoP {token}", "DPOP": headers["DPoP"]})
    assert response.status_code == 200


def test_as_a_bearer_token_it_is_worth_nothing(side: TokenSide, key: ProofKey, token: str) -> None:
    """§7.2, wherever it stands, and with a proof beside it too."""
    for response in (
        side.http.get("/userinfo", headers=bearer(token)),
        side.http.get("/userinfo", headers=key.presenting(token) | bearer(token)),
        side.http.post("/userinfo", headers=bearer(token)),
        side.http.post("/userinfo", data={"access_token": token}),
        side.http.post("/userinfo", data={"access_token": token}, headers=key.header("/userinfo", token=token)),
    ):
        assert refused(response, "invalid_token")


def test_an_unbound_token_is_no_dpop_token(side: TokenSide, caller: Caller, key: ProofKey) -> None:
    token = exchange(side, caller).json["access_token"]
    assert refused(show(side, key, token), "invalid_token")
    assert side.userinfo(token).status_code == 200


def test_a_proof_is_needed(side: TokenSide, token: str) -> None:
    assert refused(side.http.get("/userinfo", headers={"Authorization": f"DPoP {token}"}), "invalid_dpop_proof")


def test_the_proof_is_of_the_key_the_token_is_bound_to(side: TokenSide, other: ProofKey, token: str) -> None:
    assert refused(show(side, other, token), "invalid_token")


@pytest.mark.parametrize("text", ["", "abc", "a.b.c", "x" * 5000])
def test_what_is_no_token_of_ours_is_invalid(side: TokenSide, key: ProofKey, text: str) -> None:
    assert refused(show(side, key, text), "invalid_token")


def test_without_openid_the_scope_is_insufficient(side: TokenSide, caller: Caller, key: ProofKey) -> None:
    token = bound(side, caller, key, scope=frozenset({"profile"}))["access_token"]
    response = show(side, key, token)
    assert response.status_code == 403
    assert response.headers["WWW-Authenticate"].startswith("DPoP ")


def test_who_shows_nothing_is_told_of_both_schemes(side: TokenSide) -> None:
    header = side.http.get("/userinfo").headers.getlist("WWW-Authenticate")
    assert [item.partition(" ")[0] for item in header] == ["Bearer", "DPoP"]
    assert not any("error" in item for item in header)


def signed(key: ProofKey, token: str, **header: Any) -> str:
    return key.sign(key.claims("GET", f"{ISSUER}/userinfo", ath=token_hash(token)), **header)


def altered(key: ProofKey, token: str, **changes: Any) -> str:
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.public_jwk} | changes
    shown = {name: value for name, value in header.items() if value is not OMIT}
    return unsigned(shown, key.claims("GET", f"{ISSUER}/userinfo", ath=token_hash(token)), "A" * 86)


# dpop-negative-tests of the certification suite, in its order. The value: whether it must work.
ATTEMPTS: dict[str, tuple[Callable[[ProofKey, str], str], bool]] = {
    "not a JWT": (lambda key, token: key.proof("/userinfo", "GET", token=token).rpartition(".")[0], False),
    "no typ": (lambda key, token: signed(key, token, typ=OMIT), False),
    "no alg": (lambda key, token: altered(key, token, alg=OMIT), False),
    "no jwk": (lambda key, token: signed(key, token, jwk=OMIT), False),
    "no jti": (lambda key, token: key.proof("/userinfo", "GET", token=token, jti=OMIT), False),
    "no htm": (lambda key, token: key.proof("/userinfo", "GET", token=token, htm=OMIT), False),
    "no htu": (lambda key, token: key.proof("/userinfo", "GET", token=token, htu=OMIT), False),
    "no iat": (lambda key, token: key.proof("/userinfo", "GET", token=token, iat=OMIT), False),
    "no ath": (lambda key, token: key.proof("/userinfo", "GET"), False),
    "wrong typ": (lambda key, token: signed(key, token, typ="dpop+jwt+wrongyousee"), False),
    "none": (lambda key, token: altered(key, token, alg="none"), False),
    "bad signature": (altered, False),
    "private key": (lambda key, token: signed(key, token, jwk=key.private_jwk), False),
    "wrong htm": (lambda key, token: key.proof("/userinfo", "GET", token=token, htm="PUT"), False),
    "htu with query and fragment": (lambda key, token: key.proof("/userinfo?a#b", "GET", token=token), True),
    "another htu": (lambda key, token: key.proof("/userinfoohnonotagain", "GET", token=token), False),
    "an hour ahead": (lambda key, token: key.proof("/userinfo", "GET", token=token, iat=key.moment(3600)), False),
    "an hour ago": (lambda key, token: key.proof("/userinfo", "GET", token=token, iat=key.moment(-3600)), False),
    "wrong ath": (lambda key, token: key.proof("/userinfo", "GET", ath=token_hash("another")), False),
    "another key": (lambda key, token: ProofKey.new(clock=key.clock).proof("/userinfo", "GET", token=token), False),
    "more in the claims": (lambda key, token: key.proof("/userinfo", "GET", token=token, tx_id_key=1), True),
    "more in the header": (lambda key, token: signed(key, token, tx_id=1), True),
    "htu in capitals": (
        lambda key, token: key.proof("/userinfo", "GET", token=token, htu=f"{ISSUER}/userinfo".replace("h", "H", 1)),
        True,
    ),
}


@pytest.mark.parametrize(("make", "works"), ATTEMPTS.values(), ids=ATTEMPTS.keys())
def test_dpop_negative_tests(
    side: TokenSide, key: ProofKey, token: str, make: Callable[[ProofKey, str], str], works: bool
) -> None:
    headers = {"Authorization": f"DPoP {token}", "DPoP": make(key, token)}
    response = side.http.get("/userinfo", headers=headers)
    if works:
        assert response.status_code == 200, response.text
    else:
        assert refused(response, "invalid_dpop_proof") or refused(response, "invalid_token")
    assert show(side, key, token).status_code == 200  # a correct proof still works


def test_more_than_one_header(side: TokenSide, key: ProofKey, token: str) -> None:
    pairs = [("Authorization", f"DPoP {token}")]
    pairs += [("DPoP", key.proof("/userinfo", "GET", token=token)) for _ in range(2)]
    assert refused(side.http.get("/userinfo", headers=Headers(pairs)), "invalid_dpop_proof")


# --- §8, §9: nonces ---------------------------------------------------------------------------------------------------


@pytest.fixture
def with_nonces(make_app: Callable[..., Flask], new_http: Callable[[Flask], FlaskClient]) -> FlaskClient:
    return new_http(make_app(dpop_nonce_lifetime=timedelta(seconds=60)))


def test_nonces_of_the_token_endpoint(side: TokenSide, caller: Caller, key: ProofKey, with_nonces: FlaskClient) -> None:
    form = {"grant_type": "authorization_code", **side.code(caller, side.person()).parameters()}
    caller.http = with_nonces
    response = caller.post("/token", form, key.header())
    assert error_of(response) == (400, "use_dpop_nonce")
    assert response.headers["Cache-Control"] == "no-store"
    nonce = response.headers["DPoP-Nonce"]
    response = caller.post("/token", form, key.header(nonce=nonce))  # the code was not used up
    assert response.status_code == 200
    assert response.headers.getlist("DPoP-Nonce") == [nonce]


def test_nonces_of_a_resource(
    side: TokenSide, key: ProofKey, token: str, with_nonces: FlaskClient, clock: Clock
) -> None:
    response = with_nonces.get("/userinfo", headers=key.presenting(token))
    assert refused(response, "use_dpop_nonce")
    nonce = response.headers["DPoP-Nonce"]
    assert with_nonces.get("/userinfo", headers=key.presenting(token, nonce=nonce)).status_code == 200
    clock.advance(61)
    response = with_nonces.get("/userinfo", headers=key.presenting(token, nonce=nonce))
    assert response.status_code == 200
    assert response.headers["DPoP-Nonce"] != nonce  # the next one comes in time (§8.2)
    clock.advance(61)
    assert refused(with_nonces.get("/userinfo", headers=key.presenting(token, nonce=nonce)), "use_dpop_nonce")


def test_who_brings_no_proof_is_told_no_nonce(side: TokenSide, caller: Caller, with_nonces: FlaskClient) -> None:
    caller.http = with_nonces
    assert "DPoP-Nonce" not in own(caller).headers


# --- §10: codes bound to a key ----------------------------------------------------------------------------------------


def test_a_code_bound_to_a_key_wants_its_proof(side: TokenSide, caller: Caller, key: ProofKey, other: ProofKey) -> None:
    """ensure-dpop-auth-code-binding-success and its two mismatches: whoever has the code alone burns it."""
    assert exchange(side, caller, key.header(), dpop_jkt=key.jkt).json["token_type"] == "DPoP"
    for headers in (other.header(), None):
        form = {"grant_type": "authorization_code"}
        form |= side.code(caller, side.person(), dpop_jkt=key.jkt).parameters()
        assert error_of(caller.post("/token", form, headers)) == (400, "invalid_grant")
        assert error_of(caller.post("/token", form, key.header())) == (400, "invalid_grant")


@pytest.fixture
def pushing(side: TokenSide, add_person: AddPerson, sign_in: SignIn) -> Caller:
    """A client that is asked nothing, with a person signed in in its browser."""
    sign_in(add_person(password=None))
    return side.caller("pushing", is_first_party=True)


def push(caller: Caller, headers: Any = None, **changes: Any) -> TestResponse:
    return caller.post("/par", asking(caller.id, **changes), headers)


def code_of(caller: Caller, pushed: TestResponse) -> dict[str, Any]:
    """The token request for the code that a pushed request gives."""
    assert pushed.status_code == 201, pushed.text
    query = {"client_id": caller.id, "request_uri": pushed.json["request_uri"]}
    code = answer(caller.http.get("/authorize", query_string=query))["code"]
    known = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    return known | {"code": code}


def test_a_proof_at_the_pushing_binds_the_code(pushing: Caller, key: ProofKey, other: ProofKey) -> None:
    """§10.1: ensure-dpopproof-at-par-endpoint-binding-success and its mismatch at the token endpoint."""
    for changes in ({}, {"dpop_jkt": key.jkt}):
        form = code_of(pushing, push(pushing, key.header("/par"), **changes))
        assert pushing.post("/token", form, key.header()).json["token_type"] == "DPoP"
    for headers in (other.header(), None):
        form = code_of(pushing, push(pushing, key.header("/par")))
        assert error_of(pushing.post("/token", form, headers)) == (400, "invalid_grant")


def test_proof_and_dpop_jkt_must_name_one_key(pushing: Caller, key: ProofKey, other: ProofKey) -> None:
    """ensure-mismatched-dpop-jkt-fails"""
    assert error_of(push(pushing, key.header("/par"), dpop_jkt=other.jkt)) == (400, "invalid_dpop_proof")


def test_a_refused_proof_refuses_the_pushing(pushing: Caller, key: ProofKey) -> None:
    for proof in ("", "nonsense", key.proof("/token"), key.proof("/par", "GET"), key.proof("/par", iat=1)):
        assert error_of(push(pushing, {"DPoP": proof})) == (400, "invalid_dpop_proof")
    proof = key.header("/par")
    assert push(pushing, proof).status_code == 201
    assert error_of(push(pushing, proof)) == (400, "invalid_dpop_proof")


def test_nonces_of_the_pushing(pushing: Caller, key: ProofKey, with_nonces: FlaskClient) -> None:
    pushing.http = with_nonces
    response = push(pushing, key.header("/par"))
    assert error_of(response) == (400, "use_dpop_nonce")
    nonce = response.headers["DPoP-Nonce"]
    response = push(pushing, key.header("/par", nonce=nonce))
    assert (response.status_code, response.headers["DPoP-Nonce"]) == (201, nonce)


# --- §11.1: replay ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("ephemeral_store")
def test_a_proof_counts_once(side: TokenSide, caller: Caller, key: ProofKey, clock: Clock) -> None:
    clock.advance(60)  # a store that has just begun to remember refuses what may be older
    proof = key.header()
    assert own(caller, proof).status_code == 200
    assert error_of(own(caller, proof)) == (400, "invalid_dpop_proof")


@pytest.mark.usefixtures("both_engines")
def test_of_many_at_once_one_wins(
    side: TokenSide, key: ProofKey, token: str, app: Flask, new_http: Callable[[Flask], FlaskClient]
) -> None:
    headers = key.presenting(token)
    statuses = race(lambda _number: new_http(app).get("/userinfo", headers=headers).status_code)
    assert sorted(statuses) == [200] + [401] * 7


# --- discovery, browsers, cost ---------------------------------------------------------------------------------------


def test_discovery_names_the_algorithms(side: TokenSide) -> None:
    found = side.http.get("/.well-known/openid-configuration").json
    assert found["dpop_signing_alg_values_supported"] == ["PS256", "ES256", "EdDSA", "Ed25519"]


def test_pages_may_send_proofs_and_read_nonces(
    side: TokenSide, public: Caller, key: ProofKey, with_nonces: FlaskClient
) -> None:
    public.http = with_nonces
    response = own(public, key.header() | {"Origin": "http://127.0.0.1:9009"})
    assert response.json["error"] == "use_dpop_nonce"
    assert "DPoP-Nonce" in response.headers["Access-Control-Expose-Headers"]


@pytest.mark.usefixtures("both_engines")
def test_a_proof_costs_one_claim(side: TokenSide, caller: Caller, key: ProofKey, statements: Count) -> None:
    exchange(side, caller)
    codes = [side.code(caller, side.person()).parameters() for _ in range(2)]
    counts, bodies = [], []
    for headers, code in zip((None, key.header()), codes, strict=True):
        with statements() as seen:
            bodies.append(caller.post("/token", {"grant_type": "authorization_code", **code}, headers).json)
        counts.append(len(seen))
    assert counts[1] == counts[0] + 1
    for index, headers in enumerate((None, key.header())):
        with statements() as seen:
            assert refresh(caller, bodies[index]["refresh_token"], headers).status_code == 200
        assert len(seen) == 1 + index, seen
    with statements() as seen:
        assert show(side, key, bodies[1]["access_token"]).status_code == 200
    assert len(seen) == 2, seen
    for headers, cost in ((None, 1), (key.header("/par"), 2)):
        with statements() as seen:
            assert push(caller, headers).status_code == 201
        assert len(seen) == cost, seen


ANYTHING = st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=80)
SCHEMES = st.sampled_from(["", "DPoP ", "Bearer ", "dpop  ", "Basic "])


@given(SCHEMES, ANYTHING, ANYTHING)
@hypothesis_settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_headers_break_a_resource(side: TokenSide, scheme: str, text: str, proof: str) -> None:
    response = side.http.get("/userinfo", headers={"Authorization": scheme + text, "DPoP": proof})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].partition(" ")[0] in {"Bearer", "DPoP"}


class TestWithRedis:
    """There it costs no statement at all."""

    @pytest.fixture
    def settings(self, settings: Settings, redis_url: str) -> Settings:
        return replace(settings, redis_url=redis_url)

    def test_a_proof_costs_no_statement(
        self, side: TokenSide, caller: Caller, key: ProofKey, statements: Count, clock: Clock
    ) -> None:
        clock.advance(60)
        token = exchange(side, caller, key.header()).json["access_token"]
        with statements() as seen:
            assert show(side, key, token).status_code == 200
        assert len(seen) == 1, seen
