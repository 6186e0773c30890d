"""The registry's answers, on both engines, and what its database shows to whoever reads it."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import DatabaseError, IntegrityError

from federation.national import registry
from federation.national.population import ACTIVE, DECEASED, FROZEN, Enterprise, Person, generate
from federation.national.registry import NO_MATCH, Registry
from federation.national.tables import metadata

KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
PERSONS, ENTERPRISES = generate()


@pytest.fixture
def empty_url(both_engines: str, request: pytest.FixtureRequest, tmp_path: object) -> str:
    if both_engines == "sqlite":
        return f"sqlite:///{tmp_path}/authority.sqlite3"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def people(empty_url: str):  # type: ignore[no-untyped-def]
    registry.seed(empty_url, KEY)
    engine = registry.open_engine(empty_url)
    yield Registry(engine, KEY)
    engine.dispose()


def person(status: str = ACTIVE, level: int | None = None) -> Person:
    return next(item for item in PERSONS if item.status == status and level in (None, item.level))


def company() -> tuple[Enterprise, Person]:
    found = next(item for item in ENTERPRISES if item.status == ACTIVE)
    return found, next(item for item in PERSONS if item.id_number == found.representative)


def test_the_migration_makes_exactly_the_tables_of_the_code_and_can_be_undone(empty_url: str) -> None:
    from alembic import command
    from alembic.config import Config

    registry.migrate(empty_url)
    engine = registry.open_engine(empty_url)
    found = inspect(engine)
    for table in metadata.sorted_tables:
        columns = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
        assert columns == {column.name: bool(column.nullable) for column in table.columns}
    config = Config()
    config.set_main_option("script_location", "migrations/authority")
    config.attributes["sqlalchemy.url"] = empty_url
    command.downgrade(config, "base")
    assert set(inspect(engine).get_table_names()) <= {"alembic_version_authority"}
    engine.dispose()


def test_seeding_twice_enters_everybody_once(people: Registry, empty_url: str) -> None:
    assert registry.seed(empty_url, KEY) == 0
    assert people.counts() == (len(PERSONS), len(ENTERPRISES))


def test_what_was_asked_for_stays_out_of_the_text_of_a_databases_error(empty_url: str) -> None:
    """Errors are logged; a name is nobody's business who reads a log. Here the tables are missing."""
    engine, (firm, head) = registry.open_engine(empty_url), company()
    with pytest.raises(DatabaseError) as failure:
        Registry(engine, KEY).verify_enterprise(firm.name, firm.uscc, head.name, head.id_number)
    assert "authority_enterprises" in str(failure.value) and firm.uscc not in str(failure.value)
    engine.dispose()


@pytest.mark.parametrize("level", [2, 3, 4])
def test_a_living_person_matches_at_the_level_the_authority_proved_them(people: Registry, level: int) -> None:
    someone = person(level=level)
    assert people.verify_person(someone.name, someone.id_number) == registry.Check(True, level)


def test_spelling_variants_of_one_name_and_number_are_the_same_person(people: Registry) -> None:
    someone = next(
        item for item in PERSONS if "·" in item.name and item.id_number.endswith("X") and item.status == ACTIVE
    )
    for name in (someone.name.replace("·", "•"), someone.name.replace("·", " · "), f" {someone.name} "):
        assert people.verify_person(name, someone.id_number.lower()).is_match


def test_every_kind_of_mismatch_has_one_answer(people: Registry) -> None:
    someone, another = person(), [item for item in PERSONS if item.status == ACTIVE][1]
    assert people.verify_person(another.name, someone.id_number) == NO_MATCH
    assert people.verify_person(someone.name, another.id_number) == NO_MATCH
    assert people.verify_person(someone.name, "11010519491231002X") == NO_MATCH
    assert people.verify_person("", "") == NO_MATCH
    assert people.verify_person("\ud800", someone.id_number) == NO_MATCH
    assert people.verify_person(someone.name[:-1], someone.id_number) == NO_MATCH


@pytest.mark.parametrize("status", [DECEASED, FROZEN])
def test_the_dead_and_the_frozen_do_not_match(people: Registry, status: str) -> None:
    someone = person(status)
    assert people.verify_person(someone.name, someone.id_number) == NO_MATCH


def test_a_company_matches_with_its_name_code_and_representative(people: Registry) -> None:
    firm, head = company()
    assert people.verify_enterprise(firm.name, firm.uscc, head.name, head.id_number) == registry.Check(True, head.level)
    assert people.verify_enterprise(firm.name, firm.uscc.lower(), head.name, head.id_number).is_match


def test_a_company_with_anything_else_does_not_match(people: Registry) -> None:
    firm, head = company()
    other = next(item for item in PERSONS if item.status == ACTIVE and item.id_number != head.id_number)
    assert people.verify_enterprise(f"{firm.name}分公司", firm.uscc, head.name, head.id_number) == NO_MATCH
    assert people.verify_enterprise(firm.name, ENTERPRISES[1].uscc, head.name, head.id_number) == NO_MATCH
    assert people.verify_enterprise(firm.name, firm.uscc, other.name, other.id_number) == NO_MATCH
    assert people.verify_enterprise(firm.name, firm.uscc, other.name, head.id_number) == NO_MATCH
    gone = next(item for item in ENTERPRISES if item.status != ACTIVE)
    boss = next(item for item in PERSONS if item.id_number == gone.representative)
    assert people.verify_enterprise(gone.name, gone.uscc, boss.name, boss.id_number) == NO_MATCH


def test_a_representative_who_died_represents_nobody(people: Registry) -> None:
    firm, head = company()
    people.set_status(head.id_number, DECEASED)
    assert people.verify_enterprise(firm.name, firm.uscc, head.name, head.id_number) == NO_MATCH


def test_a_company_without_a_known_representative_cannot_be_entered(people: Registry) -> None:
    stranger = Enterprise("91650100MA7ABCDE9X", "无主公司", "650100", "11010519491231002X")
    with pytest.raises(IntegrityError):
        people.add([], [stranger])


def test_the_database_holds_no_name_number_or_phone_of_a_person_in_clear(people: Registry, empty_url: str) -> None:
    engine = registry.open_engine(empty_url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM authority_persons")).all()
    engine.dispose()
    stored = repr([tuple(bytes(value) if isinstance(value, memoryview) else value for value in row) for row in rows])
    for someone in PERSONS[:40]:
        assert someone.id_number not in stored
        assert someone.name not in stored and repr(someone.name.encode())[2:-1] not in stored
        assert someone.phone not in stored


def test_another_key_finds_and_opens_nobody(people: Registry, empty_url: str) -> None:
    engine = registry.open_engine(empty_url)
    stranger = Registry(engine, base64.urlsafe_b64encode(bytes(32)).decode())
    someone = person()
    assert stranger.verify_person(someone.name, someone.id_number) == NO_MATCH
    assert stranger.reference(someone.id_number) != people.reference(someone.id_number)
    engine.dispose()


def test_requests_are_counted_per_client_and_minute(people: Registry) -> None:
    assert [people.count_request("region", 100) for _ in range(3)] == [1, 2, 3]
    assert people.count_request("other", 100) == 1
    assert people.count_request("region", 101) == 1


def test_requests_of_many_threads_are_all_counted(people: Registry) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(people.count_request, ["busy"] * 40, [7] * 40)) == list(range(1, 41))
