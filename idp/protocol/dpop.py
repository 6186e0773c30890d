"""Proofs of possession in a header of the request: DPoP.

RFC 9449 §4.2 and §4.3 (what a proof holds, how it is judged), §5 and §7.1 (errors), §8 and §9 (server nonces), §11.1
(replay); RFC 7638 (the key's thumbprint); RFC 3986 §6.2 (comparing addresses); FAPI 2.0 Security Profile §5.4.1
(algorithms). A proof costs exactly one claim in the ephemeral store.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

from joserfc.jwk import thumbprint

from idp.config import Settings
from idp.context import Context
from idp.crypto.jose import JoseError, TokenRefused, read_unverified, verify
from idp.crypto.keyring import Key
from idp.crypto.random import hash_secret
from idp.protocol import bearer, client_keys
from idp.protocol.errors import ProtocolError
from idp.protocol.messages import CoreRequest
from idp.protocol.numeric_date import is_moment

TYPE = "dpop+jwt"
ALGORITHMS = bearer.PROOF_ALGORITHMS
OLDEST = 60  # seconds since iat
SKEW = 10  # seconds a client's clock may be ahead of ours; the ephemeral store's claims count on it
REMEMBERED = timedelta(minutes=5)
LONGEST_JTI = 255
NONCE_HEADER = "DPoP-Nonce"

_PUBLIC = ("crv", "e", "kty", "n", "x", "y")  # the members a thumbprint is made of (RFC 7638 §3.2)
_PRIVATE = frozenset({"d", "dp", "dq", "k", "oth", "p", "q", "qi"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class _Freshness:
    """Since when a proof can have existed at the earliest, and how long it must be remembered."""

    made_at: datetime
    remembered: timedelta


class _NonceNeeded(Exception):
    """The proof holds no nonce of ours that still counts."""


def read_proof(context: Context, request: CoreRequest, *, access_token: str | None = None) -> str | None:
    """The thumbprint of the key whose possession the request proves, None where it brings no proof. ``access_token``
    is the one presented with it, which the proof then must name: the request is one to a protected resource.

    Raises ProtocolError: invalid_dpop_proof, use_dpop_nonce.
    """
    text = request.headers.get("DPoP")
    if text is None:
        return None
    is_resource = access_token is not None
    try:
        key, jkt, alg = _key_of(text)
        claims = verify(text, lambda _header: (alg, key))
        _check_request(request, claims, access_token)
        freshness = _freshness(context, claims)
        _claim(context, jkt, claims, freshness)
    except _NonceNeeded:
        description, headers = "The DPoP proof must hold our nonce.", nonce_headers(context, request)
        raise _error("use_dpop_nonce", description, is_resource, headers) from None
    except JoseError as error:
        what = error.description if isinstance(error, TokenRefused) else "signature"
        raise invalid_proof(f"The DPoP proof is refused: {what}.", is_resource=is_resource) from None
    return jkt


def invalid_proof(description: str, *, is_resource: bool = False) -> ProtocolError:
    """RFC 9449 §5 and, at a protected resource, §7.1."""
    return _error("invalid_dpop_proof", description, is_resource)


def _error(code: str, description: str, is_resource: bool, headers: tuple[tuple[str, str], ...] = ()) -> ProtocolError:
    if is_resource:
        return bearer.challenge(code, description, is_dpop=True, headers=headers)
    return ProtocolError(code, description, headers=headers)


def nonce_headers(context: Context, request: CoreRequest) -> tuple[tuple[str, str], ...]:
    """What tells a client that brings proofs the nonce of its next one (§8.2, §9); goes with every good answer too.
    Nothing where this deployment has no nonces."""
    window = _window(context) if "DPoP" in request.headers else None
    return ((NONCE_HEADER, _nonce(context, window)),) if window is not None else ()


def _key_of(text: str) -> tuple[Key, str, str]:
    """The key the proof brings with it, its thumbprint, and the algorithm (§4.3 items 1 to 5 and 7)."""
    if "," in text:  # how servers hand on a header that was sent twice
        raise TokenRefused("more than one")
    header, _ = read_unverified(text)
    alg, jwk = header.get("alg"), header.get("jwk")
    if header.get("typ") != TYPE:
        raise TokenRefused("typ")
    if alg not in ALGORITHMS:
        raise TokenRefused("alg")
    if not isinstance(jwk, dict) or not _PRIVATE.isdisjoint(jwk) or not client_keys.fits(jwk, {"alg": alg}, use="sig"):
        raise TokenRefused("jwk")
    members = {name: jwk[name] for name in _PUBLIC if name in jwk}
    if not all(isinstance(value, str) for value in members.values()):
        raise TokenRefused("jwk")
    return *_imported(json.dumps(members, sort_keys=True)), alg


@lru_cache(maxsize=4096)
def _imported(text: str) -> tuple[Key, str]:
    """Apart from the keys of registered clients: strangers' keys must not push those out."""
    key = client_keys.public_key(text)
    return key, thumbprint(json.loads(text), "sha256")


