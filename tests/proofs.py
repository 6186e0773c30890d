"""DPoP proofs as a client's own program makes them (RFC 9449 §4.2)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from joserfc import jws
from joserfc.jwk import generate_key, thumbprint

from tests.assertions import ISSUER, KINDS, OMIT, AnyAlgorithm
from tests.clock import present

PUBLIC_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}


class LongHeaders(AnyAlgorithm):
    """An RSA key in the header is longer than the library's limit."""

    max_header_length = 16384


@dataclass(frozen=True)
class ProofKey:
    """The key pair that a client proves its possession of."""

    alg: str = "ES256"
    key: Any = field(default=None, repr=False)
    clock: Callable[[], datetime] = present

    @classmethod
    def new(cls, alg: str = "ES256", clock: Callable[[], datetime] = present) -> ProofKey:
        return cls(alg, generate_key(*KINDS[alg]), clock)

    def moment(self, offset: int = 0) -> int:
        """The client's time, in seconds."""
        return int(self.clock().timestamp()) + offset

    @property
    def public_jwk(self) -> dict[str, Any]:
        jwk = dict(self.key.as_dict(private=False))
        return {name: jwk[name] for name in PUBLIC_MEMBERS[jwk["kty"]]}

    @property
    def private_jwk(self) -> dict[str, Any]:
        return dict(self.key.as_dict(private=True))

    @property
    def jkt(self) -> str:
        return thumbprint(self.public_jwk, "sha256")

    def claims(self, method: str, url: str, **changes: Any) -> dict[str, Any]:
        known = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url, "iat": self.moment()} | changes
        return {name: value for name, value in known.items() if value is not OMIT}

    def sign(self, claims: Any, **header: Any) -> str:
        known = {"typ": "dpop+jwt", "alg": self.alg, "jwk": self.public_jwk} | header
        head = {name: value for name, value in known.items() if value is not OMIT}
        payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
        registry = LongHeaders(strict_check_header=False)
        return jws.serialize_compact(head, payload, self.key, registry=registry)

    def proof(self, path: str = "/token", method: str = "POST", **changes: Any) -> str:
        """A proof for a request to the provider; ``token=`` is the access token presented with it."""
        token = changes.pop("token", None)
        if token is not None:
            changes = {"ath": token_hash(token)} | changes
        return self.sign(self.claims(method, ISSUER + path, **changes))

    def header(self, path: str = "/token", method: str = "POST", **changes: Any) -> dict[str, str]:
        """The header that goes with a request."""
        return {"DPoP": self.proof(path, method, **changes)}

    def presenting(self, token: str, path: str = "/userinfo", method: str = "GET", **changes: Any) -> dict[str, str]:
        """The headers of a request to a protected resource (§7.1)."""
        return {"Authorization": f"DPoP {token}"} | self.header(path, method, token=token, **changes)


def by_short_key(claims: Any) -> tuple[str, str]:
    """A right proof by an RSA key of 1024 bits whose modulus is written as long as one of 2048, and its thumbprint."""
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
    jwk = {"kty": "RSA", "n": encoded(key.public_key().public_numbers().n.to_bytes(256)), "e": "AQAB"}
    header = {"typ": "dpop+jwt", "alg": "PS256", "jwk": jwk}
    signed = unsigned(header, claims).rpartition(".")[0]
    signature = key.sign(signed.encode(), padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    return f"{signed}.{encoded(signature)}", thumbprint(jwk, "sha256")


def token_hash(token: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


def encoded(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def unsigned(header: Any, claims: Any, signature: str = "") -> str:
    """A compact serialization of anything, signed by nobody."""
    return f"{encoded(header)}.{encoded(claims)}.{signature}"
