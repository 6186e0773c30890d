"""Signing keys at rest: the private half sealed, the public half in the clear."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy import func as sql

from idp.crypto.vault import Vault
from idp.domain.signing_key import SigningKey
from idp.storage.db import Db
from idp.storage.tables import signing_keys

_LOCK = 0x746F6E67  # any number of our own: "tong"


def lock(db: Db) -> None:
    """Let one process at a time decide about keys, until its transaction ends. On SQLite the transaction itself is
    that lock (it begins by taking the write lock)."""
    if db.get_bind().dialect.name == "postgresql":
        db.execute(select(sql.pg_advisory_xact_lock(_LOCK)))


def list_all(db: Db, vault: Vault) -> list[SigningKey]:
    """All keys, the oldest first."""
    return [_key_of(row, vault) for row in db.execute(select(signing_keys).order_by(signing_keys.c.signs_from))]


def add(db: Db, vault: Vault, key: SigningKey) -> None:
    db.execute(
        insert(signing_keys).values(
            kid=key.kid,
            alg=key.alg,
            private_sealed=vault.seal_json("signing_key", key.private_jwk, key.kid),
            public_jwk=key.public_jwk,
            published_at=key.published_at,
            signs_from=key.signs_from,
            signs_until=key.signs_until,
            gone_at=key.gone_at,
        )
    )


def reschedule(db: Db, key: SigningKey) -> None:
    """Store a key's changed times."""
    db.execute(
        update(signing_keys)
        .where(signing_keys.c.kid == key.kid)
        .values(signs_from=key.signs_from, signs_until=key.signs_until, gone_at=key.gone_at)
    )


def purge(db: Db, now: datetime) -> None:
    db.execute(delete(signing_keys).where(signing_keys.c.gone_at < now))


def _key_of(row: Any, vault: Vault) -> SigningKey:
    return SigningKey(
        kid=row.kid,
        alg=row.alg,
        private_jwk=vault.open_json("signing_key", row.private_sealed, row.kid),
        public_jwk=row.public_jwk,
        published_at=row.published_at,
        signs_from=row.signs_from,
        signs_until=row.signs_until,
        gone_at=row.gone_at,
    )
