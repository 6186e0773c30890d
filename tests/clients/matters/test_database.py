"""Migrations make exactly the tables the code knows, and take them away again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from clients.matters.database import VERSION_TABLE, migrate, migrate_back
from clients.matters.tables import metadata


def tables_of(url: str) -> set[str]:
    engine = create_engine(url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_migrations_make_exactly_the_tables_the_code_knows(database_url: str, both_engines: str) -> None:
    migrate(database_url)
    engine = create_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
    engine.dispose()
    assert tables_of(database_url) == set(metadata.tables) | {VERSION_TABLE}


def test_migrations_go_back_and_forth(database_url: str, both_engines: str) -> None:
    migrate(database_url)
    migrate(database_url)
    migrate_back(database_url)
    assert tables_of(database_url) == {VERSION_TABLE}
    migrate(database_url)
    assert set(metadata.tables) <= tables_of(database_url)


def test_processes_that_start_together_migrate_once(database_url: str, both_engines: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        # Alembic's context is a module's global: one run at a time in a process, but each waits for the others' lock.
        list(pool.map(lambda _: migrate_in_a_process(database_url), range(4)))
    assert set(metadata.tables) <= tables_of(database_url)


def migrate_in_a_process(url: str) -> None:
    import subprocess
    import sys

    code = "import sys; from clients.matters.database import migrate; migrate(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, url], check=True, capture_output=True, timeout=60)  # noqa: S603
