"""Introspection answered as a JWT by RFC 9701."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import ECKey, RSAKey
from werkzeug.test import TestResponse

from tests.assertions import AssertionKey
from tests.clock import Clock
from tests.proofs import ProofKey
from tests.token_side import Caller, TokenSide

JWT = "application/token-introspection+jwt"
RESOURCE = "http://127.0.0.1:8300"


def ask(caller: Caller, token: str, accept: str | None = JWT) -> TestResponse:
    return caller.post("/introspect", {"token": token}, {"Accept": accept} if accept is not None else {})


def server(side: TokenSide, **metadata: Any) -> Caller:
    return side.caller("matters", resource_identifier=RESOURCE, **metadata)


@pytest.fixture
def token(side: TokenSide) -> str:
    """One that is meant for the resource server."""
    scope = frozenset({"openid", "matters.read"})
    return str(side.tokens(side.caller(), side.person(), scope=scope)["access_token"])


def test_the_answer_is_a_signed_statement_to_who_asked(side: TokenSide, token: str, clock: Clock) -> None:
    """§5: iss, aud, iat, and the members of RFC 7662 in one claim of their own."""
    caller = server(side)
    response = ask(caller, token)
    assert (response.status_code, response.mimetype) == (200, JWT)
    assert response.headers["Cache-Control"] == "no-store"
    read = side.read(response.text)
    assert (read.header["typ"], read.header["alg"]) == ("token-introspection+jwt", "RS256")
    assert read.claims == {
        "iss": "http://127.0.0.1:8000",
        "aud": "matters",
        "iat": int(clock().timestamp()),
        "token_introspection": ask(caller, token, "application/json").json,
    }
    assert read.claims["token_introspection"]["active"] is True


def test_what_is_not_active_or_not_theirs_is_said_so_too(side: TokenSide, token: str) -> None:
    stranger = side.caller("stranger")
    for text in (token, "unknown", "a.b.c", "x" * 5000):
        assert side.read(ask(stranger, text).text).claims["token_introspection"] == {"active": False}


def test_a_bound_token_tells_its_key(side: TokenSide, clock: Clock) -> None:
    caller, key = side.caller(), ProofKey.new(clock=clock)
    code = side.code(caller, side.person()).parameters()
    given = caller.post("/token", {"grant_type": "authorization_code", **code}, key.header()).json
    told = side.read(ask(caller, given["access_token"]).text).claims["token_introspection"]
    assert (told["token_type"], told["cnf"]) == ("DPoP", {"jkt": key.jkt})


@pytest.mark.parametrize(
    ("accept", "is_jwt"),
    [
        (JWT, True),
        (JWT.upper(), True),
        (f"application/json, {JWT}", True),
        (f"application/json;q=0.5, {JWT};q=0.9", True),
        (f"{JWT}; charset=utf-8", True),
        (f"{JWT};q=0", False),
        (f"{JWT}; q=0.000", False),
        ("application/json", False),
        ("application/*", False),
        ("*/*", False),
        ("application/jwt", False),
        ("", False),
        (None, False),
        (",;,", False),
    ],
)
def test_it_is_given_to_who_asks_for_it(side: TokenSide, token: str, accept: str | None, is_jwt: bool) -> None:
    response = ask(server(side), token, accept)
    assert response.mimetype == (JWT if is_jwt else "application/json")


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_the_algorithm_is_the_registered_one(side: TokenSide, token: str, alg: str) -> None:
    read = side.read(ask(server(side, introspection_signed_response_alg=alg), token).text, alg)
    assert read.header["alg"] == alg


def test_a_fapi_clients_answer_is_signed_as_its_profile_admits(side: TokenSide, token: str) -> None:
    key = AssertionKey.new("ES256")
    metadata = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key.public_jwk]}}
    caller = server(side, profile="fapi2", **metadata)
    form = {"token": token} | key.form("matters")
    response = caller.post("/introspect", form, {"Accept": JWT})
    assert side.read(response.text, "PS256", "ES256", "EdDSA").claims["token_introspection"]["active"]


@pytest.mark.parametrize("alg", ["HS256", "ES384", "x"])
def test_an_algorithm_that_cannot_be_had_gives_nothing(side: TokenSide, token: str, alg: str) -> None:
    response = ask(server(side, introspection_signed_response_alg=alg), token)
    assert (response.status_code, response.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("alg", "enc"), [("RSA-OAEP-256", "A256GCM"), ("ECDH-ES", None), ("ECDH-ES+A256KW", "A128CBC-HS256")]
)
def test_the_answer_is_encrypted_where_registered_so(side: TokenSide, token: str, alg: str, enc: str | None) -> None:
    key: RSAKey | ECKey = RSAKey.generate_key(2048) if alg.startswith("RSA") else ECKey.generate_key("P-256")
    public = dict(key.as_dict(private=False)) | {"kid": "enc", "use": "enc", "alg": alg}
    metadata = {"introspection_encrypted_response_alg": alg, "jwks": {"keys": [public]}}
    caller = server(side, **metadata, **({"introspection_encrypted_response_enc": enc} if enc else {}))
    response = ask(caller, token)
    assert response.mimetype == JWT
    opened = jwe.decrypt_compact(response.text, key, algorithms=[alg, enc or "A128CBC-HS256"])
    assert (opened.headers()["cty"], opened.headers()["enc"]) == ("JWT", enc or "A128CBC-HS256")
    read = side.read((opened.plaintext or b"").decode())
    assert read.claims["token_introspection"]["active"]


def test_without_a_key_to_encrypt_to_nothing_readable_is_given(side: TokenSide, token: str) -> None:
    response = ask(server(side, introspection_encrypted_response_alg="RSA-OAEP-256"), token)
    assert (response.status_code, response.json["error"]) == (400, "invalid_request")


def test_who_may_not_ask_gets_the_usual_error(side: TokenSide) -> None:
    response = side.http.post("/introspect", data={"token": "x"}, headers={"Accept": JWT})
    assert (response.status_code, response.mimetype) == (401, "application/json")
    response = ask(side.caller(), "")
    assert (response.status_code, response.json["error"]) == (400, "invalid_request")


def test_discovery_tells_what_can_be_had(side: TokenSide) -> None:
    """§7"""
    found = side.http.get("/.well-known/oauth-authorization-server").json
    assert found["introspection_signing_alg_values_supported"] == ["RS256", "ES256", "PS256", "EdDSA"]
    assert "RSA-OAEP-256" in found["introspection_encryption_alg_values_supported"]
    assert "A256GCM" in found["introspection_encryption_enc_values_supported"]


@given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=60))
@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_accept_header_breaks_it(side: TokenSide, text: str) -> None:
    caller = side.caller()
    answer = ask(caller, "unknown", text)
    assert answer.status_code == 200
    assert JWT in text.lower() or json.loads(answer.text) == {"active": False}
