"""The durable outbox: deliveries written in the same transaction as their cause, claimed by lease, ending in a
receipt or a visible dead letter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func as sql
from sqlalchemy import insert, or_, select, update

from idp.crypto.random import new_id
from idp.storage.db import Db
from idp.storage.tables import outbox


@dataclass(frozen=True)
class Delivery:
    id: str
    kind: str
    batch: str
    recipient: str
    payload: dict[str, Any]
    created_at: datetime
    next_attempt_at: datetime
    attempts: int
    delivered_at: datetime | None
    dead_at: datetime | None
    last_error: str | None

    @property
    def status(self) -> str:
        """delivered, failed (dead letter) or pending."""
        if self.delivered_at:
            return "delivered"
        return "failed" if self.dead_at else "pending"


def add(db: Db, *, kind: str, batch: str, recipient: str, payload: dict[str, Any], now: datetime) -> str:
    delivery_id = new_id()
    db.execute(
        insert(outbox).values(
            id=delivery_id,
            kind=kind,
            batch=batch,
            recipient=recipient,
            payload=payload,
            created_at=now,
            next_attempt_at=now,
        )
    )
    return delivery_id


def consume_due(db: Db, now: datetime, lease_until: datetime, limit: int = 20) -> list[Delivery]:
    """Lease the deliveries that are due: no other worker gets them before ``lease_until``."""
    due = (
        select(outbox.c.id)
        .where(
            outbox.c.delivered_at.is_(None),
            outbox.c.dead_at.is_(None),
            outbox.c.next_attempt_at <= now,
            or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now),
        )
        .order_by(outbox.c.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = db.execute(
        update(outbox)
        .where(outbox.c.id.in_(due))
        .values(leased_until=lease_until, attempts=outbox.c.attempts + 1)
        .returning(*_COLUMNS)
    )
    return [Delivery(**row._mapping) for row in rows]


def mark_delivered(db: Db, delivery_id: str, now: datetime) -> None:
    db.execute(
        update(outbox).where(outbox.c.id == delivery_id).values(delivered_at=now, leased_until=None, last_error=None)
    )


def mark_failed(db: Db, delivery_id: str, error: str, next_attempt_at: datetime | None, now: datetime) -> None:
    """Note a failed attempt; without a next attempt the delivery is a dead letter."""
    values: dict[str, Any] = {"last_error": error[:255], "leased_until": None}
    if next_attempt_at is None:
        values["dead_at"] = now
    else:
        values["next_attempt_at"] = next_attempt_at
    db.execute(update(outbox).where(outbox.c.id == delivery_id).values(values))


def revive(db: Db, delivery_id: str, now: datetime) -> bool:
    """Give a dead letter another life; False when it is none."""
    revived = db.execute(
        update(outbox)
        .where(outbox.c.id == delivery_id, outbox.c.dead_at.is_not(None))
        .values(dead_at=None, attempts=0, next_attempt_at=now)
        .returning(outbox.c.id)
    )
    return revived.first() is not None


def list_batch(db: Db, batch: str) -> list[Delivery]:
    rows = db.execute(
        select(*_COLUMNS).where(outbox.c.batch == batch).order_by(outbox.c.created_at, outbox.c.recipient)
    )
    return [Delivery(**row._mapping) for row in rows]


def list_dead(db: Db, limit: int = 100) -> list[Delivery]:
    rows = db.execute(
        select(*_COLUMNS).where(outbox.c.dead_at.is_not(None)).order_by(outbox.c.dead_at.desc()).limit(limit)
    )
    return [Delivery(**row._mapping) for row in rows]


def next_due(db: Db) -> datetime | None:
    """When the next delivery wants an attempt; None when nothing waits."""
    query = select(sql.min(outbox.c.next_attempt_at)).where(outbox.c.delivered_at.is_(None), outbox.c.dead_at.is_(None))
    return db.execute(query).scalar()


_COLUMNS = tuple(column for column in outbox.c if column.name != "leased_until")
