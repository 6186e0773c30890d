"""A relying party written by somebody else: it knows target.json, the discovery document and the specifications.

Nothing here imports the project; tokens are checked by joserfc against the published keys.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from tests.person import Page, Person

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
EVERYTHING = "openid profile email phone address offline_access"


@dataclass
class Attempt:
    """One authorization request as sent, with the secrets its client keeps."""

    url: str
    redirect_uri: str
    verifier: str
    nonce: str
    state: str


def _plain_client() -> httpx.Client:
    # Plain http on this machine: without loading certificate authorities, which takes longer than the calls.
    transport = httpx.HTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    return httpx.Client(transport=transport, timeout=15)


@dataclass
class ForeignClient:
    """One entry of target.json's clients. ``key`` picks the private key to sign assertions with (RSA or EC)."""

    target: Mapping[str, Any]
    name: str
    key: str = "RSA"
    _http: httpx.Client = field(default_factory=_plain_client, repr=False)

    def close(self) -> None:
        self._http.close()

    @property
    def http(self) -> httpx.Client:
        """For calls of the client's own server, which keeps no cookies."""
        self._http.cookies.clear()
        return self._http

    @property
    def registered(self) -> dict[str, Any]:
        entry: dict[str, Any] = self.target["clients"][self.name]
        return entry

    @property
    def client_id(self) -> str:
        return str(self.registered["client_id"])

    @property
    def issuer(self) -> str:
        return str(self.target["issuer"])

    @cached_property
    def metadata(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"{self.issuer}/.well-known/openid-configuration").json()
        return found

    def endpoint(self, name: str) -> str:
        return str(self.metadata[f"{name}_endpoint"])

    # --- authorization -----------------------------------------------------------------------------------------------

    def begin(self, **parameters: str | None) -> Attempt:
        verifier, nonce, state = (secrets.token_urlsafe(32) for _ in range(3))
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.registered["redirect_uri"],
            "scope": EVERYTHING,
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        } | parameters
        sent = {name: value for name, value in asked.items() if value is not None}
        url = f"{self.endpoint('authorization')}?{urlencode(sent)}"
        return Attempt(url, sent.get("redirect_uri", ""), verifier, sent.get("nonce", ""), sent.get("state", ""))

    def walk(self, person: Person, user: Mapping[str, Any], attempt: Attempt, *, decision: str = "allow") -> Page:
        """Do what the pages ask until the browser is sent back; the page it ends at."""
        return self.walk_on(person, user, attempt, person.open(attempt.url, stop_before=attempt.redirect_uri), decision)

    def walk_on(
        self, person: Person, user: Mapping[str, Any], attempt: Attempt, page: Page, decision: str = "allow"
    ) -> Page:
        form = self.target["login_form"]
        for _ in range(6):
            if page.url.startswith(attempt.redirect_uri):
                return page
            stop = {"stop_before": attempt.redirect_uri}
            if page.has(form["submit_id"]):
                who = {form["username_field"]: user["username"], form["password_field"]: user["password"]}
                page = person.submit(page, form["submit_id"], **stop, **who)
            elif page.has(self.target["consent"][f"{decision}_id"]):
                page = person.submit(page, self.target["consent"][f"{decision}_id"], **stop)
            elif page.has("act-as-submit"):
                page = person.submit(page, "act-as-submit", **stop)
            else:
                return page
        raise AssertionError(f"the pages do not end: {person.trail[-6:]}")

    def answer(self, person: Person, user: Mapping[str, Any], **parameters: str | None) -> dict[str, str]:
        """The parameters of the authorization response, which must be of this request and issuer (RFC 9207)."""
        attempt = self.begin(**parameters)
        return self.read_answer(self.walk(person, user, attempt), attempt)

    def read_answer(self, page: Page, attempt: Attempt) -> dict[str, str]:
        assert page.url.startswith(attempt.redirect_uri), f"{page.status} {page.url}: {page.words[:300]}"
        parts = urlsplit(page.url)
        answer = dict(parse_qsl(parts.query or parts.fragment))  # where a token was asked for, errors are there
        assert answer.get("iss") == self.issuer
        assert answer.get("state", "") == attempt.state
        return answer

    def log_in(self, person: Person, user: Mapping[str, Any], **parameters: str | None) -> dict[str, Any]:
        """The whole code flow; the token response, its ID token validated under ``claims``."""
        attempt = self.begin(**parameters)
        answer = self.read_answer(self.walk(person, user, attempt), attempt)
        assert "code" in answer, answer
        return self.exchange(answer["code"], attempt)

    def exchange(self, code: str, attempt: Attempt) -> dict[str, Any]:
        got = self.token(
            grant_type="authorization_code",
            code=code,
            redirect_uri=attempt.redirect_uri,
            code_verifier=attempt.verifier,
        )
        assert got.status_code == 200, got.text
        assert got.headers["Cache-Control"] == "no-store"
        tokens: dict[str, Any] = got.json()
        tokens["claims"] = self.validate(tokens["id_token"], attempt.nonce, tokens["access_token"])
        return tokens

    # --- tokens ------------------------------------------------------------------------------------------------------

    def token(self, **form: str) -> httpx.Response:
        return self.post(self.endpoint("token"), **form)

    def refresh(self, refresh_token: str, **more: str) -> httpx.Response:
        return self.token(grant_type="refresh_token", refresh_token=refresh_token, **more)

    def post(self, url: str, **form: str) -> httpx.Response:
        """A form with the client's own authentication."""
        headers, credentials = self.authentication()
        return self.http.post(url, data=form | credentials, headers=headers)

    def authentication(self) -> tuple[dict[str, str], dict[str, str]]:
        secret = self.registered.get("client_secret", "")
        if "jwks_private" in self.registered:
            return {}, {"client_assertion_type": JWT_BEARER, "client_assertion": self.assertion()}
        if not secret:
            return {}, {"client_id": self.client_id}
        if self.name == "post":
            return {}, {"client_id": self.client_id, "client_secret": secret}
        pair = f"{quote(self.client_id, safe='')}:{quote(secret, safe='')}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}, {}

    def assertion(self, **changed: Any) -> str:
        now = int(time.time())
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": self.issuer, "iat": now, "exp": now + 60}
        key = next(jwk for jwk in self.registered["jwks_private"]["keys"] if jwk["kty"] == self.key)
        alg = key.get("alg") or {"RSA": "RS256", "EC": "ES256"}[self.key]
        private = {"RSA": RSAKey, "EC": ECKey}[self.key].import_key(key)
        header = {"alg": alg, "kid": key["kid"]}
        return jwt.encode(header, claims | {"jti": secrets.token_hex(16)} | changed, private, algorithms=[alg])

    # --- validation --------------------------------------------------------------------------------------------------

    def keys(self) -> KeySet:
        return KeySet.import_key_set(self.http.get(self.metadata["jwks_uri"]).json())

    def decode(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and claims of a token one of the published keys signed."""
        algorithms = self.metadata["id_token_signing_alg_values_supported"]
        decoded = jwt.decode(token, self.keys(), algorithms=algorithms)
        return dict(decoded.header), dict(decoded.claims)

    def validate(self, id_token: str, nonce: str, access_token: str) -> dict[str, Any]:
        """OpenID Connect Core §3.1.3.7 and §3.1.3.8."""
        header, claims = self.decode(id_token)
        now = time.time()
        assert header["kid"]
        assert header.get("typ", "JWT") == "JWT"
        assert claims["iss"] == self.issuer
        assert claims["aud"] in (self.client_id, [self.client_id])
        assert claims["iat"] - 5 <= now < claims["exp"]
        assert claims.get("nonce", "") == nonce
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        assert claims["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
        return claims

    def userinfo(self, access_token: str) -> httpx.Response:
        return self.http.get(self.endpoint("userinfo"), headers={"Authorization": f"Bearer {access_token}"})

    def introspect(self, token: str) -> dict[str, Any]:
        answer = self.post(self.endpoint("introspection"), token=token)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def payload(token: str) -> dict[str, Any]:
    """A token's claims, unverified: for attackers."""
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def forged(token: str, header: Mapping[str, Any], **changed: Any) -> str:
    """The same token with another header and claims, unsigned."""

    def encoded(value: Mapping[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{encoded(header)}.{encoded(payload(token) | changed)}."
