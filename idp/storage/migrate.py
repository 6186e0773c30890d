"""Bringing a database's tables to the version this code was written for, and back.

Each database has its own folder of Alembic revisions under ``migrations/<name>`` and its own version table, so that
several can share one database. A run is one transaction: it happens wholly or not at all, and of several processes that
start together one migrates while the others wait and then find nothing to do.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.pool import NullPool

ROOT = Path(__file__).resolve().parents[2] / "migrations"


class MigrationFailed(RuntimeError):
    """A revision left rows that point at nothing; everything was rolled back."""


def upgrade(url: str, name: str = "idp", revision: str = "head") -> None:
    """Migrate forward; what is there already stays as it is."""
    with _exclusive(url, name) as connection:
        command.upgrade(_config(name, connection), revision)


def downgrade(url: str, name: str = "idp", revision: str = "base") -> None:
    """Migrate back; ``base`` removes every table of that name, with its data."""
    with _exclusive(url, name) as connection:
        command.downgrade(_config(name, connection), revision)


def is_current(url: str, name: str = "idp") -> bool:
    """Whether the database has the newest revision."""
    with _connection(url) as connection:
        context = MigrationContext.configure(connection, opts={"version_table": version_table(name)})
        return set(context.get_current_heads()) == set(ScriptDirectory.from_config(_config(name)).get_heads())


def version_table(name: str) -> str:
    return f"alembic_version_{name}"


def run(config: Any, metadata: Any) -> None:
    """What the ``env.py`` of a folder does: run the revisions on the connection the runner holds."""
    from alembic import context

    connection: Connection = config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=version_table(config.attributes["name"]),
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,  # SQLite too: _connection begins a real transaction there
        compare_type=True,
        compare_server_default=True,
    )
    context.run_migrations()


def _config(name: str, connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / name).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["name"] = name
    config.attributes["connection"] = connection
    return config


@contextmanager
def _exclusive(url: str, name: str) -> Iterator[Connection]:
    """A transaction that no other migration of that database runs beside."""
    with _connection(url) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            key = zlib.crc32(f"tongxing/migrate/{name}".encode())
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
        yield connection
        if connection.dialect.name == "sqlite":
            _check_references(connection)


def _check_references(connection: Connection) -> None:
    dangling = connection.execute(text("PRAGMA foreign_key_check")).fetchall()
    if dangling:
        tables = ", ".join(sorted({row[0] for row in dangling}))
        raise MigrationFailed(f"rows point at nothing after the migration: {tables}")


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    """One connection, closed for good at the end; on SQLite with real transactions and references checked last."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, poolclass=NullPool, **_patient(parsed.get_backend_name()))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _begin_ourselves)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _patient(backend: str) -> dict[str, Any]:
    """A migration may wait for another one and may take as long as it takes."""
    return {"connect_args": {"timeout": 120} if backend == "sqlite" else {"connect_timeout": 5}}


def _begin_ourselves(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # Python would commit before each CREATE TABLE
