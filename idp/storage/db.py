"""The connection to the durable store: engine options per database and the session type every query takes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

Db = Session

__all__ = ["Db", "begin_reading", "engine_options", "prepare"]


def engine_options(database_url: str) -> dict[str, Any]:
    """Options for SQLAlchemy's create_engine, per kind of database."""
    if database_url.startswith("sqlite"):
        return {"connect_args": {"timeout": 10, "check_same_thread": False}}
    options = "-c statement_timeout=2500 -c lock_timeout=2000 -c timezone=utc"
    return {
        "pool_size": 8,
        "max_overflow": 8,
        "pool_pre_ping": False,
        "pool_recycle": 1800,
        "connect_args": {"connect_timeout": 5, "options": options},
    }


def prepare(engine: Engine) -> None:
    """Give SQLite real transactions: WAL, and writers queue at BEGIN instead of failing in the middle.

    A session that only reads says so with ``execution_options={"read_only": True}`` and takes no write lock.
    """
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        is_read_only = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if is_read_only else "BEGIN IMMEDIATE")


def begin_reading(db: Db) -> None:
    """Let the session's next statements take no write lock, where its transaction has not begun. End it by a commit
    before anything is written or waited for."""
    if not db.in_transaction():
        db.connection(execution_options={"read_only": True})
