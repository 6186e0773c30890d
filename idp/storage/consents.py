"""Remembered consents: what a person agreed to give one client."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, select, update

from idp.domain.session import Consent
from idp.storage.db import Db, upsert
from idp.storage.tables import consents


def remember(
    db: Db, account_id: str, client_id: str, scope: frozenset[str], claims: frozenset[str], now: datetime
) -> None:
    """Store a consent, adding to what was agreed before."""
    row = db.execute(
        upsert(db, consents)
        .values(account_id=account_id, client_id=client_id, scope=_text(scope), claims=_text(claims), granted_at=now)
        # This locks what was agreed before, so that of two consents at once neither is lost.
        .on_conflict_do_update(index_elements=["account_id", "client_id"], set_={"granted_at": now})
        .returning(consents.c.scope, consents.c.claims)
    ).one()
    agreed = {"scope": _text(scope.union(row.scope.split())), "claims": _text(claims.union(row.claims.split()))}
    if agreed != {"scope": row.scope, "claims": row.claims}:
        db.execute(update(consents).where(_is(account_id, client_id)).values(agreed))


def find(db: Db, account_id: str, client_id: str) -> Consent | None:
    row = db.execute(select(consents).where(_is(account_id, client_id))).first()
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
    db.execute(delete(consents).where(_is(account_id, client_id)))


def _is(account_id: str, client_id: str) -> Any:
    return and_(consents.c.account_id == account_id, consents.c.client_id == client_id)


def _text(words: frozenset[str]) -> str:
    return " ".join(sorted(words))
