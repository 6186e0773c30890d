"""Which identities at other providers belong to which account here, keyed by (issuer, subject)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update

from idp.crypto.random import new_id
from idp.storage.db import Db, unique_or
from idp.storage.tables import linked_identities


class AlreadyLinked(Exception):
    """That upstream identity belongs to another account, or this account has one at that upstream already."""


@dataclass(frozen=True)
class LinkedIdentity:
    id: str
    account_id: str
    upstream: str
    issuer: str
    subject: str
    is_proved_here: bool
    linked_at: datetime
    last_login_at: datetime | None


def find(db: Db, issuer: str, subject: str) -> LinkedIdentity | None:
    row = db.execute(
        select(linked_identities).where(linked_identities.c.issuer == issuer, linked_identities.c.subject == subject)
    ).first()
    return LinkedIdentity(**row._mapping) if row else None


def list_of(db: Db, account_id: str) -> list[LinkedIdentity]:
    rows = db.execute(select(linked_identities).where(linked_identities.c.account_id == account_id))
    return [LinkedIdentity(**row._mapping) for row in rows]


def add(
    db: Db,
    *,
    account_id: str,
    upstream: str,
    issuer: str,
    subject: str,
    now: datetime,
    is_proved_here: bool = False,
) -> None:
    """``is_proved_here``: the person proved the account as well. Raises AlreadyLinked; the session stays usable."""
    values: dict[str, Any] = {"account_id": account_id, "upstream": upstream, "issuer": issuer, "subject": subject}
    with unique_or(AlreadyLinked, db):
        values |= {"id": new_id(), "is_proved_here": is_proved_here, "linked_at": now, "last_login_at": now}
        db.execute(insert(linked_identities).values(values))


def note_login(db: Db, identity_id: str, now: datetime) -> None:
    db.execute(update(linked_identities).where(linked_identities.c.id == identity_id).values(last_login_at=now))


def remove(db: Db, account_id: str, identity_id: str) -> bool:
    removed = db.execute(
        delete(linked_identities)
        .where(linked_identities.c.id == identity_id, linked_identities.c.account_id == account_id)
        .returning(linked_identities.c.id)
    )
    return removed.first() is not None
