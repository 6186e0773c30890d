"""The durable outbox: deliveries written in the same transaction as their cause, claimed by lease, ending in a
receipt or a visible dead letter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, insert, select, true, update
from sqlalchemy import func as sql

from idp.crypto.random import new_id
from idp.storage.db import Db
from idp.storage.tables import outbox

LIFETIME = timedelta(hours=24)  # how long a delivery is tried before it is a dead letter

_ADDED = "outbox"
_IS_PENDING = and_(outbox.c.delivered_at.is_(None), outbox.c.dead_at.is_(None))


@dataclass(frozen=True)
class Delivery:
    """One message to one recipient; what it says depends on its kind."""

    id: str
    kind: str
    batch: str
    recipient: str
    payload: dict[str, Any]
    created_at: datetime
    next_attempt_at: datetime
    expires_at: datetime
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
    """Write a delivery into the caller's transaction; whoever commits it wakes the dispatcher (see has_added)."""
    delivery_id = new_id()
    db.info[_ADDED] = True
    db.execute(
        insert(outbox).values(
            id=delivery_id,
            kind=kind,
            batch=batch,
            recipient=recipient,
            payload=payload,
            created_at=now,
            next_attempt_at=now,
            expires_at=now + LIFETIME,
        )
    )
    return delivery_id


def has_added(db: Db) -> bool:
    """Whether deliveries were added in this session since it was last asked."""
    return bool(db.info.pop(_ADDED, False))


def lease_due(db: Db, now: datetime, lease_until: datetime, limit: int = 20) -> list[Delivery]:
    """Lease the deliveries that are due, those due longest first: no other worker gets them before ``lease_until``.

    A worker that dies loses its lease, not the delivery. Each lease counts as an attempt.
    """
    due = (
        select(outbox.c.id)
        .where(_IS_PENDING, outbox.c.next_attempt_at <= now)
        .order_by(outbox.c.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        # A CTE is run once; a plain sub-query PostgreSQL may run per row, leasing more than the limit.
        .cte("due")
    )
    rows = db.execute(
        update(outbox)
        .where(outbox.c.id.in_(select(due.c.id)), _IS_PENDING)
        .values(next_attempt_at=lease_until, attempts=outbox.c.attempts + 1)
        .returning(*outbox.c)
    )
    leased = [Delivery(**row._mapping) for row in rows]
    return sorted(leased, key=lambda delivery: (delivery.created_at, delivery.id))


def mark_delivered(db: Db, delivery: Delivery, now: datetime) -> bool:
    """Note the receipt; False when the delivery was settled meanwhile."""
    return _settle(db, delivery, _IS_PENDING, delivered_at=now, last_error=None)


def mark_failed(db: Db, delivery: Delivery, error: str, next_attempt_at: datetime | None, now: datetime) -> bool:
    """Note a failed attempt; without a next attempt the delivery is a dead letter. False when the lease ran out and
    another worker has it."""
    is_ours = and_(_IS_PENDING, outbox.c.attempts == delivery.attempts)
    if next_attempt_at is None:
        return _settle(db, delivery, is_ours, last_error=error[:255], dead_at=now)
    return _settle(db, delivery, is_ours, last_error=error[:255], next_attempt_at=next_attempt_at)


def _settle(db: Db, delivery: Delivery, where: Any, **values: Any) -> bool:
    settled = db.execute(update(outbox).where(outbox.c.id == delivery.id, where).values(values).returning(outbox.c.id))
    return settled.first() is not None


def revive(db: Db, delivery_id: str, now: datetime) -> bool:
    """Give a dead letter another life; False when it is none."""
    return _revive(db, outbox.c.id == delivery_id, now) > 0


def revive_all(db: Db, now: datetime) -> int:
    """Give every dead letter another life; how many."""
    return _revive(db, true(), now)


def _revive(db: Db, where: Any, now: datetime) -> int:
    revived = db.execute(
        update(outbox)
        .where(where, outbox.c.dead_at.is_not(None))
        .values(dead_at=None, attempts=0, next_attempt_at=now, expires_at=now + LIFETIME)
        .returning(outbox.c.id)
    ).all()
    db.info[_ADDED] = True
    return len(revived)


def list_batch(db: Db, batch: str) -> list[Delivery]:
    rows = db.execute(select(outbox).where(outbox.c.batch == batch).order_by(outbox.c.created_at, outbox.c.recipient))
    return [Delivery(**row._mapping) for row in rows]


def list_dead(db: Db, limit: int = 100) -> list[Delivery]:
    rows = db.execute(
        select(outbox).where(outbox.c.dead_at.is_not(None)).order_by(outbox.c.dead_at.desc()).limit(limit)
    )
    return [Delivery(**row._mapping) for row in rows]


def list_waiting(db: Db, limit: int = 100) -> list[Delivery]:
    """What is still to be delivered, the next first."""
    rows = db.execute(select(outbox).where(_IS_PENDING).order_by(outbox.c.next_attempt_at).limit(limit))
    return [Delivery(**row._mapping) for row in rows]


def next_due(db: Db) -> datetime | None:
    """When the next delivery wants an attempt (or its lease ends); None when nothing waits."""
    return db.execute(select(sql.min(outbox.c.next_attempt_at)).where(_IS_PENDING)).scalar()
