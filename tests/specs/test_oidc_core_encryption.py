"""OpenID Connect Core §2, §10.1 and §10.2, OpenID Connect Registration §2: ID tokens as clients registered for them:
signed by their algorithm, encrypted to their key, or, in tests only, unsigned."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.crypto.jose import half_hash
from tests.front_channel import FRONT_CHANNEL_TYPES, FrontChannel, Recipient
from tests.token_side import Caller, TokenSide

KEY_ALGORITHMS = ["RSA-OAEP-256", "RSA-OAEP", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"]
CONTENT_ALGORITHMS = ["A256GCM", "A128GCM", "A128CBC-HS256", "A256CBC-HS512"]
KEYS = {"EC": Recipient.new("ECDH-ES"), "RSA": Recipient.new("RSA-OAEP")}


def recipient_for(alg: str) -> Recipient:
    return KEYS["EC" if alg.startswith("ECDH") else "RSA"]


# --- §10.2: signed, then encrypted ----------------------------------------------------------------------------------


@pytest.mark.parametrize("enc", [*CONTENT_ALGORITHMS, None])
@pytest.mark.parametrize("alg", KEY_ALGORITHMS)
def test_an_id_token_is_signed_then_encrypted(side: TokenSide, alg: str, enc: str | None) -> None:
    """Conformance: ValidateEncryptedIdTokenHasKid, ValidateIdTokenFromTokenResponseEncryption."""
    recipient = recipient_for(alg)
    wishes = {"id_token_encrypted_response_alg": alg, "id_token_encrypted_response_enc": enc}
    caller = side.caller(jwks=recipient.jwks, **{name: value for name, value in wishes.items() if value})
    person = side.person()
    tokens = side.tokens(caller, person)
    header, inside = recipient.open(tokens["id_token"])
    assert header["alg"] == alg and header["enc"] == (enc or "A128CBC-HS256")
    assert header["kid"] == recipient.kid and header["cty"] == "JWT"
    claims = side.read(inside).claims
    assert claims["sub"] == person.subject and claims["at_hash"] == half_hash("RS256", tokens["access_token"])


@pytest.mark.parametrize("signing", ["RS256", "PS256", "ES256", "EdDSA"])
def test_the_signature_inside_is_the_registered_one(side: TokenSide, signing: str) -> None:
    caller = side.caller(
        jwks=KEYS["EC"].jwks,
        id_token_encrypted_response_alg="ECDH-ES",
        id_token_encrypted_response_enc="A256GCM",
        id_token_signed_response_alg=signing,
    )
    _, inside = KEYS["EC"].open(side.tokens(caller, side.person())["id_token"])
    assert side.read(inside, signing).header["alg"] == signing


def test_a_refreshed_id_token_is_encrypted_as_well(side: TokenSide) -> None:
    caller = side.caller(jwks=KEYS["EC"].jwks, id_token_encrypted_response_alg="ECDH-ES")
    tokens = side.tokens(caller, side.person())
    again = caller.refresh(tokens["refresh_token"]).json
    assert side.read(KEYS["EC"].open(again["id_token"])[1]).claims["iss"] == "http://127.0.0.1:8000"


@pytest.mark.parametrize("response_type", [item for item in FRONT_CHANNEL_TYPES if "id_token" in item])
def test_an_id_token_in_the_front_channel_is_encrypted_as_well(front: FrontChannel, response_type: str) -> None:
    front.client(jwks=KEYS["EC"].jwks, id_token_encrypted_response_alg="ECDH-ES")
    answer = front.ask(response_type)
    claims = front.claims(KEYS["EC"].open(answer["id_token"])[1])
    assert claims["nonce"] and ("c_hash" in claims) is ("code" in answer.names)


def test_what_was_inside_serves_as_a_hint(front: FrontChannel) -> None:
    """§3.1.2.1: the client decrypts it first."""
    front.client(jwks=KEYS["EC"].jwks, id_token_encrypted_response_alg="ECDH-ES")
    token = front.ask("id_token")["id_token"]
    _, inside = KEYS["EC"].open(token)
    assert "id_token" in front.ask("id_token", prompt="none", id_token_hint=inside).names
    assert front.ask("id_token", prompt="none", id_token_hint=token)["error"] == "invalid_request"


UNUSABLE: list[dict[str, Any]] = [
    {"id_token_encrypted_response_alg": "ECDH-ES"},
    {"id_token_encrypted_response_alg": "ECDH-ES", "jwks": KEYS["RSA"].jwks},
    {"id_token_encrypted_response_alg": "ECDH-ES", "jwks": {"keys": [KEYS["EC"].jwk | {"use": "sig"}]}},
    {"id_token_encrypted_response_alg": "ECDH-ES", "jwks": {"keys": [KEYS["EC"].jwk | {"alg": "ES256"}]}},
    {"id_token_encrypted_response_alg": "ECDH-ES", "jwks": {"keys": [KEYS["EC"].jwk | {"y": "AA"}]}},
    {"id_token_encrypted_response_alg": "RSA1_5", "jwks": KEYS["RSA"].jwks},
    {"id_token_encrypted_response_alg": "dir", "jwks": KEYS["RSA"].jwks},
    {"id_token_encrypted_response_alg": "RSA-OAEP", "jwks": {"keys": [KEYS["RSA"].jwk | {"n": "AQAB"}]}},
    {
        "id_token_encrypted_response_alg": "RSA-OAEP",
        "id_token_encrypted_response_enc": "A192GCM",
        "jwks": KEYS["RSA"].jwks,
    },
    {"id_token_encrypted_response_alg": "RSA-OAEP", "jwks_uri": "https://127.0.0.1:1/jwks"},
    {"id_token_signed_response_alg": "HS256"},
    {"id_token_signed_response_alg": "RS512"},
]


@pytest.mark.parametrize("metadata", UNUSABLE, ids=range(len(UNUSABLE)))
def test_what_cannot_be_made_as_registered_is_not_made(side: TokenSide, metadata: dict[str, Any]) -> None:
    """Never readable, never otherwise signed, never a server error."""
    caller = side.caller(**metadata)
    code = side.code(caller, side.person())
    refused = caller.token("authorization_code", **code.parameters())
    assert refused.status_code == 400 and refused.json["error"] == "invalid_request"
    assert set(refused.json) == {"error", "error_description"}


def test_the_code_is_still_good_once_the_client_has_its_key(side: TokenSide) -> None:
    caller = side.caller(token_endpoint_auth_method="none", id_token_encrypted_response_alg="ECDH-ES")
    code = side.code(caller, side.person())
    assert caller.token("authorization_code", **code.parameters()).status_code == 400
    repaired: Caller = side.caller(
        token_endpoint_auth_method="none", id_token_encrypted_response_alg="ECDH-ES", jwks=KEYS["EC"].jwks
    )
    response = repaired.token("authorization_code", **code.parameters())
    assert response.status_code == 200 and response.json["id_token"].count(".") == 4


def test_a_refresh_that_cannot_be_answered_uses_nothing_up(side: TokenSide) -> None:
    caller = side.caller(token_endpoint_auth_method="none")
    refresh_token = side.tokens(caller, side.person())["refresh_token"]
    broken = side.caller(token_endpoint_auth_method="none", id_token_encrypted_response_alg="ECDH-ES")
    assert broken.refresh(refresh_token).json["error"] == "invalid_request"
    repaired = side.caller(token_endpoint_auth_method="none")
    assert repaired.refresh(refresh_token).status_code == 200


@pytest.mark.parametrize("metadata", UNUSABLE, ids=range(len(UNUSABLE)))
def test_in_the_front_channel_the_client_is_told(front: FrontChannel, metadata: dict[str, Any]) -> None:
    front.client(**metadata)
    answer = front.ask("code id_token token")
    assert (answer.way, answer["error"]) == ("fragment", "invalid_request")
    assert answer.names == {"error", "error_description", "state", "iss"}


# --- §2: unsigned ID tokens, in tests only --------------------------------------------------------------------------


@pytest.fixture
def open_side(
    request: pytest.FixtureRequest, make_app: Callable[..., Flask], new_http: Callable[[Flask], FlaskClient]
) -> TokenSide:
    """A deployment where openings count."""
    app = make_app(openings_allowed=True)
    side = TokenSide(request)
    side.provider, side.http = app.extensions["tongxing"], new_http(app)
    register = side._register
    side._register = lambda client_id, **metadata: register(client_id, provider=side.provider, **metadata)
    return side


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    header, claims, signature = token.split(".")
    read = [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (header, claims)]
    return read[0], read[1], signature


UNSIGNED = {"id_token_signed_response_alg": "none", "openings": ["unsigned_id_token"]}


def test_idtoken_unsigned(open_side: TokenSide) -> None:
    """oidcc-idtoken-unsigned: no signature, and no hash that could bind anything."""
    caller, person = open_side.caller(**UNSIGNED), open_side.person()
    tokens = open_side.tokens(caller, person)
    header, claims, signature = parts(tokens["id_token"])
    assert header == {"alg": "none", "typ": "JWT"} and signature == ""
    assert claims["sub"] == person.subject and claims["nonce"] and "at_hash" not in claims
    assert open_side.userinfo(tokens["access_token"]).status_code == 200
    assert parts(caller.refresh(tokens["refresh_token"]).json["id_token"])[0]["alg"] == "none"


@pytest.mark.parametrize("openings", [[], ["request_without_pkce"]])
def test_without_the_opening_it_is_signed(open_side: TokenSide, openings: list[str]) -> None:
    caller = open_side.caller(**UNSIGNED | {"openings": openings})
    assert open_side.read(open_side.tokens(caller, open_side.person())["id_token"]).header["alg"] == "RS256"


def test_where_the_deployment_allows_no_openings_it_is_signed(side: TokenSide) -> None:
    caller = side.caller(**UNSIGNED)
    assert side.read(side.tokens(caller, side.person())["id_token"]).header["alg"] == "RS256"


def test_an_unsigned_id_token_is_no_hint(open_side: TokenSide) -> None:
    caller = open_side.caller(is_first_party=True, **UNSIGNED)
    token = open_side.tokens(caller, open_side.person())["id_token"]
    response = open_side.http.get("/logout", query_string={"id_token_hint": token})
    assert response.status_code == 400


def test_discovery_lists_none_only_where_openings_are_allowed(side: TokenSide, open_side: TokenSide) -> None:
    path, name = "/.well-known/openid-configuration", "id_token_signing_alg_values_supported"
    assert "none" not in side.http.get(path).json[name]
    assert "none" in open_side.http.get(path).json[name]
    assert "none" not in open_side.http.get(path).json["authorization_signing_alg_values_supported"]


def test_discovery_lists_what_can_be_asked_for(side: TokenSide) -> None:
    document = side.http.get("/.well-known/openid-configuration").json
    for kind in "id_token", "userinfo", "authorization":
        assert document[f"{kind}_encryption_alg_values_supported"] == KEY_ALGORITHMS
        assert document[f"{kind}_encryption_enc_values_supported"] == CONTENT_ALGORITHMS


# --- a FAPI client learns what it registered for, and no more -------------------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "is_told"),
    [
        ({}, True),
        ({"profile": "legacy"}, True),
        ({"profile": "fapi2"}, False),
        ({"profile": "fapi2", "backchannel_logout_uri": "https://rp.example/logout"}, True),
        ({"profile": "fapi2", "frontchannel_logout_uri": "https://rp.example/logout"}, True),
        ({"profile": "fapi2-signing", "post_logout_redirect_uris": ["https://rp.example/out"]}, True),
    ],
)
def test_a_fapi_client_is_told_of_the_session_only_where_it_can_use_it(
    side: TokenSide, metadata: dict[str, Any], is_told: bool
) -> None:
    """Conformance: CheckForUnexpectedClaimsInIdToken of fapi2-…-test-claims-parameter-identity-claims knows no sid."""
    from idp.protocol import id_token

    client = side.caller(**metadata).client
    grant = side.code(side.caller("other"), side.person()).grant
    with side.work() as context:
        token = id_token.issue(context, client, grant)
    alg = "PS256" if metadata.get("profile", "").startswith("fapi2") else "RS256"
    assert ("sid" in side.read(token, alg).claims) is is_told
