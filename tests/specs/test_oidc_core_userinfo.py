"""OpenID Connect Core §5.3.2: userinfo as JSON, signed, encrypted or both, as the client registered; §5.5 in full."""

from __future__ import annotations

import json
from typing import Any

import pytest

from idp.storage import consents
from tests.conftest import ISSUER
from tests.front_channel import FrontChannel, Recipient
from tests.specs.test_oidc_core_tokens import EVERYTHING
from tests.token_side import Caller, TokenSide

KEYS = {"EC": Recipient.new("ECDH-ES"), "RSA": Recipient.new("RSA-OAEP")}
SCOPE = frozenset({"openid", "profile"})


def userinfo(side: TokenSide, caller: Caller, **person: Any) -> Any:
    return side.userinfo(side.tokens(caller, side.person(**person), scope=SCOPE)["access_token"])


# --- §5.3.2: the form -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_userinfo_rs256(side: TokenSide, alg: str) -> None:
    """oidcc-userinfo-rs256: a JWT with iss and aud, without nonce."""
    response = userinfo(side, side.caller(userinfo_signed_response_alg=alg), nickname="阿伟")
    assert response.status_code == 200 and response.content_type == "application/jwt"
    assert response.headers["Cache-Control"] == "no-store"
    token = side.read(response.text, alg)
    assert token.header["alg"] == alg and token.header["kid"]
    assert token.claims["iss"] == ISSUER and token.claims["aud"] == "client"
    assert token.claims["nickname"] == "阿伟" and token.claims["sub"]
    assert {"nonce", "exp", "at_hash"}.isdisjoint(token.claims)


def test_the_claims_are_those_of_the_json(side: TokenSide) -> None:
    person = side.person(**EVERYTHING)
    plain, signed = side.caller("plain"), side.caller("signed", userinfo_signed_response_alg="RS256")
    as_json = side.userinfo(side.tokens(plain, person)["access_token"]).json
    as_jwt = side.read(side.userinfo(side.tokens(signed, person)["access_token"]).text).claims
    assert as_jwt == as_json | {"iss": ISSUER, "aud": "signed"}


