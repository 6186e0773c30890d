"""A client at the back-channel endpoints, over HTTP; authorization codes are put into the store as /authorize does."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from sqlalchemy.orm import Session as DbSession
from werkzeug.test import TestResponse

from idp.context import Provider
from idp.crypto.random import hash_secret, new_id, new_secret
from idp.domain.account import Account
from idp.domain.assurance import acr_of
from idp.domain.client import Client
from idp.domain.grant import Grant
from idp.storage import grants

REDIRECT_URI = "http://127.0.0.1:9009/callback"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def basic(client_id: str, secret: str) -> dict[str, str]:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@dataclass
class Caller:
    """A registered client as its own program sees itself."""

    http: FlaskClient
    client: Client
    secret: str | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        return self.client.client_id

    def post(self, path: str, parameters: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> TestResponse:
        """A POST with this client's own authentication added; a parameter of None is left out."""
        data = {name: value for name, value in parameters.items() if value is not None}
        own: dict[str, str] = {}
        if self.client.auth_method == "client_secret_basic":
            own = basic(self.id, self.secret or "")
        elif self.client.auth_method == "client_secret_post":
            data |= {"client_id": self.id, "client_secret": self.secret}
        elif self.client.is_public:
            data |= {"client_id": self.id}
        return self.http.post(path, data=data, headers=own | dict(headers or {}))

    def token(self, grant_type: str, **parameters: Any) -> TestResponse:
        return self.post("/token", {"grant_type": grant_type, **parameters})

    def refresh(self, refresh_token: str, **parameters: Any) -> TestResponse:
        return self.token("refresh_token", refresh_token=refresh_token, **parameters)

    def introspect(self, token: str, **parameters: Any) -> dict[str, Any]:
        response = self.post("/introspect", {"token": token, **parameters})
        assert response.status_code == 200, response.text
        return dict(response.json)

    def revoke(self, token: str, **parameters: Any) -> TestResponse:
        return self.post("/revoke", {"token": token, **parameters})


@dataclass(frozen=True)
class Code:
    """An authorization code with what belongs to it."""

    text: str = field(repr=False)
    verifier: str = field(repr=False)
    grant: Grant

    def parameters(self, **changes: Any) -> dict[str, Any]:
        known = {"code": self.text, "redirect_uri": self.grant.redirect_uri, "code_verifier": self.verifier}
        return known | changes


class TokenSide:
    """Everything a test of the token side needs; ``http`` speaks to the application."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.http: FlaskClient = request.getfixturevalue("http")
        self.provider: Provider = request.getfixturevalue("provider")
        self._register = request.getfixturevalue("register_client")
        self._add_person = request.getfixturevalue("add_person")
        self.work = request.getfixturevalue("work")

    def caller(self, client_id: str = "client", **metadata: Any) -> Caller:
        client, secret = self._register(client_id, **metadata)
        return Caller(self.http, client, secret)

    def person(self, **claims: Any) -> Account:
        account: Account = self._add_person(**claims)
        return account

    def code(self, caller: Caller, account: Account, **changes: Any) -> Code:
        """A fresh code of a person for a client; ``changes`` are fields of the grant."""
        text, verifier = new_secret(), secrets.token_urlsafe(48)
        now = self.provider.clock()
        values: dict[str, Any] = {
            "id": new_id(),
            "client_id": caller.id,
            "account_id": account.id,
            "subject": account.subject,
            "session_id": None,
            "sid": "session-of-the-browser",
            "scope": frozenset({"openid", "profile"}),
            "redirect_uri": REDIRECT_URI,
            "audience": (),
            "created_at": now,
            "auth_time": now - timedelta(minutes=5),
            "acr": acr_of(2),
            "amr": ("pwd",),
            "nonce": "n-0S6_WzA2Mj",
            "code_challenge": create_s256_code_challenge(verifier),
            "code_expires_at": now + self.provider.settings.code_lifetime,
        } | changes
        grant = Grant(**values)
        with DbSession(self.provider.engine) as db:
            grants.add(db, grant, hash_secret(text))
            db.commit()
        return Code(text, verifier, grant)

    def tokens(self, caller: Caller, account: Account, **changes: Any) -> dict[str, Any]:
        """The token response of a code exchange that succeeds."""
        code = self.code(caller, account, **changes)
        response = caller.token("authorization_code", **code.parameters())
        assert response.status_code == 200, response.text
        return dict(response.json)

    def userinfo(self, token: str, **options: Any) -> TestResponse:
        return self.http.get("/userinfo", headers=bearer(token), **options)

    def read(self, token: str, *algorithms: str) -> jwt.Token:
        """A token as an outsider reads it: verified with the published JWKS."""
        registry = _Registry(algorithms=algorithms or ("RS256",))
        return jwt.decode(token, KeySet.import_key_set(self.http.get("/jwks").json), registry=registry)


class _Registry(JWSRegistry):
    def get_alg(self, name: str) -> Any:
        assert name in (self.allowed or ()), name
        return self.algorithms[name]


@pytest.fixture
def side(request: pytest.FixtureRequest) -> TokenSide:
    return TokenSide(request)
