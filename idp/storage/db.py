"""The connection to the durable store: engine options per database and the session type every query takes."""

from __future__ import annotations

import select as readiness
from typing import Any

from sqlalchemy import Column, Delete, Engine, Table, delete, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DisconnectionError, IntegrityError
from sqlalchemy.orm import Session

Db = Session

__all__ = ["Db", "begin_reading", "engine_options", "is_unique_violation", "prepare", "purge_rows", "upsert"]


def engine_options(database_url: str) -> dict[str, Any]:
    """Options for SQLAlchemy's create_engine, per kind of database."""
    if database_url.startswith("sqlite"):
        return {"connect_args": {"timeout": 10, "check_same_thread": False}}
    options = "-c statement_timeout=2500 -c lock_timeout=2000 -c timezone=utc"
    return {
        "pool_size": 8,
        "max_overflow": 8,
        "pool_timeout": 5,
        "pool_recycle": 1800,
        "pool_use_lifo": True,  # few warm connections rather than many cold ones
        "connect_args": {"connect_timeout": 5, "options": options},
    }


def prepare(engine: Engine) -> None:
    """Set an engine up: on SQLite real transactions, on PostgreSQL connections that outlive its restart.

    SQLite: WAL, and writers queue at BEGIN instead of failing in the middle. A session that only reads says so with
    ``execution_options={"read_only": True}`` and takes no write lock.
    """
    if engine.dialect.name != "sqlite":
        event.listen(engine, "checkout", _check_alive)
        return

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
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


def upsert(db: Db, table: Table) -> Any:
    """An INSERT for the database at hand that knows ``on_conflict_do_update`` and ``on_conflict_do_nothing``."""
    return (sqlite if db.get_bind().dialect.name == "sqlite" else postgresql).insert(table)


def is_unique_violation(error: IntegrityError) -> bool:
    """Whether a value clashed with another row's; any other broken constraint is a defect of ours."""
    if getattr(error.orig, "sqlstate", None) == "23505":
        return True
    return getattr(error.orig, "sqlite_errorname", "") in {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}


def purge_rows(db: Db, key: Column[str], where: Any, limit: int) -> int:
    """Delete at most ``limit`` rows in one statement; rows another process has in hand are left to it."""
    over = select(key).where(where).limit(limit).with_for_update(skip_locked=True).cte("over")
    statement: Delete = delete(key.table).where(key.in_(select(over)))
    return len(db.execute(statement.returning(key)).all())


def _check_alive(connection: Any, _record: Any, _proxy: Any) -> None:
    """Before use: a connection the server has closed is readable (its end of file), an idle one is not. This costs no
    round trip, and after a restart of the database no request meets a dead connection."""
    poll = readiness.poll()
    poll.register(connection.fileno(), readiness.POLLIN)
    if poll.poll(0):
        raise DisconnectionError("the database closed the connection")
