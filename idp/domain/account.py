"""A natural person's account: who they are, how they log in, for whom they may act."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class AccountStatus(StrEnum):
    ACTIVE = "active"
    FROZEN = "frozen"
    CLOSED = "closed"


@dataclass(frozen=True)
class Account:
    """A person as the provider knows them. ``claims`` are standard claims (OpenID Connect Core §5.1) plus
    ``id_type`` and ``id_number``; they are personal data and never appear in a repr."""

    id: str
    subject: str
    status: AccountStatus
    level: int
    created_at: datetime
    updated_at: datetime
    username: str | None = None
    locale: str | None = None
    claims: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_active(self) -> bool:
        return self.status is AccountStatus.ACTIVE

    @property
    def name(self) -> str:
        return str(self.claims.get("name") or self.username or self.subject)


@dataclass(frozen=True)
class Credentials:
    """What a login needs to know of an account; ``has_mandates`` says whether there is someone to choose to act for.

    ``level`` is what a login by these credentials is worth: the best valid proof made here. What another provider
    vouched for counts in a login through that provider only, for it says nothing of who holds this password.
    """

    account: Account
    password_hash: str | None = field(repr=False)
    failed_count: int
    last_failed_at: datetime | None
    has_mandates: bool
    level: int


class Role(StrEnum):
    """What a person is to a company (授权委托)."""

    LEGAL_REPRESENTATIVE = "legal_representative"
    HANDLER = "handler"  # 经办人
    FINANCE = "finance"


@dataclass(frozen=True)
class Organisation:
    uscc: str
    name: str
    status: str
    verified_at: datetime
    source: str


@dataclass(frozen=True)
class Mandate:
    """A person's right to act for an organisation; expiry is checked at each use."""

    id: str
    uscc: str
    organisation_name: str
    account_id: str
    role: Role
    valid_from: datetime
    valid_until: datetime | None
    granted_by: str | None
    accepted_at: datetime | None
    revoked_at: datetime | None
    scope: str = ""  # what it is for, in the grantor's words

    def is_valid(self, now: datetime) -> bool:
        return (
            self.accepted_at is not None
            and self.revoked_at is None
            and self.valid_from <= now
            and (self.valid_until is None or now < self.valid_until)
        )

    def is_open(self, now: datetime) -> bool:
        """Whether it waits to be accepted."""
        is_over = self.valid_until is not None and self.valid_until <= now
        return self.accepted_at is None and self.revoked_at is None and not is_over

    def act_as(self) -> dict[str, str]:
        """The ``act_as`` claim: on whose behalf its bearer acts."""
        return {"uscc": self.uscc, "name": self.organisation_name, "role": str(self.role), "mandate_id": self.id}
