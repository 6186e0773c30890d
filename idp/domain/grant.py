"""A grant: what one person gave one client in one authorization, and the token family that comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


class RequestAnswered(Exception):
    """The pushed request or request object has been answered already: it gives no second grant."""


@dataclass(frozen=True)
class Grant:
    """The row is the authorization code first (``code_hash``) and the refresh family afterwards (``refresh_hash``)."""

    id: str
    client_id: str
    account_id: str
    subject: str
    session_id: str | None
    sid: str | None
    scope: frozenset[str]
    redirect_uri: str
    audience: tuple[str, ...]
    created_at: datetime
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]
    nonce: str | None = None
    code_challenge: str | None = None
    requested_claims: dict[str, Any] = field(default_factory=dict)  # the claims parameter (OpenID Connect Core §5.5)
    act_as: dict[str, str] | None = None
    dpop_jkt: str | None = None  # the only key whose proof may redeem the code (RFC 9449 §10)
    request_hash: str | None = None  # of the pushed request or request object it answers, which is answered once
    confirmation: dict[str, str] | None = None  # what a refresh must prove (RFC 7800 §3.1: jkt or x5t#S256)
    is_front_channel: bool = False  # tokens were in the answer itself, beside a code or without one
    code_expires_at: datetime | None = None
    code_used_at: datetime | None = None
    refresh_generation: int = 0
    refresh_expires_at: datetime | None = None  # idle: each use moves it on
    refresh_ends_at: datetime | None = None  # absolute: nothing moves it
    revoked_at: datetime | None = None
    revoked_reason: str | None = None

    @property
    def is_revoked(self) -> bool:
        return self.revoked_at is not None
