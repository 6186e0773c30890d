"""The certification plan for dynamic providers, played by clients that really register themselves: with
private_key_jwt, without PKCE, by a token that carries what certification needs (OpenID Connect Core, Registration)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from idp.config import Settings
from idp.context import Provider
from idp.domain.account import Account
from idp.domain.opening import Opening
from idp.protocol.client_metadata import Policy
from idp.protocol.keys import rotate_now
from idp.storage import consents, initial_access_tokens
from tests.assertions import AssertionKey
from tests.authorizing import location, text_of
from tests.clock import Clock
from tests.registering import Registered, error_of, post, registered
from tests.request_objects import signed, unsigned
from tests.token_side import bearer

ISSUER = "https://op.example"
CALLBACK = "https://suite.example/test/a/callback"
OPENINGS = (
    Opening.UNSIGNED_ID_TOKEN,
    Opening.UNSIGNED_REQUEST_OBJECT,
    Opening.ASSERTION_AUDIENCE_TOKEN_ENDPOINT,
)
SCOPE = frozenset({"openid", "profile", "email", "address", "phone", "offline_access"})


@dataclass
class Suite:
    """The suite: its site, its browser where a person is signed in, and the token it registers with."""

    http: FlaskClient
    provider: Provider
    clock: Clock
    person: Account
    token: str
    site: str
    keys: list[AssertionKey]
    documents: dict[str, str]

    def register(self, *, response_type: str = "code", by_address: bool = False, **metadata: Any) -> Client:
        """As the suite registers, whatever the module; ``metadata`` are what the module adds."""
        if not self.keys:
            self.keys.append(AssertionKey.new("RS256", "rp-1"))
        public = {"keys": [key.public_jwk for key in self.keys]}
        grants = (["authorization_code"] if "code" in response_type.split() else []) + (
            ["implicit"] if response_type != "code" else []
        )
        document = {
            "client_name": "suite client",
            "contacts": ["certification@suite.example"],
            "redirect_uris": [CALLBACK],
            "grant_types": grants,
            "response_types": [response_type],
            "token_endpoint_auth_method": "private_key_jwt",
            **({"jwks_uri": f"{self.site}/jwks"} if by_address else {"jwks": public}),
        }
        client = Client(self, registered(self.http, document | metadata, token=self.token))
        with self.provider.work() as context:
            consents.remember(context.db, self.person.id, client.id, SCOPE, frozenset(), context.now)
        return client

    def verified(self, token: str) -> dict[str, Any]:
        keys = KeySet.import_key_set(self.http.get("/jwks").json)
        return dict(jwt.decode(token, keys, algorithms=["RS256"]).claims)


@dataclass
class Client:
    suite: Suite
    registration: Registered

    @property
    def id(self) -> str:
        return self.registration.id

    def ask(self, **changes: Any) -> TestResponse:
        """An authorization request without PKCE, as most modules send it."""
        told = self.registration.information
        known = {
            "client_id": self.id,
            "redirect_uri": CALLBACK,
            "scope": "openid",
            "response_type": told["response_types"][0],
            "state": "a-state",
            "nonce": "a-nonce",
        }
        asked = {name: value for name, value in (known | changes).items() if value is not None}
        return self.suite.http.get("/authorize", query_string=asked)

    def answered(self, **changes: Any) -> dict[str, str]:
        """What travels back, in the query or in the fragment."""
        found = location(self.ask(**changes))
        assert found.startswith(CALLBACK), found
        return dict(parse_qsl(urlsplit(found).fragment or urlsplit(found).query))

    def token(self, key: AssertionKey | None = None, aud: str = ISSUER, **form: Any) -> TestResponse:
        proof = (key or self.suite.keys[-1]).form(self.id, now=self.suite.clock().timestamp(), aud=aud)
        return self.suite.http.post("/token", data={**form, **proof})

    def redeem(self, code: str, **options: Any) -> dict[str, Any]:
        response = self.token(grant_type="authorization_code", code=code, redirect_uri=CALLBACK, **options)
        assert response.status_code == 200, response.text
        return dict(response.json)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, issuer=ISSUER, registration="token", openings_allowed=True)


@pytest.fixture
def suite(make_app: Any, new_http: Any, serve: Any, clock: Clock, add_person: Any, sign_in: Any) -> Suite:
    site = Flask("suite")
    keys: list[AssertionKey] = []
    documents: dict[str, str] = {}
    site.add_url_rule("/jwks", "jwks", lambda: {"keys": [key.public_jwk for key in keys]})
    site.add_url_rule("/object", "object", lambda: Response(documents["object"], content_type="application/jwt"))
    base = serve(site)
    app = make_app(outbound_allow=(urlsplit(base).netloc,))
    http, provider = new_http(app), app.extensions["tongxing"]
    person = add_person(provider=provider, email="zhang@example.cn", email_verified=True)
    sign_in(person, http=http)
    policy = Policy(profile="legacy", openings=tuple(OPENINGS)).as_document()
    with provider.work() as context:
        _, token = initial_access_tokens.add(context.db, label="suite", policy=policy, now=context.now)
    return Suite(http, provider, clock, person, token, base, keys, documents)


def test_discovery_endpoint_verification(suite: Suite) -> None:
    found = suite.http.get("/.well-known/openid-configuration").json
    assert found["registration_endpoint"] == f"{ISSUER}/clients"
    assert {"code", "id_token", "id_token token"} <= set(found["response_types_supported"])
    assert {"authorization_code", "implicit", "refresh_token"} <= set(found["grant_types_supported"])
    assert {"public", "pairwise"} <= set(found["subject_types_supported"])
    assert "private_key_jwt" in found["token_endpoint_auth_methods_supported"]
    assert "none" in found["id_token_signing_alg_values_supported"]


def test_server(suite: Suite) -> None:
    client = suite.register()
    tokens = client.redeem(client.answered()["code"])
    claims = suite.verified(tokens["id_token"])
    assert claims["aud"] == client.id and claims["nonce"] == "a-nonce" and tokens["expires_in"] == 600
    told = suite.http.get("/userinfo", headers=bearer(tokens["access_token"])).json
    assert told["sub"] == claims["sub"]


@pytest.mark.parametrize(
    ("response_type", "expected"),
    [
        ("code token", {"code", "access_token"}),
        ("code id_token", {"code", "id_token"}),
        ("code id_token token", {"code", "id_token", "access_token"}),
        ("id_token token", {"id_token", "access_token"}),
        ("id_token", {"id_token"}),
    ],
)
def test_server_for_every_response_type_of_the_plan(suite: Suite, response_type: str, expected: set[str]) -> None:
    told = suite.register(response_type=response_type).answered()
    assert {"code", "access_token", "id_token"} & set(told) == expected


def test_idtoken_rs256(suite: Suite) -> None:
    client = suite.register(id_token_signed_response_alg="RS256")
    token = client.redeem(client.answered()["code"])["id_token"]
    head = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    assert head["alg"] == "RS256" and head["kid"]
    assert suite.verified(token)["sub"]


def test_idtoken_unsigned(suite: Suite) -> None:
    client = suite.register(id_token_signed_response_alg="none")
    token = client.redeem(client.answered()["code"])["id_token"]
    head, _, signature = token.split(".")
    assert json.loads(base64.urlsafe_b64decode(head + "=="))["alg"] == "none" and signature == ""


def test_userinfo_rs256(suite: Suite) -> None:
    client = suite.register(userinfo_signed_response_alg="RS256")
    tokens = client.redeem(client.answered(scope="openid email")["code"])
    response = suite.http.get("/userinfo", headers=bearer(tokens["access_token"]))
    assert response.mimetype == "application/jwt"
    claims = suite.verified(response.text)
    assert (claims["iss"], claims["aud"], claims["email"]) == (ISSUER, client.id, "zhang@example.cn")
    assert "nonce" not in claims


def test_ensure_redirect_uri_in_authorization_request(suite: Suite) -> None:
    client = suite.register(redirect_uris=[CALLBACK, f"{CALLBACK}2"])
    response = client.ask(redirect_uri=None)
    assert response.status_code == 400 and text_of(response, "error-parameter") == "redirect_uri"


QUERIES = [
    ("redirect-uri-query-OK", "?foo=bar", "?foo=bar", True),
    ("redirect-uri-query-mismatch", "?foo=bar", "?foo=baz", False),
    ("redirect-uri-query-added", "?foo=bar", "?foo=bar&x=y", False),
    ("added to none", "", "?foo=bar", False),
    ("left out", "?foo=bar", "", False),
]


@pytest.mark.parametrize(
    ("registered_query", "sent_query", "is_good"), [row[1:] for row in QUERIES], ids=[row[0] for row in QUERIES]
)
def test_redirect_uri_query(suite: Suite, registered_query: str, sent_query: str, is_good: bool) -> None:
    client = suite.register(redirect_uris=[CALLBACK + registered_query])
    response = client.ask(redirect_uri=CALLBACK + sent_query)
    if is_good:
        assert "foo=bar&code=" in response.headers["Location"]
    else:
        assert response.status_code == 400 and text_of(response, "error-parameter") == "redirect_uri"


def test_redirect_uri_regfrag(suite: Suite) -> None:
    document = {"redirect_uris": [f"{CALLBACK}#fragment"]}
    assert error_of(post(suite.http, document, token=suite.token)) == "invalid_redirect_uri"


def test_registration_jwks_uri(suite: Suite) -> None:
    client = suite.register(by_address=True)
    assert client.redeem(client.answered()["code"])["id_token"]


def test_server_rotate_keys(suite: Suite) -> None:
    client = suite.register()
    before = {key["kid"] for key in suite.http.get("/jwks").json["keys"]}
    old = client.redeem(client.answered()["code"])["id_token"]
    suite.clock.advance(1)
    with suite.provider.work() as context:
        rotate_now(context)
    after = {key["kid"] for key in suite.http.get("/jwks").json["keys"]}
    assert before < after
    assert suite.verified(old) and suite.verified(client.redeem(client.answered()["code"])["id_token"])


def test_refresh_token_rp_key_rotation(suite: Suite) -> None:
    client = suite.register(by_address=True, grant_types=["authorization_code", "refresh_token"])
    tokens = client.redeem(client.answered(scope="openid offline_access")["code"])
    suite.keys[:] = [AssertionKey.new("RS256", "rp-2")]
    suite.clock.advance(60)
    refreshed = client.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.status_code == 200, refreshed.text
    assert suite.verified(refreshed.json["id_token"])["sub"] == suite.verified(tokens["id_token"])["sub"]


def test_refresh_token(suite: Suite) -> None:
    client = suite.register(grant_types=["authorization_code", "refresh_token"])
    other = suite.register(grant_types=["authorization_code", "refresh_token"])
    tokens = client.redeem(client.answered(scope="openid offline_access")["code"])
    stolen = other.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert stolen.json["error"] == "invalid_grant"
    again = client.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert again.status_code == 200, again.text


def test_request_uri_unsigned(suite: Suite) -> None:
    uri = f"{suite.site}/object"
    client = suite.register(request_uris=[uri], request_object_signing_alg="none")
    suite.documents["object"] = unsigned(client.id, redirect_uri=CALLBACK, state="inside")
    assert client.answered(request_uri=uri, state=None)["state"] == "inside"


def test_request_uri_signed_rs256(suite: Suite) -> None:
    uri = f"{suite.site}/object"
    client = suite.register(request_uris=[uri], request_object_signing_alg="RS256")
    moment, key = suite.clock().timestamp(), suite.keys[0]
    suite.documents["object"] = signed(key, client.id, moment, aud=ISSUER, redirect_uri=CALLBACK, state="inside")
    assert client.answered(request_uri=uri, state=None)["state"] == "inside"


def test_ensure_request_object_with_redirect_uri(suite: Suite) -> None:
    client = suite.register(request_object_signing_alg="none")
    bad = f"{CALLBACK}/not-registered"
    assert "code" in client.answered(request=unsigned(client.id, redirect_uri=CALLBACK), redirect_uri=bad)


@pytest.mark.parametrize("aud", [ISSUER, f"{ISSUER}/token"])
def test_ensure_client_assertion_with_iss_aud_succeeds(suite: Suite, aud: str) -> None:
    client = suite.register()
    assert client.redeem(client.answered()["code"], aud=aud)["id_token"]


def test_without_its_openings_a_client_has_none_of_this(
    suite: Suite, make_app: Callable[..., Flask], new_http: Any
) -> None:
    """The deployment's setting decides: the same clients, where openings do not count."""
    client = suite.register(id_token_signed_response_alg="none", request_object_signing_alg="none")
    suite.http = new_http(make_app(openings_allowed=False))
    client.registration.http = suite.http
    assert client.token(grant_type="client_credentials", aud=f"{ISSUER}/token").json["error"] == "invalid_client"
    asked = client.ask(request=unsigned(client.id, redirect_uri=CALLBACK))
    assert "error=invalid_request_object" in asked.headers["Location"]
