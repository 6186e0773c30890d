"""ID token validation (OpenID Connect Core §3.1.3.7; after a refresh §12.2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any

from clients.kit import jwt
from clients.kit.errors import TokenInvalid
from clients.kit.pending_login import PendingLogin

OLDEST = timedelta(minutes=10)
"""An ID token comes straight from the token endpoint; one issued longer ago than this is not the answer to us."""

_HASHES = {"RS256": "sha256", "PS256": "sha256", "ES256": "sha256", "EdDSA": "sha512"}


def check_id_token(token: jwt.SignedToken, *, issuer: str, client_id: str, now: datetime) -> dict[str, Any]:
    """The checks that hold for every ID token. Gives its claims; raises TokenInvalid."""
    claims = token.claims
    jwt.check_issuer(claims, issuer)
    jwt.string(claims, "sub")
    if len(claims["sub"]) > 255:
        raise TokenInvalid("sub", "longer than 255 characters")
    _check_audience(claims, client_id)
    jwt.check_expiry(claims, now)
    jwt.check_not_before(claims, now)
    jwt.check_issued_at(claims, now, OLDEST)
    return claims


def _check_audience(claims: dict[str, Any], client_id: str) -> None:
    # Steps 3–5: for us, and for nobody we do not know; `azp`, if there is one, names us.
    if jwt.audiences(claims) != [client_id]:
        raise TokenInvalid("aud", "not for this client alone")
    if "azp" in claims and claims["azp"] != client_id:
        raise TokenInvalid("azp", "another client")


def check_login(claims: dict[str, Any], pending: PendingLogin, now: datetime) -> None:
    """The checks against what this login asked for: nonce, max_age, essential acr (steps 11–13)."""
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), pending.nonce.encode()):
        raise TokenInvalid("nonce", "not the one this login sent")
    if pending.max_age is not None:
        authenticated_at = jwt.instant(claims, "auth_time")
        if authenticated_at > now + jwt.SKEW:
            raise TokenInvalid("auth_time", "in the future")
        if now - authenticated_at > timedelta(seconds=pending.max_age) + jwt.SKEW:
            raise TokenInvalid("auth_time", "longer ago than max_age allows")
    # OpenID Connect Core §5.5.1.1: an essential acr must be one of the requested values.
    if pending.essential_acr and claims.get("acr") not in pending.essential_acr:
        raise TokenInvalid("acr", "not one of the essential values")


def check_access_token_hash(token: jwt.SignedToken, access_token: str, *, required: bool = False) -> None:
    """`at_hash` is the left half of the access token's hash (OpenID Connect Core §3.1.3.6, §3.1.3.8)."""
    given = token.claims.get("at_hash")
    if given is None and not required:
        return
    digest = hashlib.new(_HASHES[token.header["alg"]], access_token.encode()).digest()
    wanted = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), wanted):
        raise TokenInvalid("at_hash", "does not belong to the access token")


def check_refreshed(claims: dict[str, Any], previous: dict[str, Any]) -> None:
    """A refreshed ID token speaks of the same login: same subject and auth_time (§12.2)."""
    if claims["sub"] != previous.get("sub"):
        raise TokenInvalid("sub", "changed by the refresh")
    if "auth_time" in claims and "auth_time" in previous and claims["auth_time"] != previous["auth_time"]:
        raise TokenInvalid("auth_time", "changed by the refresh")
    if "nonce" in claims and claims["nonce"] != previous.get("nonce"):
        raise TokenInvalid("nonce", "changed by the refresh")
