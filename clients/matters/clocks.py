"""Terms in working days, on the region's calendar (许可法 art 82: the authority's terms exclude holidays).

The calendar is data: weekends, announced holidays, and the weekend days worked instead. The first day counted is the
one after the event. Days are those of Beijing time, which the region's offices keep.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import cache
from importlib.resources import files

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
ONE_DAY = timedelta(days=1)

ACCEPTANCE_DAYS = 5
"""许可法 32(1)(4): the term within which an incomplete application must be answered."""


def day_in_region(moment: datetime) -> date:
    """The calendar day on which this moment falls at the counter."""
    return moment.astimezone(BEIJING).date()


@dataclass(frozen=True)
class Calendar:
    """Working days. `known_until`: the last day of the last year whose holidays are announced."""

    holidays: frozenset[date]
    make_up_days: frozenset[date]
    known_until: date
    mark: str
    source: str

    def is_working_day(self, day: date) -> bool:
        if day in self.make_up_days:
            return True
        return day.weekday() < 5 and day not in self.holidays

    def add_working_days(self, start: date, days: int) -> date:
        """The day on which a term of `days` working days ends that began with an event on `start`."""
        if days < 0:
            raise ValueError("a term is not negative")
        end = start
        while days:
            end += ONE_DAY
            days -= self.is_working_day(end)
        return end

    def is_provisional(self, end: date) -> bool:
        """Whether a term ends in a year whose holidays are not announced yet."""
        return end > self.known_until


@cache
def load_calendar() -> Calendar:
    """The calendar in ``data/working_days.toml``."""
    tables = tomllib.loads(files(__package__).joinpath("data", "working_days.toml").read_text(encoding="utf-8"))
    years = {int(name): table for name, table in tables.items() if name.isdigit()}

    def days(key: str) -> frozenset[date]:
        return frozenset(date.fromisoformat(day) for table in years.values() for day in table[key])

    return Calendar(
        holidays=days("holidays"),
        make_up_days=days("make_up_working_days"),
        known_until=date(max(years), 12, 31),
        mark=tables["mark"],
        source=tables["source"],
    )
