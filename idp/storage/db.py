"""One unit of work on the durable store: what every query takes as its first argument."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from sqlalchemy import Column, Connection, CursorResult, Delete, Engine, NestedTransaction, Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.base import Executable

__all__ = ["Db", "begin_reading", "purge_rows", "unique_or", "upsert"]


class Db:
    """A connection at first need, in one transaction until :meth:`commit` or :meth:`rollback`, which give it back; or,
    after :meth:`begin_alone`, without transaction.

    A plain connection and not an ORM session: we map no objects, and a session's beginning and end cost more than most
    of our statements.
    """

    def __init__(self, engine: Engine, alone: Engine | None = None) -> None:
        self._engine, self._alone = engine, alone
        self._is_alone = False
        self._connection: Connection | None = None
        self.info: dict[str, Any] = {}
        """Notes of storage functions to whoever ends the work (see storage.outbox.has_added)."""

    def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | list[Mapping[str, Any]] | None = None
    ) -> CursorResult[*tuple[Any, ...]]:
        return self.connection().execute(statement, parameters)

    def connection(self) -> Connection:
        """The connection at hand, opened if there is none."""
        if self._connection is None:
            chosen = self._alone if self._is_alone and self._alone is not None else self._engine
            self._connection = chosen.connect()
        return self._connection

    def begin_nested(self) -> NestedTransaction:
        """A savepoint: ``with db.begin_nested(): …`` undoes only itself when it fails."""
        return self.connection().begin_nested()

    def begin_alone(self) -> None:
        """Until the next commit each statement stands alone: it sees the newest and, if it writes, is durable when it
        returns. For work in which one statement decides. No effect on a transaction under way."""
        self._is_alone = self._connection is None

    def get_bind(self) -> Engine:
        return self._engine

    def in_transaction(self) -> bool:
        return self._connection is not None and not self._is_alone

    def commit(self) -> None:
        if self._connection is not None and not self._is_alone:
            self._connection.commit()
        self.close()

    def rollback(self) -> None:
        if self._connection is not None and not self._is_alone:
            self._connection.rollback()
        self.close()

    def close(self) -> None:
        """Give the connection back; what was not committed is undone."""
        connection, self._connection, self._is_alone = self._connection, None, False
        if connection is not None:
            connection.close()

    def __enter__(self) -> Db:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def begin_reading(db: Db) -> None:
    """Let the next statements take no lock, where no transaction has begun. End it by a commit before anything is
    written or waited for."""
    db.begin_alone()


def upsert(db: Db, table: Table) -> Any:
    """An INSERT for the database at hand that knows ``on_conflict_do_update`` and ``on_conflict_do_nothing``."""
    return (sqlite if db.get_bind().dialect.name == "sqlite" else postgresql).insert(table)


@contextmanager
def unique_or(clash: type[Exception], db: Db) -> Iterator[None]:
    """Run statements in a savepoint; raises ``clash`` when a value belongs to another row already, after which the
    work can go on. Any other broken constraint is a defect of ours and stays what it is."""
    try:
        with db.begin_nested():
            yield
    except IntegrityError as error:
        if not _is_unique_violation(error):
            raise
        raise clash from error


def _is_unique_violation(error: IntegrityError) -> bool:
    if getattr(error.orig, "sqlstate", None) == "23505":
        return True
    return getattr(error.orig, "sqlite_errorname", "") in {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}


def purge_rows(db: Db, key: Column[str], where: Any, limit: int) -> int:
    """Delete at most ``limit`` rows in one statement; rows another process has in hand are left to it."""
    over = select(key).where(where).limit(limit).with_for_update(skip_locked=True).cte("over")
    statement: Delete = delete(key.table).where(key.in_(select(over)))
    return len(db.execute(statement.returning(key)).all())
