"""The platform's database brought to the version this code was written for, and back (``migrations/matters``).

A run is one transaction: it happens wholly or not at all, and of several processes that start together one migrates
while the others wait and then find nothing to do.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.pool import NullPool

MIGRATIONS = Path(__file__).parents[2] / "migrations" / "matters"
VERSION_TABLE = "alembic_version_matters"


def migrate(url: str, revision: str = "head") -> None:
    """Migrate forward to `revision`; what is there already stays as it is."""
    with _exclusive(url) as connection:
        command.upgrade(_config(connection), revision)


def migrate_back(url: str, revision: str = "base") -> None:
    """Migrate back; ``base`` removes every table with its data."""
    with _exclusive(url) as connection:
        command.downgrade(_config(connection), revision)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes.update(connection=connection, version_table=VERSION_TABLE)
    return config


@contextmanager
def _exclusive(url: str) -> Iterator[Connection]:
    parsed = make_url(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    if is_sqlite and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, poolclass=NullPool, connect_args={"timeout": 120} if is_sqlite else {})
    if is_sqlite:
        event.listen(engine, "connect", _begin_ourselves)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as connection:
            if not is_sqlite:
                key = zlib.crc32(b"tongxing/migrate/matters")
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
            yield connection
    finally:
        engine.dispose()


def _begin_ourselves(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # Python would commit before each CREATE TABLE
