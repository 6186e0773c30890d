"""The certification plan for basic providers, module by module, played by its static clients as the import file of
deploy/conformance has them: confidential, profile ``legacy``, by their openings without PKCE and with unsigned request
objects (OpenID Connect Core §3.1, §5, §6)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from idp.config import Settings
from idp.domain.account import Account
from idp.storage import consents
from tests.assertions import OMIT
from tests.authorizing import CHALLENGE, REDIRECT_URI, VERIFIER, csrf_token, location, page, text_of
from tests.clock import Clock
from tests.conftest import ISSUER, PASSWORD
from tests.request_objects import unsigned
from tests.token_side import bearer

PROFILE = {
    "name": "张伟",
    "given_name": "伟",
    "family_name": "张",
    "middle_name": "W",
    "nickname": "Wei",
    "preferred_username": "zhangwei",
    "profile": "https://example.cn/zhang",
    "picture": "https://example.cn/zhang.png",
    "website": "https://example.cn",
    "gender": "male",
    "birthdate": "1990-01-01",
    "zoneinfo": "Asia/Urumqi",
    "locale": "zh-CN",
}
EMAIL = {"email": "zhang@example.cn", "email_verified": True}
ADDRESS = {"address": {"country": "CN", "locality": "乌鲁木齐"}}
PHONE = {"phone_number": "+8613800000000", "phone_number_verified": True}
OF_SCOPE = {
    "profile": {*PROFILE, "updated_at"},
    "email": set(EMAIL),
    "address": set(ADDRESS),
    "phone": set(PHONE),
}
SCOPES = frozenset({"openid", *OF_SCOPE, "offline_access"})


@dataclass
class Suite:
    """The suite: its browser, and a static client that sends its secret as it was registered to."""

    http: FlaskClient
    clock: Clock
    client_id: str
    secret: str
    is_post: bool = False

    def ask(self, *, by_post: bool = False, **changes: Any) -> TestResponse:
        known = {
            "client_id": self.client_id,
            "redirect_uri": REDIRECT_URI,
            "scope": "openid",
            "response_type": "code",
            "state": "a-state",
            "nonce": "a-nonce",
        }
        asked = {name: value for name, value in (known | changes).items() if value is not None}
        if by_post:
            return self.http.post("/authorize", data=asked)
        return self.http.get("/authorize", query_string=asked)

    def answered(self, **changes: Any) -> dict[str, str]:
        return self.read(self.ask(**changes))

    def read(self, response: TestResponse) -> dict[str, str]:
        found = location(response)
        assert found.startswith(REDIRECT_URI), found
        return dict(parse_qsl(urlsplit(found).query))

    def log_in(self, response: TestResponse) -> dict[str, str]:
        """On the login page where it leads to one, and back to the client."""
        path, _handle = page(response)
        assert path == "/login", path
        address = location(response)
        form = {"username": "zhangwei", "password": PASSWORD, "csrf_token": csrf_token(self.http.get(address))}
        back = self.http.post(address, data=form)
        return self.read(self.http.get(location(back)))

    def token(self, **form: Any) -> TestResponse:
        if self.is_post:
            return self.http.post("/token", data=form | {"client_id": self.client_id, "client_secret": self.secret})
        return self.http.post("/token", data=form, auth=(self.client_id, self.secret))

    def redeem(self, code: str, **options: Any) -> TestResponse:
        return self.token(grant_type="authorization_code", code=code, redirect_uri=REDIRECT_URI, **options)

    def tokens(self, **changes: Any) -> dict[str, Any]:
        response = self.redeem(self.answered(**changes)["code"])
        assert response.status_code == 200, response.text
        return dict(response.json)

    def claims(self, tokens: dict[str, Any]) -> dict[str, Any]:
        keys = KeySet.import_key_set(self.http.get("/jwks").json)
        return dict(jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims)

    def userinfo(self, tokens: dict[str, Any]) -> dict[str, Any]:
        response = self.http.get("/userinfo", headers=bearer(tokens["access_token"]))
        assert response.status_code == 200, response.text
        return dict(response.json)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, openings_allowed=True)


@pytest.fixture
def person(add_person: Any) -> Account:
    found: Account = add_person(username="zhangwei", **PROFILE, **EMAIL, **ADDRESS, **PHONE)
    return found


@pytest.fixture
def new_suite(http: FlaskClient, clock: Clock, register_client: Any, person: Account, work: Any) -> Any:
    def new(client_id: str = "oidf-1", **metadata: Any) -> Suite:
        document = {"profile": "legacy", "openings": ["request_without_pkce", "unsigned_request_object"]} | metadata
        _client, secret = register_client(client_id, **document)
        with work() as context:
            consents.remember(context.db, person.id, client_id, SCOPES, frozenset({"name"}), context.now)
        return Suite(http, clock, client_id, secret, metadata.get("token_endpoint_auth_method") == "client_secret_post")

    return new


@pytest.fixture
def suite(new_suite: Any, person: Account, sign_in: Any) -> Suite:
    """With a person who is signed in."""
    found: Suite = new_suite()
    sign_in(person)
    return found


def test_server(suite: Suite) -> None:
    tokens = suite.tokens()
    claims = suite.claims(tokens)
    assert {"iss", "sub", "aud", "exp", "iat", "nonce", "auth_time"} <= set(claims)
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (ISSUER, "oidf-1", "a-nonce")
    assert tokens["token_type"] == "Bearer" and tokens["expires_in"] > 0
    assert suite.userinfo(tokens)["sub"] == claims["sub"]


def test_response_type_missing(suite: Suite) -> None:
    assert suite.answered(response_type=None)["error"] == "invalid_request"


def test_userinfo_get_and_post_header_and_post_body(suite: Suite) -> None:
    token = suite.tokens()["access_token"]
    answers = [
        suite.http.get("/userinfo", headers=bearer(token)),
        suite.http.post("/userinfo", headers=bearer(token)),
        suite.http.post("/userinfo", data={"access_token": token}),
    ]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.json["sub"] for answer in answers}) == 1


def test_ensure_request_without_nonce_succeeds_for_code_flow(suite: Suite) -> None:
    assert "nonce" not in suite.claims(suite.tokens(nonce=None))


@pytest.mark.parametrize("scope", sorted(OF_SCOPE))
def test_scope_profile_and_scope_email_and_scope_address_and_scope_phone(suite: Suite, scope: str) -> None:
    """All of the scope's claims at userinfo, none of another's, and none in the ID token."""
    tokens = suite.tokens(scope=f"openid {scope}")
    assert set(suite.userinfo(tokens)) == {"sub"} | OF_SCOPE[scope]
    assert not OF_SCOPE[scope] & set(suite.claims(tokens))


def test_scope_all(suite: Suite) -> None:
    told = suite.userinfo(suite.tokens(scope="openid profile email address phone"))
    assert set(told) == {"sub"}.union(*OF_SCOPE.values())
    assert isinstance(told["updated_at"], int) and isinstance(told["address"], dict)


def test_alternate_happy_flow(suite: Suite) -> None:
    """The order of scopes and of parameters does not matter."""
    told = suite.userinfo(suite.tokens(scope="phone email openid"))
    assert set(told) == {"sub", *EMAIL, *PHONE}
    turned = {"state": "b", "response_type": "code", "scope": "openid", "redirect_uri": REDIRECT_URI}
    query = turned | {"client_id": "oidf-1"}
    assert suite.read(suite.http.get("/authorize", query_string=query))["state"] == "b"


@pytest.mark.parametrize(
    "changes",
    [
        {"display": "page"},
        {"display": "popup"},
        {"extra": "foobar"},
        {"login_hint": "buffy@example.org"},
        {"ui_locales": "se"},
        {"claims_locales": "se"},
    ],
    ids=[
        "display-page",
        "display-popup",
        "ensure-request-with-unknown-parameter-succeeds",
        "login-hint",
        "ui-locales",
        "claims-locales",
    ],
)
def test_what_needs_no_heed_is_no_error(suite: Suite, changes: dict[str, str]) -> None:
    assert suite.claims(suite.tokens(**changes))["sub"]


def test_prompt_login(suite: Suite) -> None:
    before = suite.claims(suite.tokens())
    suite.clock.advance(2)
    again = suite.claims(suite.redeem(suite.log_in(suite.ask(prompt="login"))["code"]).json)
    assert again["auth_time"] > before["auth_time"] and again["sub"] == before["sub"]


def test_prompt_none_not_logged_in(new_suite: Any) -> None:
    assert new_suite().answered(prompt="none")["error"] == "login_required"


def test_prompt_none_logged_in(suite: Suite) -> None:
    """Consent that was remembered satisfies it, and nothing of the login changes."""
    before = suite.claims(suite.tokens())
    suite.clock.advance(2)
    again = suite.claims(suite.tokens(prompt="none"))
    assert (again["sub"], again["auth_time"]) == (before["sub"], before["auth_time"])


def test_max_age_1(suite: Suite) -> None:
    before = suite.claims(suite.tokens())
    suite.clock.advance(2)
    again = suite.claims(suite.redeem(suite.log_in(suite.ask(max_age="1"))["code"]).json)
    assert again["auth_time"] > before["auth_time"]


def test_max_age_10000(suite: Suite) -> None:
    before = suite.claims(suite.tokens())
    suite.clock.advance(2)
    again = suite.claims(suite.tokens(max_age="10000"))
    assert (again["sub"], again["auth_time"]) == (before["sub"], before["auth_time"])


def test_id_token_hint(suite: Suite) -> None:
    tokens = suite.tokens()
    again = suite.tokens(prompt="none", id_token_hint=tokens["id_token"])
    assert suite.claims(again)["sub"] == suite.claims(tokens)["sub"]


def test_ensure_request_with_acr_values_succeeds(suite: Suite) -> None:
    offered = suite.http.get("/.well-known/openid-configuration").json["acr_values_supported"]
    assert suite.claims(suite.tokens(acr_values=" ".join(offered)))["acr"] in offered


@pytest.mark.parametrize("seconds", [0, 30], ids=["codereuse", "codereuse-30seconds"])
def test_codereuse_and_codereuse_30seconds(suite: Suite, seconds: int) -> None:
    code = suite.answered()["code"]
    tokens = dict(suite.redeem(code).json)
    suite.clock.advance(seconds)
    again = suite.redeem(code)
    assert (again.status_code, again.json["error"]) == (400, "invalid_grant")
    assert suite.http.get("/userinfo", headers=bearer(tokens["access_token"])).status_code == 401


def test_ensure_registered_redirect_uri(suite: Suite) -> None:
    response = suite.ask(redirect_uri=f"{REDIRECT_URI}/not-registered")
    assert response.status_code == 400 and "Location" not in response.headers
    assert text_of(response, "error-parameter") == "redirect_uri"


def test_ensure_post_request_succeeds(suite: Suite) -> None:
    """The cookies of a person who is signed in do not come with a form of another site: a redirect fetches them."""
    response = suite.ask(by_post=True)
    while (path := urlsplit(location(response)).path) == "/authorize":
        response = suite.http.get(location(response))
    assert path == urlsplit(REDIRECT_URI).path and suite.read(response)["state"] == "a-state"


def test_server_client_secret_post(new_suite: Any, person: Account, sign_in: Any) -> None:
    suite = new_suite("oidf-post", token_endpoint_auth_method="client_secret_post")
    sign_in(person)
    assert suite.claims(suite.tokens())["aud"] == "oidf-post"


def test_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(suite: Suite) -> None:
    """Supported, by the client's opening: what stands inside wins."""
    inside = unsigned("oidf-1", state="inside", nonce="inside", code_challenge=OMIT, code_challenge_method=OMIT)
    told = suite.answered(request=inside)
    assert told["state"] == "inside"
    assert suite.claims(suite.redeem(told["code"]).json)["nonce"] == "inside"


