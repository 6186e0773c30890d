"""The tables of a relying party's sessions, for SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Column,
    DateTime,
    Dialect,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    create_engine,
    event,
)

metadata = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time; SQLite, which knows no zones, gets it without."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# `client_id` stands in every table: several relying parties may share one database and never touch each other's rows.
pending_logins = Table(
    "rp_pending_login",
    metadata,
    Column("state_hash", String(64), primary_key=True),
    Column("client_id", String(255), primary_key=True),
    Column("browser_hash", String(64), nullable=False),
    Column("pending_sealed", LargeBinary, nullable=False),
    Column("next_path", Text, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

sessions = Table(
    "rp_session",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("client_id", String(255), nullable=False),
    Column("issuer", String(255), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("sid", String(255)),
    Column("acr_asked", Text, nullable=False, default=""),
    Column("login_sealed", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False, default=1),
    Column("refreshing_until", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Index("ix_rp_session_sid", "issuer", "sid"),
    Index("ix_rp_session_subject", "issuer", "subject"),
)

logout_notices = Table(
    "rp_logout_notice",
    metadata,
    Column("jti_hash", String(64), primary_key=True),
    Column("client_id", String(255), primary_key=True),
    Column("issuer", String(255), nullable=False),
    Column("sid", String(255)),
    Column("subject", String(255)),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Index("ix_rp_logout_notice_sid", "issuer", "sid"),
    Index("ix_rp_logout_notice_subject", "issuer", "subject"),
)


def open_engine(url: str) -> Engine:
    """An engine for `sqlite:///…` or `postgresql+psycopg://…`, set up for many threads and short transactions."""
    # An exception's text, which is logged, must not hold what was bound.
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"), hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    # Readers and one writer side by side; a writer waits for the other instead of failing.
    for pragma in ("journal_mode=WAL", "busy_timeout=4000", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}").close()