def _check_request(request: CoreRequest, claims: Mapping[str, Any], access_token: str | None) -> None:
    """The proof was made for this request (§4.3 items 8, 9 and 12)."""
    if claims.get("htm") != request.method:
        raise TokenRefused("htm")
    htu = claims.get("htu")
    if not isinstance(htu, str) or _address(htu) is None or _address(htu) != _address(request.uri):
        raise TokenRefused("htu")
    if access_token is not None and claims.get("ath") != _hash(access_token):
        raise TokenRefused("ath")


def _address(url: str) -> tuple[str, str, int, str] | None:
    """An address for comparing (RFC 3986 §6.2.2, §6.2.3), without query and fragment; None for what is none."""
    if not url.isascii() or not url.isprintable():
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port or _DEFAULT_PORTS[parts.scheme], unquote(parts.path) or "/"


def _hash(access_token: str) -> str:
    digest = hashlib.sha256(access_token.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _freshness(context: Context, claims: Mapping[str, Any]) -> _Freshness:
    """The proof was made just now: by our nonce in it, or else by its own word (§4.3 items 10 and 11)."""
    iat, now = claims.get("iat"), context.now.timestamp()
    if not is_moment(iat):
        raise TokenRefused("iat")
    for name, is_good in (("exp", lambda moment: moment > now), ("nbf", lambda moment: moment <= now + SKEW)):
        if name in claims and not (is_moment(claims[name]) and is_good(claims[name])):
            raise TokenRefused(name)
    window = _window(context)
    if window is not None:
        return _freshness_of_nonce(context, claims.get("nonce"), window)
    if not -OLDEST <= iat - now <= SKEW:
        raise TokenRefused("iat")
    return _Freshness(datetime.fromtimestamp(iat, UTC), REMEMBERED)


def _freshness_of_nonce(context: Context, nonce: Any, window: int) -> _Freshness:
    """Nonces count while they are the present window's or the one's before. By them a proof's time is known whatever
    the client's clock shows."""
    lifetime = context.settings.dpop_nonce_lifetime
    for candidate in (window, window - 1):
        if nonce == _nonce(context, candidate):
            began_at = datetime.fromtimestamp(candidate * lifetime.total_seconds(), UTC)
            return _Freshness(began_at, max(REMEMBERED, 2 * lifetime))
    raise _NonceNeeded


def _window(context: Context) -> int | None:
    """The number of the present stretch of time with a nonce of its own, the same on every node."""
    lifetime = context.settings.dpop_nonce_lifetime.total_seconds()
    return int(context.now.timestamp() // lifetime) if lifetime > 0 else None


def _nonce(context: Context, window: int) -> str:
    return base64.urlsafe_b64encode(context.vault.mac("dpop_nonce", str(window).encode())).rstrip(b"=").decode()


def _claim(context: Context, jkt: str, claims: Mapping[str, Any], freshness: _Freshness) -> None:
    """Each proof counts once (§11.1)."""
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI:
        raise TokenRefused("jti")
    if not context.ephemeral.claim(
        "dpop", hash_secret(f"{jkt} {jti}"), freshness.remembered, issued_at=freshness.made_at
    ):
        raise TokenRefused("jti")


def server_metadata(settings: Settings) -> dict[str, Any]:
    """RFC 9449 §5.1."""
    return {"dpop_signing_alg_values_supported": list(ALGORITHMS)}
