"""A case's way through its workflow in one transaction: moves made one after another, with their clocks and history.

Pure: collects what `cases` then stores.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clients.matters.case import DueDates, Step
from clients.matters.clocks import day_in_region
from clients.matters.due_dates import Terms
from clients.matters.workflow import Actor, Workflow


class Journey:
    """Starts in `state` with the clocks `due`; afterwards holds the new state, clocks and the steps made."""

    def __init__(self, workflow: Workflow, terms: Terms, state: str, due: DueDates) -> None:
        self._workflow = workflow
        self._terms = terms
        self.state = state
        self.due = due
        self.steps: list[Step] = []

    def go(
        self,
        event: str,
        actor: Actor,
        now: datetime,
        *,
        reason: str | None = None,
        detail: Mapping[str, Any] | None = None,
        actor_index: str | None = None,
        counted_from: datetime | None = None,
    ) -> None:
        """Make one move at `now`; its clocks count from `counted_from` (default: now).

        Raises MoveNotPossible, and ValueError when a needed reason is missing.
        """
        move = self._workflow.move(self.state, event, actor, reason)
        self.due = self._terms.after(move, self.due, day_in_region(counted_from or now))
        told = {**({"reason": reason} if reason else {}), **(detail or {})}
        self.steps.append(Step(event, self.state, move.target, actor, now, actor_index, told or None))
        self.state = move.target
