"""A person's single sign-on session in one browser."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from idp.domain.account import Account


class SessionEnded(Exception):
    """The session ended in the very moment it was to be used (signed out elsewhere): the person must sign in anew."""


@dataclass(frozen=True)
class Session:
    """``sid`` is what relying parties see; the cookie's secret is never stored, only its hash."""

    id: str
    sid: str
    account_id: str
    auth_time: datetime
    level: int  # assurance of this login: never above what its proofs allow
    amr: tuple[str, ...]
    source: str  # "local" or the name of the upstream that logged the person in
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    is_choice_made: bool  # whether the person chose for whom to act (true where there is nothing to choose)
    mandate_id: str | None = None
    act_as: dict[str, str] | None = None
    may_act_until: datetime | None = None  # when the mandate of act_as runs out or was revoked; None: not limited
    ended_at: datetime | None = None
    upstream_sid: str | None = None
    user_agent: str = ""
    address: str = ""

    def is_alive(self, now: datetime, idle: timedelta) -> bool:
        return self.ended_at is None and now < self.expires_at and now < self.last_seen_at + idle

    def at(self, now: datetime) -> Session:
        """The session as it counts at ``now``: a mandate that has run out or was revoked lets nobody act any more."""
        if self.act_as is None or self.may_act_until is None or now < self.may_act_until:
            return self
        return replace(self, mandate_id=None, act_as=None, may_act_until=None)


@dataclass(frozen=True)
class Consent:
    """What a person agreed to give one client."""

    scope: frozenset[str]
    claims: frozenset[str]
    granted_at: datetime

    def covers(self, scope: frozenset[str], claims: frozenset[str]) -> bool:
        return scope <= self.scope and claims <= self.claims


@dataclass(frozen=True)
class SignedIn:
    """Everything one look-up tells about the browser's session: the session, its person, their consent to a client."""

    session: Session
    account: Account
    consent: Consent | None = None
    extra: dict[str, Any] = field(default_factory=dict, repr=False)
