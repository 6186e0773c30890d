"""The authority's registry: who exists, at which level they were proved, and who represents which company.

Names and numbers of persons are sealed with AES-256-GCM under a key of their own and found by HMAC-SHA-256 of the
number, so that the database alone tells nobody who is in it. Companies are public (GB 32100-2015), their
representatives are not.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Engine, RowMapping, delete, event, func, insert, select, update
from sqlalchemy import create_engine as sqlalchemy_engine
from sqlalchemy.dialects import postgresql, sqlite

from clients.kit import migrations
from clients.kit.sealing import Sealer, decode_key
from federation.identifiers import normalise_resident_id, normalise_uscc
from federation.identifiers.person_name import normalise_person_name
from federation.national import population
from federation.national.population import ACTIVE, Enterprise, Person
from federation.national.tables import enterprises, persons, request_counts


@dataclass(frozen=True)
class Check:
    """The outcome of a verification. ``level``: how well the authority itself proved the person; 0 without a match."""

    is_match: bool
    level: int = 0


NO_MATCH = Check(False)


class Registry:
    """The registry in one database. Safe to share between threads and processes."""

    def __init__(self, engine: Engine, master_key: str) -> None:
        """``master_key``: 32 bytes in base64url."""
        master = decode_key(master_key)
        self._engine = engine
        self._index_key = _derive(master, "index")
        self._sealer = Sealer(_derive(master, "seal"))

    def verify_person(self, name: str, id_number: str) -> Check:
        """Whether an active person has exactly this name and number. One answer for every kind of mismatch."""
        index = self._index(id_number)
        query = select(persons).where(persons.c.id_number_index == index)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return Check(True, row["level"]) if row is not None and self._is(row, name) else NO_MATCH

    def verify_enterprise(self, name: str, uscc: str, representative_name: str, representative_id_number: str) -> Check:
        """Whether an active company has exactly this name and code and is represented by exactly this active person."""
        query = (
            select(persons, enterprises.c.name.label("company"), enterprises.c.status.label("company_status"))
            .join(enterprises, enterprises.c.representative_index == persons.c.id_number_index)
            .where(enterprises.c.uscc == normalise_uscc(uscc))
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None or row["company_status"] != ACTIVE or not _is_same(row["company"], name):
            return NO_MATCH
        is_number = hmac.compare_digest(row["id_number_index"], self._index(representative_id_number))
        return Check(True, row["level"]) if is_number and self._is(row, representative_name) else NO_MATCH

    def add(self, people: Iterable[Person], companies: Iterable[Enterprise]) -> int:
        """Enter those who are not in it yet; the number of new entries."""
        person_rows = [self._row_of(person) for person in people]
        company_rows = [
            {
                "uscc": company.uscc,
                "name": company.name,
                "division": company.division,
                "representative_index": self._index(company.representative),
                "status": company.status,
            }
            for company in companies
        ]
        with self._engine.begin() as connection:
            known = set(connection.execute(select(persons.c.id_number_index)).scalars())
            known |= set(connection.execute(select(enterprises.c.uscc)).scalars())
            new_people = [row for row in person_rows if row["id_number_index"] not in known]
            new_companies = [row for row in company_rows if row["uscc"] not in known]
            if new_people:
                connection.execute(insert(persons), new_people)
            if new_companies:
                connection.execute(insert(enterprises), new_companies)
        return len(new_people) + len(new_companies)

    def set_status(self, id_number: str, status: str) -> None:
        """Note that a person has died, was frozen or is active again."""
        with self._engine.begin() as connection:
            connection.execute(
                update(persons).where(persons.c.id_number_index == self._index(id_number)).values(status=status)
            )

    def counts(self) -> tuple[int, int]:
        """How many (persons, enterprises) there are; fails when the tables are missing."""
        with self._engine.connect() as connection:
            people = connection.execute(select(func.count()).select_from(persons)).scalar_one()
            companies = connection.execute(select(func.count()).select_from(enterprises)).scalar_one()
        return people, companies

    def count_request(self, client_id: str, minute: int) -> int:
        """Count a client's request and give how many it made in that minute; older minutes are forgotten."""
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        counted = (
            dialect.insert(request_counts)
            .values(client_id=client_id, minute=minute, count=1)
            .on_conflict_do_update(index_elements=["client_id", "minute"], set_={"count": request_counts.c.count + 1})
            .returning(request_counts.c.count)
        )
        with self._engine.begin() as connection:
            count = int(connection.execute(counted).scalar_one())
            if count == 1:
                connection.execute(delete(request_counts).where(request_counts.c.minute < minute))
        return count

    def reference(self, id_number: str) -> str:
        """What stands for a person in logs: the beginning of the keyed index, useless without our key."""
        return self._index(id_number)[:16]

    def _index(self, id_number: str) -> str:
        value = normalise_resident_id(id_number).encode("utf-8", "surrogatepass")
        return hmac.new(self._index_key, value, hashlib.sha256).hexdigest()

    def _row_of(self, person: Person) -> dict[str, Any]:
        index = self._index(person.id_number)
        sealed = self._sealer.seal(json.dumps(asdict(person), ensure_ascii=False), _place(index))
        return {"id_number_index": index, "person_sealed": sealed, "level": person.level, "status": person.status}

    def _is(self, row: RowMapping, name: str) -> bool:
        known = json.loads(self._sealer.unseal(row["person_sealed"], _place(row["id_number_index"])))
        return _is_same(known["name"], name) and row["status"] == ACTIVE


def open_engine(url: str) -> Engine:
    """An engine for ``sqlite:///…`` or ``postgresql+psycopg://…``."""
    # An exception's text, which is logged, must not hold what was bound.
    engine = sqlalchemy_engine(url, pool_pre_ping=not url.startswith("sqlite"), hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
    return engine


def migrate(url: str) -> None:
    """Bring the registry's tables in the database at ``url`` up to date."""
    migrations.upgrade("authority", url)


def seed(database_url: str, master_key: str) -> int:
    """Create the tables and enter the invented population; may be repeated. The number of new entries."""
    migrate(database_url)
    engine = open_engine(database_url)
    try:
        return Registry(engine, master_key).add(*population.generate())
    finally:
        engine.dispose()


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", "busy_timeout=4000", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _derive(master: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"authority/{purpose}".encode()).derive(master)


def _place(index: str) -> str:
    return f"authority_persons.person:{index}"


def _is_same(known: str, given: str) -> bool:
    left, right = normalise_person_name(known), normalise_person_name(given)
    return hmac.compare_digest(left.encode(), right.encode("utf-8", "surrogatepass"))
