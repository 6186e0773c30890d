"""Registrations under way: taken up again after any interruption, turned into an account once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from idp.crypto.random import hash_secret, new_id, new_secret
from idp.crypto.vault import Vault
from idp.storage.db import Db
from idp.storage.tables import registrations


@dataclass(frozen=True)
class Registration:
    id: str
    state: dict[str, Any]  # what the person has given and proved so far; sealed at rest
    version: int
    account_id: str | None  # set once, when the account exists
    expires_at: datetime


def add(db: Db, vault: Vault, state: dict[str, Any], now: datetime, expires_at: datetime) -> tuple[Registration, str]:
    """Returns the registration and the browser's secret by which it is taken up again."""
    registration_id, token = new_id(), new_secret()
    db.execute(
        insert(registrations).values(
            id=registration_id,
            token_hash=hash_secret(token),
            state_sealed=vault.seal_json("registration", state, registration_id),
            version=1,
            created_at=now,
            expires_at=expires_at,
        )
    )
    return Registration(registration_id, state, 1, None, expires_at), token


def find(db: Db, vault: Vault, token: str, now: datetime) -> Registration | None:
    row = db.execute(
        select(registrations).where(registrations.c.token_hash == hash_secret(token), registrations.c.expires_at > now)
    ).first()
    return _registration_of(row, vault) if row else None


def find_by_id(db: Db, vault: Vault, registration_id: str) -> Registration | None:
    row = db.execute(select(registrations).where(registrations.c.id == registration_id)).first()
    return _registration_of(row, vault) if row else None


def _registration_of(row: Any, vault: Vault) -> Registration:
    state = vault.open_json("registration", row.state_sealed, row.id)
    return Registration(row.id, state, row.version, row.account_id, row.expires_at)


def save(db: Db, vault: Vault, registration: Registration, state: dict[str, Any]) -> bool:
    """Store a step; False when another request stored one meanwhile (the caller reads again)."""
    saved = db.execute(
        update(registrations)
        .where(
            registrations.c.id == registration.id,
            registrations.c.version == registration.version,
            registrations.c.account_id.is_(None),
        )
        .values(state_sealed=vault.seal_json("registration", state, registration.id), version=registration.version + 1)
        .returning(registrations.c.id)
    )
    return saved.first() is not None


def complete(db: Db, vault: Vault, registration: Registration, account_id: str, state: dict[str, Any]) -> bool:
    """Claim the registration for the account made of it, keeping only ``state``; False when it was completed or
    changed meanwhile."""
    completed = db.execute(
        update(registrations)
        .where(
            registrations.c.id == registration.id,
            registrations.c.version == registration.version,
            registrations.c.account_id.is_(None),
        )
        .values(
            account_id=account_id,
            version=registration.version + 1,
            state_sealed=vault.seal_json("registration", state, registration.id),
        )
        .returning(registrations.c.id)
    )
    return completed.first() is not None
