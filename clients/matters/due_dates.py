"""What a move does to the clocks of a case (许可法 arts 32, 42, 44; terms in working days, `clocks`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from clients.matters.case import DueDates
from clients.matters.clocks import ACCEPTANCE_DAYS, Calendar
from clients.matters.schema import Limits
from clients.matters.workflow import Move

DELIVERY_DAYS = 10
"""许可法 44: the document is delivered within this many working days of the decision."""


@dataclass(frozen=True)
class Terms:
    """The lengths that apply to one matter: its limits in working days, the applicant's correction in calendar days."""

    calendar: Calendar
    limits: Limits
    correction_days: int

    def after(self, move: Move, due: DueDates, day: date) -> DueDates:
        """The due dates after `move` was made on `day`. Raises ValueError for a clock effect nobody can carry out."""
        for clock, effect in move.clocks:
            due = replace(due, **self._ends(clock, effect, day))
        return due

    def _ends(self, clock: str, effect: str, day: date) -> dict[str, date | None]:
        names = ("promised", "statutory") if clock == "decision" else (clock,)
        if effect == "stop":
            return dict.fromkeys(names, None)
        if effect != "start":
            raise ValueError(f"the {clock} clock cannot {effect} yet: special procedures are an officer's step")
        return {name: self._end(name, day) for name in names}

    def _end(self, name: str, day: date) -> date:
        if name == "correction":
            return day + timedelta(days=self.correction_days)
        working_days = {
            "acceptance": ACCEPTANCE_DAYS,
            "promised": self.limits.promised_days.value,
            "statutory": self.limits.statutory_days.value,
            "delivery": DELIVERY_DAYS,
        }[name]
        return self.calendar.add_working_days(day, working_days)
