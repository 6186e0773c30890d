"""What may be forgotten because nothing can depend on it any more: deleted in bounded batches.

Whatever is here has stopped to count long before, by the clock, where it is used; forgetting it only keeps the tables
small. Every function takes one batch and returns how many rows went, so that no statement ever runs long.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, exists, or_, select, tuple_, update
from sqlalchemy import func as sql

from idp.storage.db import Db, purge_rows
from idp.storage.tables import (
    accounts,
    ephemeral,
    grants,
    initial_access_tokens,
    outbox,
    proofs,
    registrations,
    revoked_tokens,
    sessions,
)

BATCH = 500


def purge_sessions(db: Db, before: datetime, limit: int = BATCH) -> int:
    """Sessions whose absolute end lies before ``before``."""
    return purge_rows(db, sessions.c.id, sessions.c.expires_at < before, limit)


def purge_registrations(db: Db, before: datetime, limit: int = BATCH) -> int:
    """Registrations that could be taken up again until then, finished or not; the accounts made of them stay."""
    return purge_rows(db, registrations.c.id, registrations.c.expires_at < before, limit)


def purge_initial_access_tokens(db: Db, before: datetime, limit: int = BATCH) -> int:
    """Initial access tokens that expired before ``before``, or whose last use is gone."""
    tokens = initial_access_tokens.c
    return purge_rows(db, tokens.id, or_(tokens.expires_at < before, tokens.uses_left <= 0), limit)


def purge_revoked_tokens(db: Db, before: datetime, limit: int = BATCH) -> int:
    """Denials of access tokens that have expired themselves."""
    return purge_rows(db, revoked_tokens.c.jti, revoked_tokens.c.expires_at < before, limit)


def purge_outbox(db: Db, before: datetime, limit: int = BATCH) -> int:
    """Receipts and dead letters settled before ``before``."""
    return purge_rows(db, outbox.c.id, or_(outbox.c.delivered_at < before, outbox.c.dead_at < before), limit)


def purge_ephemeral(db: Db, now: datetime, limit: int = BATCH) -> int:
    """Values, claims and counters whose lifetime is over."""
    key = tuple_(ephemeral.c.kind, ephemeral.c.key)
    over = (
        select(ephemeral.c.kind, ephemeral.c.key)
        .where(ephemeral.c.expires_at <= now)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("over")
    )
    # Asked again in the DELETE: a counter may have begun anew since the batch was chosen.
    gone = delete(ephemeral).where(key.in_(select(over.c.kind, over.c.key)), ephemeral.c.expires_at <= now)
    return len(db.execute(gone.returning(ephemeral.c.key)).all())


@dataclass(frozen=True)
class Place:
    """Where a walk through the grants stands; the next batch begins behind it."""

    created_at: datetime
    id: str


def purge_grants(db: Db, before: datetime, after: Place | None = None, limit: int = BATCH) -> Place | None:
    """One step of a walk through the grants in the order they were made, deleting those whose code, refresh family and
    tokens all ended before ``before``; None at the end of the walk.

    A walk, because families end in no order and an index on their end would cost every refresh.
    """
    place = tuple_(grants.c.created_at, grants.c.id)
    step = select(grants.c.id, grants.c.created_at).where(grants.c.created_at < before)
    if after is not None:
        step = step.where(place > tuple_(after.created_at, after.id))
    rows = db.execute(step.order_by(grants.c.created_at, grants.c.id).limit(limit)).all()
    if rows:
        db.execute(delete(grants).where(grants.c.id.in_([row.id for row in rows]), _is_over(before)))
    return Place(rows[-1].created_at, rows[-1].id) if len(rows) == limit else None


def lower_levels(db: Db, now: datetime, limit: int = BATCH) -> int:
    """Bring accounts whose best proof has expired down to what their valid proofs give."""
    other = proofs.alias()
    valid = or_(other.c.expires_at.is_(None), other.c.expires_at > now)
    best = select(sql.coalesce(sql.max(other.c.level), 0)).where(other.c.account_id == accounts.c.id, valid)
    level = best.scalar_subquery()
    has_expired = exists().where(proofs.c.account_id == accounts.c.id, proofs.c.expires_at <= now)
    lowered = select(accounts.c.id).where(has_expired, accounts.c.level > level).limit(limit)
    statement = update(accounts).where(accounts.c.id.in_(lowered)).values(level=level, updated_at=now)
    return len(db.execute(statement.returning(accounts.c.id)).all())


def _is_over(before: datetime) -> Any:
    never_refreshed = and_(grants.c.refresh_hash.is_(None), grants.c.code_expires_at < before)
    family_ended = or_(grants.c.refresh_expires_at < before, grants.c.refresh_ends_at < before)
    return or_(never_refreshed, family_ended, grants.c.revoked_at < before)
