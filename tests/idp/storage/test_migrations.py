from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url

from idp.storage import migrate
from idp.storage.tables import metadata

REVISIONS = [
    script.revision for script in reversed(list(ScriptDirectory(str(migrate.ROOT / "idp")).walk_revisions("base")))
]


@pytest.fixture
def empty_url(both_engines: str, request: pytest.FixtureRequest, tmp_path: Any) -> str:
    if both_engines == "postgresql":
        return str(request.getfixturevalue("postgresql_url"))
    return f"sqlite:///{tmp_path / 'nested' / 'empty.sqlite3'}"


def tables_of(url: str) -> set[str]:
    engine = create_engine(url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def shape_of(url: str) -> dict[str, Any]:
    """Columns, indexes and constraints of every table."""
    engine = create_engine(url)
    try:
        found = inspect(engine)
        return {
            name: (
                [(column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns(name)],
                sorted((index["name"] or "", index["column_names"]) for index in found.get_indexes(name)),
                sorted((key["name"] or "", key["column_names"]) for key in found.get_unique_constraints(name)),
                sorted((key["name"] or "", key["referred_table"]) for key in found.get_foreign_keys(name)),
            )
            for name in found.get_table_names()
        }
    finally:
        engine.dispose()


def test_migrations_make_exactly_the_tables_the_code_knows(empty_url: str) -> None:
    migrate.upgrade(empty_url)
    engine = create_engine(empty_url)
    with engine.connect() as connection:
        options = {"version_table": migrate.version_table("idp"), "compare_server_default": True}
        difference = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    engine.dispose()
    assert difference == []
    assert set(metadata.tables) | {"alembic_version_idp"} == tables_of(empty_url)


def test_every_revision_goes_up_and_down_and_up_again(empty_url: str) -> None:
    shapes = [{}]
    for revision in REVISIONS:
        migrate.upgrade(empty_url, revision=revision)
        shapes.append(shape_of(empty_url))
        migrate.downgrade(empty_url, revision="-1")
        assert shape_of(empty_url).keys() - {"alembic_version_idp"} == shapes[-2].keys() - {"alembic_version_idp"}
        migrate.upgrade(empty_url, revision=revision)
        assert shape_of(empty_url) == shapes[-1]
    migrate.downgrade(empty_url)
    assert tables_of(empty_url) == {"alembic_version_idp"}
    migrate.upgrade(empty_url)
    assert shape_of(empty_url) == shapes[-1]


def test_a_second_run_changes_nothing_and_keeps_the_data(empty_url: str) -> None:
    migrate.upgrade(empty_url)
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO revoked_tokens VALUES ('jti', '2030-01-01 00:00:00')"))
    before = shape_of(empty_url)
    migrate.upgrade(empty_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT jti FROM revoked_tokens")).scalars().all() == ["jti"]
    engine.dispose()
    assert shape_of(empty_url) == before


def test_whether_a_database_is_current_can_be_asked(empty_url: str) -> None:
    assert not migrate.is_current(empty_url)
    migrate.upgrade(empty_url, revision=REVISIONS[0])
    assert migrate.is_current(empty_url) == (len(REVISIONS) == 1)
    migrate.upgrade(empty_url)
    assert migrate.is_current(empty_url)


def test_processes_that_start_together_migrate_once(empty_url: str) -> None:
    code = f"from idp.storage.migrate import upgrade; upgrade({empty_url!r})"
    started = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(3)]  # noqa: S603
    errors = [process.communicate(timeout=60)[1].decode() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], errors
    assert migrate.is_current(empty_url)


def test_a_revision_that_fails_leaves_nothing_behind(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if make_url(empty_url).get_backend_name() == "sqlite":
        monkeypatch.setattr(migrate, "_check_references", _fail)
    else:
        monkeypatch.setattr(migrate.command, "upgrade", _upgrade_and_fail(migrate.command.upgrade))
    with pytest.raises(migrate.MigrationFailed):
        migrate.upgrade(empty_url)
    assert tables_of(empty_url) == set()


def _fail(*_: object) -> None:
    raise migrate.MigrationFailed


def _upgrade_and_fail(upgrade: Any) -> Any:
    def run(*arguments: Any) -> None:
        upgrade(*arguments)
        _fail()

    return run
