"""Client assertions as a client's own program makes them (RFC 7523 §2.2)."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from joserfc import jws
from joserfc.jwk import generate_key

from tests.clock import present

ISSUER = "http://127.0.0.1:8000"
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KINDS: dict[str, tuple[Any, Any]] = {
    "RS256": ("RSA", 2048),
    "PS256": ("RSA", 2048),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
}
OMIT = object()
"""As a claim's value: leave the claim out."""


class AnyAlgorithm(jws.JWSRegistry):
    """Also signs with names joserfc warns about."""

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


@dataclass(frozen=True)
class AssertionKey:
    """A client's key pair for one algorithm."""

    alg: str
    kid: str = "key-1"
    key: Any = field(default=None, repr=False)

    @classmethod
    def new(cls, alg: str = "ES256", kid: str = "key-1") -> AssertionKey:
        return cls(alg, kid, generate_key(*KINDS[alg]))

    @property
    def public_jwk(self) -> dict[str, Any]:
        return dict(self.key.as_dict(private=False)) | {"kid": self.kid, "alg": self.alg, "use": "sig"}

    def claims(self, client_id: str, now: float | None = None, **changes: Any) -> dict[str, Any]:
        moment = int(present().timestamp() if now is None else now)
        known = {
            "iss": client_id,
            "sub": client_id,
            "aud": ISSUER,
            "jti": secrets.token_urlsafe(16),
            "iat": moment,
            "exp": moment + 60,
        } | changes
        return {name: value for name, value in known.items() if value is not OMIT}

    def sign(self, claims: Any, **header: Any) -> str:
        known = {"alg": self.alg, "kid": self.kid, "typ": "JWT"} | header
        head = {name: value for name, value in known.items() if value is not OMIT}
        payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
        return jws.serialize_compact(head, payload, self.key, registry=AnyAlgorithm())

    def form(self, client_id: str, now: float | None = None, **changes: Any) -> dict[str, str]:
        """The parameters that go with a request."""
        return as_form(self.sign(self.claims(client_id, now, **changes)))


def as_form(assertion: str) -> dict[str, str]:
    return {"client_assertion_type": TYPE, "client_assertion": assertion}
