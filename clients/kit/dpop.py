"""Proofs of possession shown with access tokens: whoever stole a token alone can do nothing with it.

RFC 9449 §4.3 (how a proof is judged), §7.1 (at a protected resource), §11.1 (each counts once); RFC 7638 (thumbprints).
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import import_key, thumbprint

from clients.kit import jwt
from clients.kit.errors import AccessDenied, TokenInvalid

ALGORITHMS = ("PS256", "ES256", "EdDSA", "Ed25519")  # the last two are one (RFC 9864 §2.2)
OLDEST = timedelta(seconds=60)
_KEY_TYPES = {
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
_PUBLIC = ("crv", "e", "kty", "n", "x", "y")
_PRIVATE = frozenset({"d", "dp", "dq", "k", "oth", "p", "q", "qi"})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MOST_REMEMBERED = 100_000


class ProofVerifier:
    """Judges the proofs that come to one resource server, which callers reach under ``base_url``. Thread-safe.

    That a proof counts once is remembered by this process; several behind one address give :meth:`is_first_use` of
    their own.
    """

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._seen: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def check(self, proofs: Sequence[str], *, method: str, path: str, token: str, jkt: str, now: datetime) -> None:
        """The DPoP headers of a request prove the key ``jkt`` that its token is bound to. Raises AccessDenied."""
        try:
            if len(proofs) != 1 or "," in proofs[0]:  # some servers join a header that came twice
                raise TokenInvalid("DPoP", "not exactly one proof")
            self._check(proofs[0], method, self._base_url + path, token, jkt, now)
        except TokenInvalid as error:
            raise AccessDenied(
                "invalid_dpop_proof", f"The DPoP proof is not valid here ({error.claim})", scheme="DPoP"
            ) from error

    def is_first_use(self, proof_id: str, now: datetime) -> bool:
        """Whether the proof is seen for the first time. Only who holds a good token comes this far."""
        with self._lock:
            if now < self._seen.get(proof_id, now):
                return False
            while self._seen and (len(self._seen) >= _MOST_REMEMBERED or next(iter(self._seen.values())) <= now):
                del self._seen[next(iter(self._seen))]  # the oldest comes first
            self._seen[proof_id] = now + OLDEST + 2 * jwt.SKEW
            return True

    def _check(self, proof: str, method: str, url: str, token: str, jkt: str, now: datetime) -> None:
        header = jwt.unverified_header(proof)
        jwt.check_type(header, "dpop+jwt")
        key, own = _key_of(header)
        claims = jwt.read_signed(proof, lambda _kid, _alg: key, ALGORITHMS).claims
        if own != jkt:
            raise TokenInvalid("jwk", "not the key the token is bound to")
        if claims.get("htm") != method:
            raise TokenInvalid("htm", "another method")
        if _address(jwt.string(claims, "htu")) != _address(url):
            raise TokenInvalid("htu", "another address")
        if claims.get("ath") != _encoded(hashlib.sha256(token.encode()).digest()):
            raise TokenInvalid("ath", "another token")
        jwt.check_issued_at(claims, now, OLDEST)
        proof_id = _encoded(hashlib.sha256(f"{jkt} {jwt.string(claims, 'jti')}".encode()).digest())
        if not self.is_first_use(proof_id, now):
            raise TokenInvalid("jti", "used before")


def _key_of(header: dict[str, Any]) -> tuple[jwt.VerifyingKey, str]:
    """The public key in the proof's header and its thumbprint."""
    jwk, kind = header.get("jwk"), _KEY_TYPES.get(str(header.get("alg")))
    if not isinstance(jwk, dict) or not _PRIVATE.isdisjoint(jwk):
        raise TokenInvalid("jwk", "missing or not public")
    members = {name: jwk[name] for name in _PUBLIC if name in jwk}
    if not all(isinstance(value, str) for value in members.values()) or kind != (
        members.get("kty"),
        members.get("crv"),
    ):
        raise TokenInvalid("jwk", "not a key for this algorithm")
    if not jwt.is_strong(members):
        raise TokenInvalid("jwk", "too short a key")
    try:
        return import_key(json.loads(json.dumps(members))), thumbprint(members, "sha256")  # type: ignore[return-value]
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise TokenInvalid("jwk", "malformed") from error


def _address(url: str) -> tuple[str, str, int, str]:
    """An address for comparing, without query and fragment (§4.3 item 9)."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise TokenInvalid("htu", "not an address") from error
    if parts.scheme not in _DEFAULT_PORTS or not host or not url.isprintable() or not url.isascii():
        raise TokenInvalid("htu", "not an address")
    return parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], parts.path or "/"


def _encoded(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