@pytest.mark.parametrize("alg", ["RSA-OAEP-256", "RSA-OAEP", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"])
@pytest.mark.parametrize("signing", [None, "ES256"])
def test_it_is_encrypted_bare_or_signed(side: TokenSide, alg: str, signing: str | None) -> None:
    """Signed then encrypted is a nested JWT; encrypted alone the claims themselves."""
    recipient = KEYS["EC" if alg.startswith("ECDH") else "RSA"]
    wishes = {"userinfo_encrypted_response_alg": alg, "userinfo_encrypted_response_enc": "A256GCM"}
    if signing:
        wishes["userinfo_signed_response_alg"] = signing
    response = userinfo(side, side.caller(jwks=recipient.jwks, **wishes))
    assert response.content_type == "application/jwt"
    header, inside = recipient.open(response.text)
    assert header["alg"] == alg and header["enc"] == "A256GCM" and header["kid"] == recipient.kid
    assert header.get("cty") == ("JWT" if signing else None)
    claims = side.read(inside, signing).claims if signing else json.loads(inside)
    assert claims["iss"] == ISSUER and claims["aud"] == "client" and claims["name"] == "张伟"


def test_an_algorithm_of_none_means_json(side: TokenSide) -> None:
    """OpenID Connect Registration §2: it is not offered, and nothing unsigned pretends to be a JWT."""
    assert userinfo(side, side.caller(userinfo_signed_response_alg="none")).content_type == "application/json"


UNUSABLE: list[dict[str, Any]] = [
    {"userinfo_signed_response_alg": "HS256"},
    {"userinfo_encrypted_response_alg": "ECDH-ES"},
    {"userinfo_encrypted_response_alg": "ECDH-ES", "jwks": KEYS["RSA"].jwks},
    {"userinfo_encrypted_response_alg": "RSA1_5", "jwks": KEYS["RSA"].jwks},
    {"userinfo_encrypted_response_alg": "ECDH-ES", "userinfo_encrypted_response_enc": "x", "jwks": KEYS["EC"].jwks},
]


@pytest.mark.parametrize("metadata", UNUSABLE, ids=range(len(UNUSABLE)))
def test_what_cannot_be_made_as_registered_is_not_made(side: TokenSide, metadata: dict[str, Any]) -> None:
    response = userinfo(side, side.caller(**metadata))
    assert response.status_code == 400 and response.json["error"] == "invalid_request"
    assert 'error="invalid_request"' in response.headers["WWW-Authenticate"]
    assert "sub" not in response.json


def test_errors_are_json_whatever_the_client_registered(side: TokenSide) -> None:
    side.caller(userinfo_signed_response_alg="RS256")
    response = side.userinfo("garbage")
    assert response.status_code == 401 and response.content_type == "application/json"


def test_a_signed_answer_is_no_id_token_hint(front: FrontChannel) -> None:
    """It names issuer, audience and person, but it never expires."""
    front.client(userinfo_signed_response_alg="RS256")
    answer = front.side.userinfo(front.ask("id_token token")["access_token"]).text
    assert front.ask("id_token", prompt="none", id_token_hint=answer)["error"] == "invalid_request"


def test_discovery_says_so(side: TokenSide) -> None:
    document = side.http.get("/.well-known/openid-configuration").json
    assert document["userinfo_signing_alg_values_supported"] == ["RS256", "ES256", "PS256", "EdDSA"]
    assert {"acr", "amr", "auth_time", "nonce", "sub", *EVERYTHING} <= set(document["claims_supported"])


# --- §5.5: single claims, where they are asked for ------------------------------------------------------------------

FORMS: list[Any] = [None, {}, {"essential": True}, {"essential": False}, {"kRf3j": "q8"}]


def every_claim() -> dict[str, Any]:
    """As the certification suite asks: every standard claim, each in one of the five forms."""
    return {name: FORMS[number % len(FORMS)] for number, name in enumerate(["sub", *EVERYTHING])}


def test_test_claims_parameter_identity_claims(front: FrontChannel) -> None:
    """fapi2-…-test-claims-parameter-identity-claims: everything asked for is told in both places; strange members and
    claims change nothing."""
    from idp.storage import accounts

    with front.side.work() as context:
        accounts.update_claims(context.db, context.vault, front.person.id, EVERYTHING, context.now)
    caller = front.client()
    claims = {"id_token": every_claim() | {"x9": None}, "userinfo": every_claim(), "Zq7": {"w": None}}
    body = front.redeem(caller, front.ask("code", claims=json.dumps(claims))).json
    told = front.claims(body["id_token"])
    at_userinfo = front.side.userinfo(body["access_token"]).json
    assert {name: told.get(name) for name in EVERYTHING} == EVERYTHING
    assert at_userinfo == EVERYTHING | {"sub": front.person.subject}
    known = {"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"}
    assert set(told) - set(EVERYTHING) <= known


def test_what_is_known_of_the_login_can_be_asked_for_at_userinfo(front: FrontChannel) -> None:
    caller = front.client()
    asked = {"userinfo": {"acr": None, "auth_time": {"essential": True}, "amr": None, "nonce": None, "aud": None}}
    body = front.redeem(caller, front.ask("code", claims=json.dumps(asked))).json
    assert front.side.userinfo(body["access_token"]).json == {
        "sub": front.person.subject,
        "acr": "urn:tongxing:loa:2",
        "amr": ["pwd"],
        "auth_time": int(front.session.auth_time.timestamp()),
    }


@pytest.mark.parametrize("form", [{"value": "somebody@else.example"}, {"values": ["a", "b"], "essential": True}])
def test_a_wished_value_never_changes_what_is_true(front: FrontChannel, form: dict[str, Any]) -> None:
    """§5.5.1: a value is a wish; the claim says what it is."""
    caller = front.client()
    asked = {place: {"email": form} for place in ("id_token", "userinfo")}
    body = front.redeem(caller, front.ask("code", claims=json.dumps(asked))).json
    assert front.claims(body["id_token"])["email"] == "zhangwei@example.cn"
    assert front.side.userinfo(body["access_token"]).json["email"] == "zhangwei@example.cn"


def test_single_claims_are_shown_before_they_are_told(front: FrontChannel) -> None:
    """Without the person's consent to exactly these there is no answer."""
    front.client(is_first_party=False)
    asked = json.dumps({"id_token": {"email": None}, "userinfo": {"birthdate": None, "acr": None}})
    refused = front.ask("code", claims=asked, prompt="none")
    assert refused["error"] == "consent_required"
    page = front.request(claims=asked)
    shown = front.side.http.get(page.headers["Location"], headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "e-mail address" in shown and "date of birth" in shown and "auth_time" not in shown


AGREED = frozenset({"openid", "profile"})


def agree(front: FrontChannel, scope: frozenset[str], claims: frozenset[str] = frozenset()) -> None:
    with front.side.work() as context:
        consents.remember(context.db, front.person.id, "client", scope, claims, context.now)


@pytest.mark.parametrize("place", ["userinfo", "id_token"])
def test_what_was_agreed_by_scope_covers_its_claims_asked_for_singly(front: FrontChannel, place: str) -> None:
    """§5.4: the scope stands for these claims, so the person has agreed to each of them, and to that one alone here."""
    caller = front.client(is_first_party=False)
    agree(front, AGREED)
    told = front.ask("code", scope="openid", claims=json.dumps({place: {"name": None}}), prompt="none")
    body = front.redeem(caller, told).json
    userinfo, id_token = front.side.userinfo(body["access_token"]).json, front.claims(body["id_token"])
    assert ("name" in userinfo, "name" in id_token) == (place == "userinfo", place == "id_token")
    assert {"preferred_username", "updated_at", "locale"}.isdisjoint(userinfo.keys() | id_token.keys())


@pytest.mark.parametrize(
    ("agreed", "asked"),
    [
        pytest.param((AGREED, ()), {"scope": "openid", "claims": ["email"]}, id="a claim of another scope"),
        pytest.param((AGREED, ()), {"scope": "openid", "claims": ["name", "id_number"]}, id="one agreed, one not"),
        pytest.param((AGREED, ()), {"scope": "openid identity", "claims": ["name"]}, id="another scope with the claim"),
        pytest.param((AGREED, ()), {"scope": "openid phone", "claims": ["name"]}, id="another scope"),
        pytest.param(({"openid"}, ("name",)), {"scope": "openid", "claims": ["birthdate"]}, id="of the claim's scope"),
        pytest.param(
            ({"openid"}, ("email", "email_verified")), {"scope": "openid email", "claims": []}, id="the scope"
        ),
    ],
)
def test_nothing_is_covered_that_was_not_agreed(
    front: FrontChannel, agreed: tuple[frozenset[str], tuple[str, ...]], asked: dict[str, Any]
) -> None:
    front.client(is_first_party=False)
    agree(front, frozenset(agreed[0]), frozenset(agreed[1]))
    claims = json.dumps({"userinfo": dict.fromkeys(asked["claims"])})
    refused = front.ask("code", scope=asked["scope"], claims=claims, prompt="none")
    assert refused["error"] == "consent_required"
