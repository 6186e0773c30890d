"""Signed tokens: every JWS the provider writes or reads goes through joserfc here, with exactly one key at a time.

The algorithm comes from our key or from an allow-list, never from the token alone; keys come from the caller, never
from ``jwk``, ``jku``, ``x5c`` or ``x5u`` in a header.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.jws import JWSRegistry

from idp.crypto.keyring import Key, KeyRing

__all__ = [
    "ALGORITHMS",
    "SECRET_ALGORITHM",
    "SECRET_KEY_BYTES",
    "JoseError",
    "TokenRefused",
    "UnknownKey",
    "half_hash",
    "read_unverified",
    "sign",
    "unsigned",
    "verify",
    "verify_by_secret",
    "verify_own",
]

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")  # the last two are one (RFC 9864 §2.2)
SECRET_ALGORITHM = "HS256"  # noqa: S105  # with a client's secret; never with a key of ours or anybody's public one
SECRET_KEY_BYTES = 32  # RFC 7518 §3.2
MAX_TOKEN = 16 * 1024  # characters
_HASHES: Mapping[str, Callable[[bytes], Any]] = {
    "RS256": hashlib.sha256,
    "PS256": hashlib.sha256,
    "ES256": hashlib.sha256,
    "EdDSA": hashlib.sha512,  # Ed25519 is the only curve we sign with; its hash is SHA-512
    "Ed25519": hashlib.sha512,  # the same algorithm by its name of RFC 9864
}


class TokenRefused(JoseError):
    """The token is malformed, of another type, expired, or not signed by whom it should be."""

    error = "invalid_token"


class UnknownKey(TokenRefused):
    """The token names a key this process does not know."""


class _Registry(JWSRegistry):
    """Algorithms by our allow-list alone; joserfc's own look-up warns about the name EdDSA, which the JWKs of
    deployed clients still use (RFC 9864 §2.2). Unknown header members are ignored (RFC 7515 §4), critical ones
    refused; a header may hold a key (RFC 9449 §4.2)."""

    max_header_length = 4096  # characters

    def __init__(self, algorithms: tuple[str, ...]) -> None:
        super().__init__(algorithms=algorithms, strict_check_header=False)

    def get_alg(self, name: str) -> Any:
        if not isinstance(name, str) or name not in (self.allowed or ()):
            raise TokenRefused("alg")
        return self.algorithms[name]


_REGISTRIES = {name: _Registry(algorithms=(name,)) for name in (*ALGORITHMS, SECRET_ALGORITHM)}
_ANY = _Registry(algorithms=ALGORITHMS)


def sign(keys: KeyRing, alg: str, claims: Mapping[str, Any], typ: str, now: datetime) -> str:
    """A compact JWS over ``claims`` by the key that signs with ``alg`` now. Raises NoSigningKey."""
    kid, key = keys.signing(alg, now)
    payload = json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
    return jws.serialize_compact({"alg": alg, "kid": kid, "typ": typ}, payload, key, registry=_REGISTRIES[alg])


def unsigned(claims: Mapping[str, Any], typ: str) -> str:
    """An unsecured JWS (RFC 7515 §A.5): for tests of others, where allowed. Nothing here verifies one."""
    parts = ({"alg": "none", "typ": typ}, claims)
    texts = (json.dumps(part, ensure_ascii=False, separators=(",", ":")).encode() for part in parts)
    return ".".join([*(base64.urlsafe_b64encode(text).rstrip(b"=").decode() for text in texts), ""])


def verify_own(keys: KeyRing, token: str, now: datetime, *, typ: str, may_be_expired: bool = False) -> dict[str, Any]:
    """The claims of a token we signed as a ``typ``. Raises UnknownKey, TokenRefused or another JoseError.

    ``may_be_expired`` is for hints, whose age does not matter (OpenID Connect RP-Initiated Logout §2).
    """

    def find_key(header: Mapping[str, Any]) -> tuple[str, Key]:
        if header.get("typ") != typ:
            raise TokenRefused("typ")
        kid = header.get("kid")
        found = keys.verifying(kid, now) if isinstance(kid, str) else None
        if found is None:
            raise UnknownKey("kid")
        return found

    claims = verify(token, find_key)
    expires_at = claims.get("exp")
    if not may_be_expired and not (isinstance(expires_at, int) and now.timestamp() < expires_at):
        raise TokenRefused("exp")
    return claims


def verify_by_secret(token: str, secret: bytes) -> dict[str, Any]:
    """The claims of a compact JWS under a secret both sides know. Raises TokenRefused or another JoseError."""
    if len(secret) < SECRET_KEY_BYTES:
        raise TokenRefused("key size")
    return verify(token, lambda _header: (SECRET_ALGORITHM, OctKey.import_key(secret)))


def verify(token: str, find_key: Callable[[Mapping[str, Any]], tuple[str, Key | OctKey]]) -> dict[str, Any]:
    """The claims of a compact JWS; ``find_key`` gives for its (untrusted) header the only algorithm and key allowed.

    Raises TokenRefused or another JoseError for anything but a JSON object signed so.
    """
    try:
        if len(token) > MAX_TOKEN:
            raise TokenRefused("size")
        value = token.encode("ascii")
        unverified = jws.extract_compact(value, registry=_ANY)
        alg, key = find_key(unverified.headers())
        if not jws.validate_compact(unverified, key, registry=_REGISTRIES[alg]):
            raise TokenRefused("signature")
        claims = json.loads(unverified.payload or b"")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise TokenRefused("malformed") from error
    if not isinstance(claims, dict):
        raise TokenRefused("claims")
    return claims


def read_unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a token says of itself (header, claims) before anything is proved: only for finding out whose keys to try.

    Raises TokenRefused or another JoseError."""
    try:
        if len(token) > MAX_TOKEN:
            raise TokenRefused("size")
        unverified = jws.extract_compact(token.encode("ascii"), registry=_ANY)
        header, claims = unverified.headers(), json.loads(unverified.payload or b"")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise TokenRefused("malformed") from error
    if not isinstance(claims, dict):
        raise TokenRefused("claims")
    return header, claims


def half_hash(alg: str, value: str) -> str:
    """``at_hash`` and ``c_hash`` (OpenID Connect Core §3.1.3.6): the left half of the hash the algorithm uses.

    An algorithm without a row in our table is a KeyError: a claim silently left out would be a claim unprotected.
    """
    digest = _HASHES[alg](value.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
