"""Remembered consents: what a person agreed to give one client."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select, update

from idp.domain.session import Consent
from idp.storage.db import Db
from idp.storage.tables import consents


def remember(
    db: Db, account_id: str, client_id: str, scope: frozenset[str], claims: frozenset[str], now: datetime
) -> None:
    """Store a consent, adding to what was agreed before."""
    before = find(db, account_id, client_id)
    if before is None:
        db.execute(
            insert(consents).values(
                account_id=account_id,
                client_id=client_id,
                scope=" ".join(sorted(scope)),
                claims=" ".join(sorted(claims)),
                granted_at=now,
            )
        )
        return
    db.execute(
        update(consents)
        .where(consents.c.account_id == account_id, consents.c.client_id == client_id)
        .values(
            scope=" ".join(sorted(scope | before.scope)),
            claims=" ".join(sorted(claims | before.claims)),
            granted_at=now,
        )
    )


def find(db: Db, account_id: str, client_id: str) -> Consent | None:
    row = db.execute(
        select(consents).where(consents.c.account_id == account_id, consents.c.client_id == client_id)
    ).first()
    return Consent(frozenset(row.scope.split()), frozenset(row.claims.split()), row.granted_at) if row else None


def list_of(db: Db, account_id: str) -> list[tuple[str, Consent]]:
    """(client_id, consent), newest first."""
    rows = db.execute(
        select(consents).where(consents.c.account_id == account_id).order_by(consents.c.granted_at.desc())
    )
    return [
        (row.client_id, Consent(frozenset(row.scope.split()), frozenset(row.claims.split()), row.granted_at))
        for row in rows
    ]


def withdraw(db: Db, account_id: str, client_id: str) -> None:
    """Forget a consent. The caller revokes the client's grants in the same transaction."""
    db.execute(delete(consents).where(consents.c.account_id == account_id, consents.c.client_id == client_id))
