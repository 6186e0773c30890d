"""Registered clients, and each process's short-lived copy of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from idp.domain.client import Client
from idp.storage.db import Db
from idp.storage.tables import clients


def find(db: Db, client_id: str) -> Client | None:
    """The client if it exists and is active."""
    row = db.execute(select(clients).where(clients.c.client_id == client_id, clients.c.is_active)).first()
    return _client_of(row) if row else None


def list_all(db: Db) -> list[Client]:
    return [_client_of(row) for row in db.execute(select(clients).order_by(clients.c.client_id))]


def put(
    db: Db,
    client_id: str,
    metadata: Mapping[str, Any],
    now: datetime,
    *,
    secret_hash: str | None = None,
    is_first_party: bool = False,
    is_active: bool = True,
) -> Client:
    """Create or replace a client; a secret_hash of None keeps none."""
    values = {
        "secret_hash": secret_hash,
        "metadata": dict(metadata),
        "is_first_party": is_first_party,
        "is_active": is_active,
        "updated_at": now,
    }
    found = db.execute(
        update(clients).where(clients.c.client_id == client_id).values(values).returning(clients.c.client_id)
    ).first()
    if found is None:
        db.execute(insert(clients).values(client_id=client_id, created_at=now, **values))
    return Client(client_id, dict(metadata), secret_hash, is_first_party, is_active)


class ClientCache:
    """Clients by id, at most ``lifetime`` old, so that a request costs no look-up. Unknown ids are not kept:
    a stranger cannot fill it. Thread-safe."""

    def __init__(self, lifetime: timedelta, size: int = 4096) -> None:
        self._lifetime, self._size = lifetime, size
        self._entries: dict[str, tuple[datetime, Client]] = {}
        self._lock = threading.Lock()

    def find(self, db: Db, client_id: str, now: datetime) -> Client | None:
        entry = self._entries.get(client_id)
        if entry is not None and now - entry[0] < self._lifetime:
            return entry[1]
        client = find(db, client_id)
        with self._lock:
            self._entries.pop(client_id, None)
            if client is not None:
                if len(self._entries) >= self._size:
                    self._entries.pop(next(iter(self._entries)))
                self._entries[client_id] = (now, client)
        return client

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


def _client_of(row: Any) -> Client:
    return Client(
        client_id=row.client_id,
        metadata=row._mapping["metadata"],
        secret_hash=row.secret_hash,
        is_first_party=row.is_first_party,
        is_active=row.is_active,
    )
