"""A small but genuine OpenID provider for tests, on a real socket, that misbehaves on demand.

It keeps codes, grants and browser sessions, checks PKCE and client authentication, signs with real keys. A test bends
it through `op.bend`: functions that change what it is about to send, by place.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote_plus, urlencode

from flask import Flask, Response, jsonify, make_response, redirect, request
from joserfc import jws, jwt
from joserfc.jwk import ECKey, JWKRegistry, RSAKey

from tests.clients.serving import answering, bind

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
Bend = Callable[[dict[str, Any]], None]


def left_half_hash(value: str) -> str:
    digest = hashlib.sha256(value.encode()).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


class _AnyAlgorithm(jws.JWSRegistry):
    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


class TestProvider:
    """State and endpoints. `person` is who logs in; `clients` maps client_id to {secret | jwks | public, …}."""

    __test__ = False

    def __init__(self, key: RSAKey | ECKey) -> None:
        self.issuer = ""
        self.key = key
        self.algorithm = "RS256"
        self.published: list[Any] = [self.key]
        self.clients: dict[str, dict[str, Any]] = {}
        self.person: dict[str, Any] = {"sub": "person-1", "name": "王小明"}
        self.acr = "urn:tongxing:loa:2"
        self.reachable_acr = "urn:tongxing:loa:3"
        self.has_sso_session = True
        self.access_token_life = 600
        self.audience = "http://127.0.0.1:8300"
        self.bend: dict[str, Bend] = {}
        """Place → function: discovery, jwks, authorize, id_token, id_token_header, access_token, token, userinfo."""
        self.instead: dict[str, Callable[[], Any]] = {}
        """Endpoint → function whose result is answered in place of the real one."""
        self.calls: Counter[str] = Counter()
        self.last: dict[str, dict[str, str]] = {}
        self.sid = "sid-1"
        self._codes: dict[str, dict[str, Any]] = {}
        self._refresh: dict[str, dict[str, Any]] = {}
        self._access: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self.ended_sids: set[str] = set()
        self.revoked: set[str] = set()
        """Access tokens that introspection calls inactive."""

    def rotate(self, key: RSAKey | ECKey, algorithm: str = "RS256") -> None:
        self.key, self.algorithm, self.published = key, algorithm, [key]

    # --- what it signs ------------------------------------------------------------------------------------------

    def sign(self, header: dict[str, Any], claims: dict[str, Any], key: Any = None) -> str:
        full = {"alg": self.algorithm, "kid": self.key.kid, **header}
        if full["alg"] == "none":
            return unsigned(full, claims)
        if full.get("kid") is None:
            del full["kid"]
        return jwt.encode(
            full, claims, key or self.key, registry=_AnyAlgorithm(algorithms=[full["alg"]]), default_type=None
        )

    def id_token(self, grant: dict[str, Any], access_token: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": self.person["sub"],
            "aud": grant["client_id"],
            "iat": now,
            "exp": now + 300,
            "nonce": grant["nonce"],
            "auth_time": grant["auth_time"],
            "acr": grant["acr"],
            "sid": self.sid,
            "at_hash": left_half_hash(access_token),
        }
        header: dict[str, Any] = {"typ": "JWT"}
        self._bent("id_token", claims)
        self._bent("id_token_header", header)
        key = header.pop("_key", None)
        return self.sign(header, claims, key)

    def access_token(self, **overrides: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": self.person["sub"],
            "aud": self.audience,
            "iat": now,
            "exp": now + self.access_token_life,
            "jti": secrets.token_urlsafe(16),
            "client_id": "client",
            "scope": "openid matters.read matters.submit",
            "acr": self.acr,
            "auth_time": now,
            "sid": self.sid,
            "person": self.person,
            **overrides,
        }
        header: dict[str, Any] = {"typ": "at+jwt"}
        self._bent("access_token", claims)
        self._bent("access_token_header", header)
        key = header.pop("_key", None)
        return self.sign(header, {name: value for name, value in claims.items() if value is not None}, key)

    def logout_token(self, client_id: str, *, header: dict[str, Any] | None = None, **overrides: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": client_id,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_urlsafe(16),
            "sid": self.sid,
            "events": {LOGOUT_EVENT: {}},
            **overrides,
        }
        given = dict(header or {})
        key = given.pop("_key", None)
        kept = {name: value for name, value in claims.items() if value is not None}
        return self.sign({"typ": "logout+jwt", **given}, kept, key)

    def _bent(self, place: str, content: dict[str, Any]) -> None:
        if place in self.bend:
            self.bend[place](content)

    # --- endpoints ----------------------------------------------------------------------------------------------

    def app(self) -> Flask:
        app = Flask("test-provider")
        for rule, method, view in (
            ("/.well-known/openid-configuration", "GET", self._discovery),
            ("/jwks", "GET", self._jwks),
            ("/authorize", "GET", self._authorize),
            ("/token", "POST", self._token),
            ("/userinfo", "GET", self._userinfo),
            ("/introspect", "POST", self._introspect),
            ("/logout", "GET", self._logout),
            ("/session-end", "POST", self._session_end),
        ):
            app.add_url_rule(rule, rule, self._watched(rule, view), methods=[method])
        return app

    def _watched(self, rule: str, view: Callable[[], Any]) -> Callable[[], Any]:
        name = rule.rsplit("/", 1)[-1]

        def answer() -> Any:
            with self._lock:
                self.calls[name] += 1
                self.last[name] = {**request.args.to_dict(), **request.form.to_dict()}
            if name in self.instead and (given := self.instead[name]()) is not None:
                return given
            return view()

        return answer

    def _discovery(self) -> Response:
        content = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "introspection_endpoint": f"{self.issuer}/introspect",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/logout",
            "authorization_response_iss_parameter_supported": True,
        }
        self._bent("discovery", content)
        response = jsonify({name: value for name, value in content.items() if value is not None})
        response.headers["Cache-Control"] = "public, max-age=3600"
        return response

    def _jwks(self) -> Response:
        content: dict[str, Any] = {"keys": [key.as_dict(private=False) for key in self.published]}
        self._bent("jwks", content)
        response = jsonify(content)
        response.headers["Cache-Control"] = "public, max-age=3600"
        return response

    def _authorize(self) -> Any:
        asked = request.args.to_dict()
        if asked.get("client_id") not in self.clients or asked.get("code_challenge_method") != "S256":
            return "unknown client, or no PKCE", 400
        if not self.has_sso_session:
            return "<h1>login form</h1>", 200
        wanted = asked.get("acr_values", "").split()
        acr = self.reachable_acr if wanted else self.acr
        code = secrets.token_urlsafe(24)
        with self._lock:
            self._codes[code] = {**asked, "acr": acr, "auth_time": int(time.time()), "nonce": asked["nonce"]}
        answer = {"code": code, "state": asked["state"], "iss": self.issuer}
        self._bent("authorize", answer)
        kept = {name: value for name, value in answer.items() if value is not None}
        return redirect(f"{asked['redirect_uri']}?{urlencode(kept, doseq=True)}", 303)

    def _token(self) -> Any:
        client_id = self._authenticated_client()
        if client_id is None:
            return jsonify(error="invalid_client"), 401
        grant_type = request.form.get("grant_type")
        if grant_type == "client_credentials":
            token = self.access_token(sub=client_id, client_id=client_id, scope=request.form.get("scope", ""))
            return self._send_tokens({"access_token": token, "token_type": "Bearer", "expires_in": 600})
        grant = self._redeemed(grant_type, client_id)
        if grant is None:
            return jsonify(error="invalid_grant", error_description="used, expired or not yours"), 400
        access = self.access_token(client_id=client_id, acr=grant["acr"], scope=grant["scope"])
        refresh = secrets.token_urlsafe(24)
        with self._lock:
            self._refresh[refresh], self._access[access] = grant, grant
        return self._send_tokens(
            {
                "access_token": access,
                "token_type": "Bearer",
                "expires_in": self.access_token_life,
                "refresh_token": refresh,
                "id_token": self.id_token(grant, access),
                "scope": grant["scope"],
            }
        )

    def _send_tokens(self, content: dict[str, Any]) -> Response:
        self._bent("token", content)
        return jsonify({name: value for name, value in content.items() if value is not None})

    def _redeemed(self, grant_type: str | None, client_id: str) -> dict[str, Any] | None:
        with self._lock:
            if grant_type == "refresh_token":
                grant = self._refresh.pop(request.form.get("refresh_token", ""), None)
                return grant if grant and self.sid not in self.ended_sids else None
            grant = self._codes.pop(request.form.get("code", ""), None)
        if grant is None or grant["client_id"] != client_id or grant["redirect_uri"] != request.form["redirect_uri"]:
            return None
        digest = hashlib.sha256(request.form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return grant if challenge == grant["code_challenge"] else None

    def _authenticated_client(self) -> str | None:
        form, basic = request.form, request.authorization
        if basic is not None and basic.type == "basic":
            client_id, secret = unquote_plus(basic.username or ""), unquote_plus(basic.password or "")
            return client_id if self.clients.get(client_id, {}).get("secret") == secret else None
        client = self.clients.get(form.get("client_id", ""), {})
        if "client_assertion" in form:
            return self._assertion_subject(form["client_assertion"], client)
        if client.get("public") or ("secret" in client and client["secret"] == form.get("client_secret")):
            return form["client_id"]
        return None

    def _assertion_subject(self, assertion: str, client: dict[str, Any]) -> str | None:
        key = JWKRegistry.import_key(client["jwk"])
        token = jwt.decode(assertion, key, algorithms=[client.get("algorithm", "ES256")])
        good = (
            token.claims["iss"] == token.claims["sub"] == request.form["client_id"]
            and token.claims["aud"] == self.issuer
            and token.claims["exp"] > time.time()
            and token.claims["jti"]
        )
        return request.form["client_id"] if good else None

    def _userinfo(self) -> Any:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self._access:
            return jsonify(error="invalid_token"), 401
        content = dict(self.person)
        self._bent("userinfo", content)
        return jsonify(content)

    def _introspect(self) -> Any:
        if self._authenticated_client() is None:
            return jsonify(error="invalid_client"), 401
        return jsonify(active=request.form["token"] not in self.revoked)

    def _logout(self) -> Any:
        target = request.args.get("post_logout_redirect_uri")
        self.has_sso_session = False
        return redirect(target, 303) if target else make_response("signed out")

    def _session_end(self) -> Any:
        if self._authenticated_client() is None:
            return jsonify(error="invalid_client"), 401
        sid = request.form["sid"]
        ended = sid == self.sid and sid not in self.ended_sids
        self.ended_sids.add(sid)
        return jsonify(ended=ended)


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
    return f"{parts[0]}.{parts[1]}."


def signed_bytes(op: TestProvider, payload: bytes) -> str:
    """A properly signed token whose payload is anything at all."""
    return jws.serialize_compact({"alg": op.algorithm, "kid": op.key.kid}, payload, op.key)


@contextmanager
def running(op: TestProvider) -> Iterator[TestProvider]:
    server = bind(op.app())
    op.issuer = f"http://127.0.0.1:{server.port}"
    with answering(server):
        yield op
