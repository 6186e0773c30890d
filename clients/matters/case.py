"""A case 办件: what was filed, where it stands, what has happened to it and when it is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from clients.matters.checking import CheckResult
from clients.matters.fields import Value
from clients.matters.workflow import Actor


@dataclass(frozen=True)
class DueDates:
    """Days on which running clocks end; None for a clock that does not run."""

    acceptance: date | None = None
    correction: date | None = None
    promised: date | None = None
    statutory: date | None = None
    delivery: date | None = None


@dataclass(frozen=True)
class Content:
    """What is stored sealed: the values as JSON has them, the findings, and the code that opens the case to a query."""

    values: Mapping[str, str | int | bool | None] = field(repr=False)
    results: tuple[CheckResult, ...]
    query_code: str = field(repr=False)

    def stored(self) -> dict[str, Any]:
        results = [result.stored() for result in self.results]
        return {"values": dict(self.values), "results": results, "query_code": self.query_code}

    @staticmethod
    def restored(row: Mapping[str, Any]) -> Content:
        return Content(row["values"], tuple(CheckResult.restored(r) for r in row["results"]), row["query_code"])


@dataclass(frozen=True)
class CaseOwner:
    """Whose cases these are, by keyed index: a person's own, or a company's whoever filed them."""

    subject_index: str
    organisation_index: str | None


@dataclass(frozen=True)
class Step:
    """One move that was made: who, what, when, why. `detail` (sealed) holds reasons and replaced values."""

    event: str
    source: str
    target: str
    actor: Actor
    at: datetime
    actor_index: str | None = None
    detail: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Case:
    """One case as stored. `received_at` moves when a correction comes in; `submitted_at` never does."""

    id: int
    number: str
    matter: str
    profile: str
    state: str
    version: int
    owner: CaseOwner
    division: str
    authority: str
    channel: int
    content: Content
    due: DueDates
    submitted_at: datetime
    received_at: datetime
    accepted_at: datetime | None
    updated_at: datetime


def as_json(values: Mapping[str, Value]) -> dict[str, str | int | bool | None]:
    """Values as JSON has them: dates as ISO 8601."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
