"""The connections to the durable store: an engine for transactions and one for statements that stand alone.

A statement alone is its own transaction: no BEGIN, no COMMIT, a third of the round trips.
"""

from __future__ import annotations

import select
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

ALONE = "alone"
_TIMEOUTS = "-c statement_timeout=2500 -c lock_timeout=2000 -c timezone=utc"
_SQLITE_PRAGMAS = ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")


def engine_options(database_url: str, *, is_alone: bool = False) -> dict[str, Any]:
    """Options for SQLAlchemy's create_engine, per kind of database."""
    alone: dict[str, Any] = {"isolation_level": "AUTOCOMMIT", "pool_reset_on_return": None} if is_alone else {}
    alone["hide_parameters"] = True  # an exception's text, which is logged, must not hold what was bound
    if database_url.startswith("sqlite"):
        return {"connect_args": {"timeout": 10, "check_same_thread": False}, **alone}
    return {
        "pool_size": 8,
        "max_overflow": 8,
        "pool_timeout": 5,
        "pool_recycle": 1800,
        "pool_use_lifo": True,  # few warm connections rather than many cold ones
        "connect_args": {"connect_timeout": 5, "options": _TIMEOUTS},
        **alone,
    }


def prepare(engine: Engine, *, is_alone: bool = False) -> None:
    """Set an engine up: on SQLite real transactions, on PostgreSQL connections that survive its restart.

    SQLite: WAL, and writers queue at BEGIN instead of failing in the middle.
    """
    if engine.dialect.name != "sqlite":
        event.listen(engine, "checkout", _check_alive)
        return
    event.listen(engine, "connect", _set_up_sqlite)
    if not is_alone:
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # Python would begin too late; we say BEGIN ourselves
    for pragma in _SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _check_alive(connection: Any, _record: Any, _proxy: Any) -> None:
    """Before use: a connection the server has closed is readable (its end of file), an idle one is not. This costs no
    round trip, and after a restart of the database no request meets a dead connection."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        raise DisconnectionError("the database closed the connection")
