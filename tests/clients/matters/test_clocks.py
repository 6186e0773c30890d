"""Terms run in working days of the region's calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.matters.clocks import day_in_region, load_calendar

CALENDAR = load_calendar()


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("2026-11-23", 0, "2026-11-23"),
        ("2026-11-23", 1, "2026-11-24"),
        ("2026-11-23", 5, "2026-11-30"),
        ("2026-11-23", 20, "2026-12-21"),
        ("2026-11-28", 1, "2026-11-30"),  # filed on a Saturday
        ("2026-09-30", 1, "2026-10-08"),  # the National Day week
        ("2026-10-08", 2, "2026-10-10"),  # a Saturday that is worked
        ("2026-02-13", 2, "2026-02-24"),  # worked Saturday, then the Spring Festival
    ],
)
def test_a_term_ends_on(start: str, days: int, end: str) -> None:
    assert CALENDAR.add_working_days(date.fromisoformat(start), days) == date.fromisoformat(end)


DAYS_KNOWN = st.dates(date(2026, 1, 1), date(2026, 11, 1))


@given(DAYS_KNOWN, st.integers(1, 40))
def test_a_term_ends_on_a_working_day_and_has_its_length(start: date, days: int) -> None:
    end = CALENDAR.add_working_days(start, days)
    assert CALENDAR.is_working_day(end)
    passed = (start + timedelta(days=number) for number in range(1, (end - start).days + 1))
    assert sum(CALENDAR.is_working_day(day) for day in passed) == days


@given(DAYS_KNOWN, st.integers(0, 20), st.integers(0, 20))
def test_terms_add_up(start: date, first: int, second: int) -> None:
    halfway = CALENDAR.add_working_days(start, first)
    assert CALENDAR.add_working_days(halfway, second) == CALENDAR.add_working_days(start, first + second)


def test_holidays_and_worked_weekends_do_not_contradict_each_other() -> None:
    assert not CALENDAR.holidays & CALENDAR.make_up_days
    assert all(day.weekday() >= 5 for day in CALENDAR.make_up_days)


def test_a_term_beyond_the_announced_years_is_provisional() -> None:
    assert not CALENDAR.is_provisional(date(2026, 12, 31))
    assert CALENDAR.is_provisional(date(2027, 1, 1))


def test_negative_terms_are_refused() -> None:
    with pytest.raises(ValueError, match="not negative"):
        CALENDAR.add_working_days(date(2026, 1, 5), -1)


def test_the_day_is_the_counters_day() -> None:
    late = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)
    assert day_in_region(late) == date(2026, 11, 23)
    assert day_in_region(late - timedelta(hours=1)) == date(2026, 11, 22)
