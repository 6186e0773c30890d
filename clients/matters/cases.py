"""All queries on cases. What must not happen twice is decided by one statement: a serial, a submission, a move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from clients.matters.case import Case, CaseOwner, Content, DueDates, Step
from clients.matters.case_numbers import case_number
from clients.matters.journey import Journey
from clients.matters.secrecy import Secrecy
from clients.matters.tables import case_events, case_serials, cases


class CaseChanged(Exception):
    """Somebody else moved the case meanwhile: read it again."""


@dataclass(frozen=True)
class NewCase:
    """What a submission becomes, before it has a number. The indexes are `Secrecy.index` values."""

    matter: str
    declaration_version: str
    profile: str
    owner: CaseOwner
    idempotency_index: str
    request_index: str
    client_id: str
    channel: int
    division: str
    authority: str
    number_prefix: str
    content: Content
    submitted_at: datetime
    accepted_at: datetime | None


@dataclass(frozen=True)
class Change:
    """What a move changes besides the state; None for a content that stays."""

    state: str
    due: DueDates
    received_at: datetime
    accepted_at: datetime | None
    content: Content | None = None


class Cases:
    """The store of cases on one engine. Every write is one transaction with its history."""

    def __init__(self, engine: Engine, secrecy: Secrecy) -> None:
        self._engine = engine
        self._secrecy = secrecy

    def find_by_submission(self, idempotency_index: str) -> tuple[Case, str] | None:
        """The case that a submission with this key became, and the index of that request."""
        with self._engine.connect() as connection:
            row = connection.execute(select(cases).where(cases.c.idempotency_index == idempotency_index)).first()
        return None if row is None else (self._case(row), row.request_index)

    def find_case(self, number: str, owner: CaseOwner) -> Case | None:
        """The case with this number if it is the owner's; another's is not found."""
        query = select(cases).where(cases.c.number == number, *_owned_by(owner))
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else self._case(row)

    def cases_of(self, owner: CaseOwner, limit: int, offset: int = 0) -> list[Case]:
        """The owner's cases, newest first."""
        query = select(cases).where(*_owned_by(owner)).order_by(cases.c.id.desc()).limit(limit).offset(offset)
        with self._engine.connect() as connection:
            return [self._case(row) for row in connection.execute(query)]

    def history_of(self, case: Case) -> list[Step]:
        """Everything that has happened to the case, in order."""
        query = select(case_events).where(case_events.c.case_id == case.id).order_by(case_events.c.sequence)
        with self._engine.connect() as connection:
            return [self._step(case.number, row) for row in connection.execute(query)]

    def overdue(self, today: date, limit: int = 500) -> list[Case]:
        """Cases whose acceptance or correction term ended before today, oldest first."""
        is_overdue = (cases.c.acceptance_due < today) | (cases.c.correction_due < today)
        query = select(cases).where(is_overdue).order_by(cases.c.id).limit(limit)
        with self._engine.connect() as connection:
            return [self._case(row) for row in connection.execute(query)]

    def add_case(self, new: NewCase, journey: Journey) -> tuple[Case, str]:
        """Store the case with its history under the next number of its prefix; also returns its request index.

        When the same submission was stored meanwhile nothing is written and that case is returned.
        """
        try:
            with self._engine.begin() as connection:
                number = case_number(new.number_prefix, _next_serial(connection, new.number_prefix))
                values = self._columns(new, journey, number)
                row = connection.execute(insert(cases).values(values).returning(cases)).one()
                self._add_steps(connection, row.id, number, 1, journey.steps)
                return self._case(row), row.request_index
        except IntegrityError:
            found = self.find_by_submission(new.idempotency_index)
            if found is None:
                raise
            return found

    def change_case(self, case: Case, change: Change, steps: Sequence[Step]) -> Case:
        """Move the case as read; raises CaseChanged when it is not as it was read any more."""
        values: dict[str, Any] = {
            "state": change.state,
            "version": case.version + 1,
            "received_at": change.received_at,
            "accepted_at": change.accepted_at,
            "updated_at": steps[-1].at,
            **_due_columns(change.due),
        }
        if change.content is not None:
            values["content_sealed"] = self._secrecy.seal(change.content.stored(), _place(case.number))
        is_as_read = (cases.c.id == case.id) & (cases.c.version == case.version)
        with self._engine.begin() as connection:
            row = connection.execute(update(cases).where(is_as_read).values(values).returning(cases)).first()
            if row is None:
                raise CaseChanged(case.number)
            last = select(case_events.c.sequence).where(case_events.c.case_id == case.id)
            first_free = max(connection.execute(last).scalars(), default=0) + 1
            self._add_steps(connection, case.id, case.number, first_free, steps)
            return self._case(row)

    def _columns(self, new: NewCase, journey: Journey, number: str) -> dict[str, Any]:
        return {
            "number": number,
            "matter": new.matter,
            "declaration_version": new.declaration_version,
            "profile": new.profile,
            "state": journey.state,
            "version": 1,
            "subject_index": new.owner.subject_index,
            "organisation_index": new.owner.organisation_index,
            "idempotency_index": new.idempotency_index,
            "request_index": new.request_index,
            "client_id": new.client_id,
            "channel": new.channel,
            "division": new.division,
            "authority": new.authority,
            "content_sealed": self._secrecy.seal(new.content.stored(), _place(number)),
            "submitted_at": new.submitted_at,
            "received_at": new.submitted_at,
            "accepted_at": new.accepted_at,
            "updated_at": new.submitted_at,
            **_due_columns(journey.due),
        }

    def _add_steps(self, connection: Connection, case_id: int, number: str, first: int, steps: Sequence[Step]) -> None:
        rows = [
            {
                "case_id": case_id,
                "sequence": sequence,
                "event": step.event,
                "source": step.source,
                "target": step.target,
                "actor": step.actor,
                "actor_index": step.actor_index,
                "at": step.at,
                "detail_sealed": self._seal_detail(step.detail, number, sequence),
            }
            for sequence, step in enumerate(steps, first)
        ]
        connection.execute(insert(case_events), rows)

    def _seal_detail(self, detail: Mapping[str, Any] | None, number: str, sequence: int) -> bytes | None:
        return None if detail is None else self._secrecy.seal(dict(detail), _place(number, sequence))

    def _step(self, number: str, row: Row[Any]) -> Step:
        sealed = row.detail_sealed
        detail = None if sealed is None else self._secrecy.unseal(sealed, _place(number, row.sequence))
        return Step(row.event, row.source, row.target, row.actor, row.at, row.actor_index, detail)

    def _case(self, row: Row[Any]) -> Case:
        return Case(
            id=row.id,
            number=row.number,
            matter=row.matter,
            profile=row.profile,
            state=row.state,
            version=row.version,
            owner=CaseOwner(row.subject_index, row.organisation_index),
            division=row.division,
            authority=row.authority,
            channel=row.channel,
            content=Content.restored(self._secrecy.unseal(row.content_sealed, _place(row.number))),
            due=DueDates(row.acceptance_due, row.correction_due, row.promised_due, row.statutory_due, row.delivery_due),
            submitted_at=row.submitted_at,
            received_at=row.received_at,
            accepted_at=row.accepted_at,
            updated_at=row.updated_at,
        )


def _owned_by(owner: CaseOwner) -> tuple[Any, ...]:
    if owner.organisation_index is not None:
        return (cases.c.organisation_index == owner.organisation_index,)
    return (cases.c.subject_index == owner.subject_index, cases.c.organisation_index.is_(None))


def _place(number: str, sequence: int | None = None) -> str:
    return f"cases/{number}" if sequence is None else f"case_events/{number}/{sequence}"


def _due_columns(due: DueDates) -> dict[str, date | None]:
    return {
        "acceptance_due": due.acceptance,
        "correction_due": due.correction,
        "promised_due": due.promised,
        "statutory_due": due.statutory,
        "delivery_due": due.delivery,
    }


def _next_serial(connection: Connection, prefix: str) -> int:
    """Count up in one statement: two cases can never be given the same serial, and a rolled-back one is given again."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(case_serials).values(prefix=prefix, last_serial=1)
    statement = statement.on_conflict_do_update(
        index_elements=["prefix"], set_={"last_serial": case_serials.c.last_serial + 1}
    )
    return int(connection.execute(statement.returning(case_serials.c.last_serial)).scalar_one())
