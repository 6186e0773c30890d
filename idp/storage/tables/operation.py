"""Keys, deliveries and values that die within minutes."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Index, Integer, LargeBinary, String, Table, and_

from idp.storage.tables.columns import id_column, metadata
from idp.storage.utc_time import Time

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", String(64), primary_key=True),
    Column("alg", String(16), nullable=False),
    Column("private_sealed", LargeBinary, nullable=False),
    Column("public_jwk", JSON, nullable=False),
    Column("published_at", Time, nullable=False),
    Column("signs_from", Time, nullable=False),
    Column("signs_until", Time, nullable=False),
    Column("gone_at", Time, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    id_column(),
    Column("kind", String(64), nullable=False),
    Column("batch", String(64), nullable=False),  # what caused it: one logout is one batch
    Column("recipient", String(255), nullable=False),  # client_id or upstream name
    Column("payload", JSON, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("next_attempt_at", Time, nullable=False),  # while a worker has it: when its lease ends
    Column("expires_at", Time, nullable=False),  # a failure after it is final
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("delivered_at", Time),
    Column("dead_at", Time),
    Column("last_error", String(255)),
    Index(None, "batch"),
)
_is_pending = and_(outbox.c.delivered_at.is_(None), outbox.c.dead_at.is_(None))
Index(None, outbox.c.next_attempt_at, postgresql_where=_is_pending, sqlite_where=_is_pending)
for _name in ("delivered_at", "dead_at"):
    _is_over = outbox.c[_name].is_not(None)
    Index(None, outbox.c[_name], postgresql_where=_is_over, sqlite_where=_is_over)

ephemeral = Table(
    "ephemeral",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("value_sealed", LargeBinary),
    Column("count", Integer, nullable=False),
    Column("expires_at", Time, nullable=False),
    Index(None, "expires_at"),
)
