"""Logout token validation (OpenID Connect Back-Channel Logout §2.4 and §2.6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from clients.kit import jwt
from clients.kit.errors import TokenInvalid

EVENT = "http://schemas.openid.net/event/backchannel-logout"
OLDEST = timedelta(minutes=2)


@dataclass(frozen=True)
class LogoutNotice:
    """A valid logout token. `sid` names one session of the provider, `subject` a person; at least one is there.

    The receiver claims `jti` once, in a store of its own (§2.6 step 8), until `expires_at`.
    """

    issuer: str
    subject: str | None
    sid: str | None
    jti: str
    issued_at: datetime
    expires_at: datetime


def check_logout_token(token: jwt.SignedToken, *, issuer: str, client_id: str, now: datetime) -> LogoutNotice:
    """Every check of §2.6 except the replay. Raises TokenInvalid."""
    claims = token.claims
    jwt.check_type(token.header, "logout+jwt")
    jwt.check_issuer(claims, issuer)
    jwt.check_audience(claims, client_id)
    expires_at = jwt.check_expiry(claims, now)
    issued_at = jwt.check_issued_at(claims, now, OLDEST)
    _check_event(claims)
    if "nonce" in claims:
        # §2.4: prohibited, so that a logout token can never pass for an ID token.
        raise TokenInvalid("nonce", "prohibited in a logout token")
    subject, sid = _optional(claims, "sub"), _optional(claims, "sid")
    if subject is None and sid is None:
        raise TokenInvalid("sid", "neither sub nor sid")
    return LogoutNotice(issuer, subject, sid, jwt.string(claims, "jti"), issued_at, expires_at)


def _check_event(claims: dict[str, Any]) -> None:
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise TokenInvalid("events", "not a back-channel logout")


def _optional(claims: dict[str, Any], name: str) -> str | None:
    return jwt.string(claims, name) if name in claims else None