def test_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(suite: Suite) -> None:
    """A static client registered no address; where one did, the dynamic plan's tests play it."""
    assert suite.answered(request_uri="https://suite.example/object")["error"] == "invalid_request_uri"


def test_ensure_request_object_with_redirect_uri(suite: Suite) -> None:
    inside = unsigned("oidf-1")
    assert "code" in suite.answered(request=inside, redirect_uri=f"{REDIRECT_URI}/not-registered")


def test_claims_essential(suite: Suite) -> None:
    asked = json.dumps({"userinfo": {"name": {"essential": True}}})
    assert suite.userinfo(suite.tokens(claims=asked))["name"] == "张伟"


def test_refresh_token(suite: Suite, new_suite: Any) -> None:
    tokens = suite.tokens()
    other: Suite = new_suite("oidf-2")
    stolen = other.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert stolen.json["error"] == "invalid_grant"
    again = suite.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert again.status_code == 200, again.text
    assert suite.claims(dict(again.json))["sub"] == suite.claims(tokens)["sub"]


def test_ensure_request_with_valid_pkce_succeeds(suite: Suite) -> None:
    code = suite.answered(code_challenge=CHALLENGE, code_challenge_method="S256")["code"]
    assert suite.redeem(code, code_verifier=VERIFIER).status_code == 200
