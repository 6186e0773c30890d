"""The states of a case and the moves between them, as data, with the one function that says which move is possible.

Pure: knows no database and no clock. `profiles` holds the two workflows; `clerk` carries the moves out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from clients.matters.text import Text

Actor = Literal["applicant", "system", "officer"]
Clock = Literal["acceptance", "correction", "decision", "delivery"]
Effect = Literal["start", "stop", "pause", "resume"]
NationalStatus = Literal[1, 2, 3]
"""待受理, 已受理, 已办结 of the national case exchange."""


class MoveNotPossible(Exception):
    """This actor cannot make this move from the case's present state."""

    def __init__(self, state: str, event: str) -> None:
        super().__init__(f"{event} is not possible in state {state}")
        self.state = state
        self.event = event


@dataclass(frozen=True, slots=True)
class State:
    """Where a case stands. `final`: nothing leads out; `national` is None for what the national platform never sees."""

    id: str
    label: Text
    national: NationalStatus | None
    final: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """One way from a state to the next: who may go it, and what it does to the clocks.

    `needs_reason`: it must be given in writing. `four_eyes`: whoever makes it must not have reviewed the case.
    """

    event: str
    source: str
    target: str
    actors: tuple[Actor, ...]
    label: Text
    needs_reason: bool = False
    four_eyes: bool = False
    clocks: tuple[tuple[Clock, Effect], ...] = ()


class Workflow:
    """All states and moves of one profile. Built once; complains about data that does not hold together."""

    def __init__(self, states: Iterable[State], moves: Iterable[Move], initial: str) -> None:
        self.states = {state.id: state for state in states}
        self.moves = tuple(moves)
        self.initial = initial
        self._by_key = {(move.source, move.event): move for move in self.moves}
        if len(self._by_key) != len(self.moves):
            raise ValueError("two moves with one name lead out of one state")
        named = {initial} | {end for move in self.moves for end in (move.source, move.target)}
        if unknown := named - set(self.states):
            raise ValueError(f"moves name unknown states: {', '.join(sorted(unknown))}")

    def state(self, state_id: str) -> State:
        """The state; raises KeyError."""
        return self.states[state_id]

    def move(self, state: str, event: str, actor: Actor, reason: str | None = None) -> Move:
        """The move that `event` means here; raises MoveNotPossible, or ValueError when a needed reason is missing."""
        move = self._by_key.get((state, event))
        if move is None or actor not in move.actors:
            raise MoveNotPossible(state, event)
        if move.needs_reason and not (reason or "").strip():
            raise ValueError(f"{event} must give a reason")
        return move

    def events_from(self, state: str, actor: Actor) -> tuple[str, ...]:
        """What this actor may do in this state."""
        return tuple(move.event for move in self.moves if move.source == state and actor in move.actors)

    def label_of(self, event: str) -> Text:
        """How a move is called in a history; raises KeyError."""
        return self._labels[event]

    @cached_property
    def _labels(self) -> dict[str, Text]:
        return {move.event: move.label for move in self.moves}
