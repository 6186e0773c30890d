"""Copies of clients' logos, fetched at registration and served from our own origin."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, delete, select

from idp.storage.db import Db, upsert
from idp.storage.tables import client_logos as logos
from idp.storage.tables import clients

_IS_OF = logos.c.client_id == bindparam("client")
_FIND = select(logos.c.media_type, logos.c.content).join(clients).where(_IS_OF, clients.c.is_active)
_REMOVE = delete(logos).where(_IS_OF)


@dataclass(frozen=True)
class Logo:
    media_type: str
    content: bytes = field(repr=False)


def put(db: Db, client_id: str, logo: Logo, now: datetime) -> None:
    values = {"media_type": logo.media_type, "content": logo.content, "fetched_at": now}
    statement = upsert(db, logos).values(client_id=client_id, **values)
    db.execute(statement.on_conflict_do_update(index_elements=["client_id"], set_=values))


def find(db: Db, client_id: str) -> Logo | None:
    """The picture of an active client."""
    row = db.execute(_FIND, {"client": client_id}).first()
    return Logo(row.media_type, row.content) if row else None


def remove(db: Db, client_id: str) -> None:
    db.execute(_REMOVE, {"client": client_id})
