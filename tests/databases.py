"""Fixtures: PostgreSQL, Redis and databases fresh from the migrations, as fast as they can be had."""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
import redis

from idp.storage.ephemeral_redis import BIRTH
from idp.storage.tables import metadata
from tests import schema, services

_numbers = itertools.count(1)
_PATIENCE = 30  # seconds


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[services.PostgreSQL]:
    with services.running_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """Its address asks for patience: the quarter of a second that counts in production is over soon on a busy machine.
    That it counts is shown in tests/idp/storage/test_ephemeral_redis.py."""
    with services.running_redis() as url:
        yield f"{url}?socket_timeout={_PATIENCE}&socket_connect_timeout={_PATIENCE}"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file, copied for each test."""
    path = tmp_path_factory.mktemp("template") / "idp.sqlite3"
    schema.build(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_pool(postgresql_server: services.PostgreSQL) -> PostgreSQLPool:
    return PostgreSQLPool(postgresql_server)


@pytest.fixture
def postgresql_url(postgresql_server: services.PostgreSQL) -> Iterator[str]:
    """A fresh, empty PostgreSQL database."""
    name = f"empty_{next(_numbers)}"
    postgresql_server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield postgresql_server.url(name)
    postgresql_server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """A Redis with nothing in it that has been up for an hour."""
    make_aged(redis_server)
    return redis_server


def make_aged(redis_url: str) -> None:
    """Empty a Redis and let it look an hour old: a young one refuses claims (see ephemeral_redis)."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        birth = {"run_id": client.info("server")["run_id"], "at": time.time() - 3600}
        client.hset(BIRTH, mapping=birth)


@pytest.fixture(params=["sqlite", "postgresql"])
def both_engines(request: pytest.FixtureRequest) -> str:
    """Ask for it to run a test on SQLite and on PostgreSQL."""
    return str(request.param)


@pytest.fixture(params=["sql", "redis"])
def ephemeral_store(request: pytest.FixtureRequest) -> str:
    """Ask for it to run a test with ephemeral values in the database and in Redis."""
    return str(request.param)


@pytest.fixture
def new_database(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Makes fresh migrated databases of the test's engine: each call gives another one's URL."""
    engine = request.getfixturevalue("both_engines") if "both_engines" in request.fixturenames else "sqlite"
    with ExitStack() as stack:
        yield lambda: stack.enter_context(_database(request, engine))


@pytest.fixture
def engine_url(new_database: Callable[[], str]) -> str:
    """The URL of the test's migrated database: SQLite, or both where `both_engines` is asked for."""
    return new_database()


def _database(request: pytest.FixtureRequest, engine: str) -> AbstractContextManager[str]:
    if engine == "sqlite":
        return _sqlite(request.getfixturevalue("sqlite_template"), request.getfixturevalue("tmp_path"))
    pool: PostgreSQLPool = request.getfixturevalue("postgresql_pool")
    return pool.database()


@contextmanager
def _sqlite(template: Path, folder: Path) -> Iterator[str]:
    path = folder / f"database-{next(_numbers)}.sqlite3"
    shutil.copy(template, path)
    yield f"sqlite:///{path}"


class PostgreSQLPool:
    """Migrated databases that are emptied and used again: making one costs twenty times as much as emptying it."""

    def __init__(self, server: services.PostgreSQL) -> None:
        self._server = server
        self._free: list[str] = []
        self._empty = "; ".join(
            [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]  # noqa: S608 - our own names
            + ["INSERT INTO signing_keys SELECT * FROM kept.signing_keys"]
        )
        self._is_built = False

    @contextmanager
    def database(self) -> Iterator[str]:
        name = self._free.pop() if self._free else self._create()
        yield self._server.url(name)
        try:
            with self._connection(name) as connection:
                connection.execute("SET lock_timeout = 1000")
                connection.execute(self._empty.encode())
        except psycopg.errors.LockNotAvailable:  # the test left a transaction open: that database is not used again
            self._server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        else:
            self._free.append(name)

    def _create(self) -> str:
        if not self._is_built:
            self._server.execute("CREATE DATABASE template_idp")
            schema.build(self._server.url("template_idp"))
            with self._connection("template_idp") as connection:
                connection.execute("CREATE SCHEMA kept")
                connection.execute("CREATE TABLE kept.signing_keys AS SELECT * FROM signing_keys")
            self._is_built = True
        name = f"test_{next(_numbers)}"
        self._server.execute(f"CREATE DATABASE {name} TEMPLATE template_idp")
        return name

    def _connection(self, name: str) -> psycopg.Connection:
        return psycopg.connect(self._server.url(name).replace("+psycopg", ""), autocommit=True)
