"""How a client proves itself at the provider's endpoints (OpenID Connect Core §9, RFC 6749 §2.3, RFC 7523 §2.2)."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote_plus

from joserfc import jwt
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from clients.kit.jwt import SignatureRegistry

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFE = timedelta(seconds=60)


class ClientAuthentication(Protocol):
    """Adds the client's proof to a request: form fields and headers."""

    def prove(self, client_id: str, audience: str, now: datetime) -> tuple[dict[str, str], dict[str, str]]:
        """(form fields, headers). `audience` is the issuer identifier of the provider."""
        ...


@dataclass(frozen=True)
class NoAuth:
    """A public client: it names itself and proves nothing; PKCE protects its codes."""

    def prove(self, client_id: str, audience: str, now: datetime) -> tuple[dict[str, str], dict[str, str]]:
        return {"client_id": client_id}, {}


@dataclass(frozen=True)
class ClientSecretBasic:
    secret: str = field(repr=False)

    def prove(self, client_id: str, audience: str, now: datetime) -> tuple[dict[str, str], dict[str, str]]:
        # RFC 6749 §2.3.1: both parts are form-urlencoded before they are joined.
        pair = f"{quote_plus(client_id)}:{quote_plus(self.secret)}"
        return {}, {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


@dataclass(frozen=True)
class ClientSecretPost:
    secret: str = field(repr=False)

    def prove(self, client_id: str, audience: str, now: datetime) -> tuple[dict[str, str], dict[str, str]]:
        return {"client_id": client_id, "client_secret": self.secret}, {}


@dataclass(frozen=True)
class PrivateKeyJwt:
    """`key` is a private JWK (with `kid`); `algorithm` one that fits it."""

    key: dict[str, Any] = field(repr=False)
    algorithm: str = "ES256"

    def prove(self, client_id: str, audience: str, now: datetime) -> tuple[dict[str, str], dict[str, str]]:
        return {
            "client_id": client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._assertion(client_id, audience, now),
        }, {}

    def _assertion(self, client_id: str, audience: str, now: datetime) -> str:
        key = JWKRegistry.import_key(self.key)
        if not isinstance(key, RSAKey | ECKey | OKPKey) or not key.is_private:
            raise ValueError("private_key_jwt needs an asymmetric private key")
        header = {"alg": self.algorithm, "typ": "JWT"} | ({"kid": key.kid} if key.kid else {})
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "jti": secrets.token_urlsafe(24),
            "iat": int(now.timestamp()),
            "exp": int((now + ASSERTION_LIFE).timestamp()),
        }
        return jwt.encode(header, claims, key, registry=SignatureRegistry(algorithms=[self.algorithm]))
