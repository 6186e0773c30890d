"""Registered clients, and each process's short-lived copy of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy import delete as sql_delete

from idp.domain.client import Client
from idp.storage.db import Db, upsert
from idp.storage.tables import client_logos, clients

_FIND = (
    select(clients, client_logos.c.fetched_at)
    .outerjoin(client_logos, client_logos.c.client_id == clients.c.client_id)
    .where(clients.c.client_id == bindparam("client"), clients.c.is_active)
)
_FIND_REGISTERED = _FIND.where(clients.c.registration_token_hash == bindparam("hash"))
_DELETE = sql_delete(clients).where(clients.c.client_id == bindparam("client")).returning(clients.c.client_id)


def find(db: Db, client_id: str) -> Client | None:
    """The client if it exists and is active."""
    row = db.execute(_FIND, {"client": client_id}).first()
    return _client_of(row, row.fetched_at) if row else None


def find_registered(db: Db, client_id: str, registration_token_hash: str) -> Client | None:
    """The active client that this registration token belongs to (RFC 7592 §1.2)."""
    row = db.execute(_FIND_REGISTERED, {"client": client_id, "hash": registration_token_hash}).first()
    return _client_of(row, row.fetched_at) if row else None


def find_even_disabled(db: Db, client_id: str) -> Client | None:
    """The client, active or not."""
    row = db.execute(select(clients).where(clients.c.client_id == client_id)).first()
    return _client_of(row) if row else None


def list_all(db: Db) -> list[Client]:
    return [_client_of(row) for row in db.execute(select(clients).order_by(clients.c.client_id))]


def list_changed(db: Db, since: datetime) -> list[Client]:
    """The clients made or changed from then on."""
    return [_client_of(row) for row in db.execute(select(clients).where(clients.c.updated_at >= since))]


def put(
    db: Db,
    client_id: str,
    metadata: Mapping[str, Any],
    now: datetime,
    *,
    secret_hash: str | None = None,
    is_first_party: bool = False,
    is_active: bool = True,
    secret_sealed: bytes | None = None,
    registration_token_hash: str | None = None,
    issued_at: datetime | None = None,
) -> Client:
    """Create or replace a client; a secret_hash (or secret_sealed, registration_token_hash) of None keeps none.
    ``issued_at``: when it was registered, if that was another time than now, or than it is known by."""
    values: dict[str, Any] = {
        "secret_hash": secret_hash,
        "secret_sealed": secret_sealed,
        "registration_token_hash": registration_token_hash,
        "metadata": dict(metadata),
        "is_first_party": is_first_party,
        "is_active": is_active,
        "updated_at": now,
    }
    if issued_at is not None:
        values["created_at"] = issued_at
    statement = upsert(db, clients).values(client_id=client_id, **({"created_at": now} | values))
    db.execute(statement.on_conflict_do_update(index_elements=["client_id"], set_=values))
    return Client(
        client_id,
        dict(metadata),
        secret_hash,
        is_first_party,
        is_active,
        secret_sealed,
        registration_token_hash,
        issued_at or now,
        now,
    )


def change(db: Db, client: Client, now: datetime) -> bool:
    """Store the metadata and the secret of a client that changed its own registration; False where it is not any more
    what the change began with: deleted, disabled, or changed by somebody else, whose word would be undone."""
    statement = (
        update(clients)
        .where(
            clients.c.client_id == client.client_id,
            clients.c.is_active,
            clients.c.registration_token_hash == client.registration_token_hash,
            clients.c.updated_at == client.updated_at,
        )
        .values(
            metadata=dict(client.metadata),
            secret_hash=client.secret_hash,
            secret_sealed=client.secret_sealed,
            updated_at=now,
        )
    )
    return db.execute(statement.returning(clients.c.client_id)).first() is not None


def delete(db: Db, client_id: str) -> bool:
    """Remove a client with its logo and the consents given to it; False where there was none. Its grants stay and open
    nothing without it."""
    return db.execute(_DELETE, {"client": client_id}).first() is not None


class ClientCache:
    """Clients by id, at most ``lifetime`` old, so that a request costs no look-up. That an id is unknown is kept too
    (an unknown client must not be told from a known one by the time of the answer), but apart, so that a stranger
    cannot push known clients out. Thread-safe."""

    def __init__(self, lifetime: timedelta, size: int = 4096) -> None:
        self._lifetime, self._size = lifetime, size
        self._known: dict[str, tuple[datetime, Client]] = {}
        self._unknown: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def find(self, db: Db, client_id: str, now: datetime) -> Client | None:
        entry = self._known.get(client_id)
        if entry is not None and now - entry[0] < self._lifetime:
            return entry[1]
        missed_at = self._unknown.get(client_id)
        if missed_at is not None and now - missed_at < self._lifetime:
            return None
        client = find(db, client_id)
        with self._lock:
            self._known.pop(client_id, None)
            self._unknown.pop(client_id, None)
            if client is not None:
                self._keep(self._known, client_id, (now, client))
            else:
                self._keep(self._unknown, client_id, now)
        return client

    def forget(self, client_id: str) -> None:
        """The client has changed; other processes see it when their copy is too old."""
        with self._lock:
            self._known.pop(client_id, None)
            self._unknown.pop(client_id, None)

    def clear(self) -> None:
        with self._lock:
            self._known.clear()
            self._unknown.clear()

    def _keep(self, entries: dict[str, Any], client_id: str, entry: Any) -> None:
        if len(entries) >= self._size:
            entries.pop(next(iter(entries)))
        entries[client_id] = entry


def _client_of(row: Any, logo_fetched_at: datetime | None = None) -> Client:
    return Client(
        client_id=row.client_id,
        metadata=row._mapping["metadata"],
        secret_hash=row.secret_hash,
        is_first_party=row.is_first_party,
        is_active=row.is_active,
        secret_sealed=row.secret_sealed,
        registration_token_hash=row.registration_token_hash,
        created_at=row.created_at,
        updated_at=row.updated_at,
        logo_fetched_at=logo_fetched_at,
    )
