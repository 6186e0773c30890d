"""Companies and the mandates by which people act for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import and_, insert, or_, select, update

from idp.crypto.random import new_id
from idp.domain.account import Mandate, Organisation, Role
from idp.storage.db import Db, upsert
from idp.storage.tables import mandates, organisations


def find(db: Db, uscc: str) -> Organisation | None:
    row = db.execute(select(organisations).where(organisations.c.uscc == uscc)).first()
    if row is None:
        return None
    return Organisation(row.uscc, row.name, row.status, row.verified_at, row.source)


def put(db: Db, uscc: str, name: str, source: str, now: datetime) -> None:
    """Create the company or note that it was verified again. Its row stays locked until the transaction ends, so that
    two people who register it at once go one after the other."""
    values = {"name": name, "status": "active", "source": source, "verified_at": now}
    statement = upsert(db, organisations).values(uscc=uscc, created_at=now, **values)
    db.execute(statement.on_conflict_do_update(index_elements=["uscc"], set_=values))


def add_mandate(
    db: Db,
    *,
    uscc: str,
    account_id: str,
    role: Role,
    now: datetime,
    valid_until: datetime | None,
    granted_by: str | None,
    accepted_at: datetime | None,
    scope: str = "",
) -> str:
    """Returns the mandate's id."""
    mandate_id = new_id()
    db.execute(
        insert(mandates).values(
            id=mandate_id,
            uscc=uscc,
            account_id=account_id,
            role=role.value,
            scope=scope,
            valid_from=now,
            valid_until=valid_until,
            granted_by=granted_by,
            accepted_at=accepted_at,
            created_at=now,
        )
    )
    return mandate_id


def find_mandate(db: Db, mandate_id: str) -> Mandate | None:
    row = db.execute(_mandates().where(mandates.c.id == mandate_id)).first()
    return _mandate_of(row) if row else None


def get_mandate(db: Db, mandate_id: str) -> Mandate:
    """Raises LookupError."""
    mandate = find_mandate(db, mandate_id)
    if mandate is None:
        raise LookupError(mandate_id)
    return mandate


def lock(db: Db, uscc: str) -> None:
    """Let changes to one company's mandates go one after the other until the transaction ends."""
    db.execute(select(organisations.c.uscc).where(organisations.c.uscc == uscc).with_for_update())


def list_mandates(db: Db, account_id: str) -> list[Mandate]:
    """Every mandate the person was given, revoked and expired ones included, newest first."""
    return _list(db, mandates.c.account_id == account_id)


def list_valid_mandates(db: Db, account_id: str, now: datetime) -> list[Mandate]:
    """Those by which the person may act at this moment."""
    is_valid = and_(
        mandates.c.account_id == account_id,
        mandates.c.accepted_at.is_not(None),
        mandates.c.revoked_at.is_(None),
        mandates.c.valid_from <= now,
        or_(mandates.c.valid_until.is_(None), mandates.c.valid_until > now),
    )
    return _list(db, is_valid)


def list_mandates_of_organisation(db: Db, uscc: str) -> list[Mandate]:
    return _list(db, mandates.c.uscc == uscc)


def accept_mandate(db: Db, mandate_id: str, account_id: str, now: datetime) -> bool:
    """Accept an invitation once; False when it was not this person's to accept or is gone."""
    accepted = db.execute(
        update(mandates)
        .where(
            mandates.c.id == mandate_id,
            mandates.c.account_id == account_id,
            mandates.c.accepted_at.is_(None),
            mandates.c.revoked_at.is_(None),
        )
        .values(accepted_at=now)
        .returning(mandates.c.id)
    )
    return accepted.first() is not None


def revoke_mandate(db: Db, mandate_id: str, now: datetime) -> bool:
    revoked = db.execute(
        update(mandates)
        .where(mandates.c.id == mandate_id, mandates.c.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(mandates.c.id)
    )
    return revoked.first() is not None


def _mandates() -> Any:
    return select(mandates, organisations.c.name).join(organisations, organisations.c.uscc == mandates.c.uscc)


def _list(db: Db, where: Any) -> list[Mandate]:
    return [_mandate_of(row) for row in db.execute(_mandates().where(where).order_by(mandates.c.created_at.desc()))]


def _mandate_of(row: Any) -> Mandate:
    return Mandate(
        id=row.id,
        uscc=row.uscc,
        organisation_name=row.name,
        account_id=row.account_id,
        role=Role(row.role),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        granted_by=row.granted_by,
        accepted_at=row.accepted_at,
        revoked_at=row.revoked_at,
        scope=row.scope,
    )
