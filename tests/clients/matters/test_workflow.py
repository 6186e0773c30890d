"""Both workflows hold together: every state is reached, none is a trap, and only the right actor moves a case."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.matters.profiles import ACCEPT_EVENT, ACCEPTED_STATE, FILING, PERMIT, WORKFLOWS
from clients.matters.text import text
from clients.matters.workflow import Actor, Move, MoveNotPossible, State, Workflow

PROFILES = pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
ACTORS: tuple[Actor, ...] = get_args(Actor)


def reached_from(workflow: Workflow, starts: Iterable[str]) -> set[str]:
    found, waiting = set(starts), list(starts)
    while waiting:
        state = waiting.pop()
        for move in workflow.moves:
            if move.source == state and move.target not in found:
                found.add(move.target)
                waiting.append(move.target)
    return found


@PROFILES
def test_every_state_is_reached(workflow: Workflow) -> None:
    assert reached_from(workflow, [workflow.initial]) == set(workflow.states)


@PROFILES
def test_no_state_is_a_dead_end(workflow: Workflow) -> None:
    final = {state.id for state in workflow.states.values() if state.final}
    for state in workflow.states:
        assert reached_from(workflow, [state]) & final, state


@PROFILES
def test_nothing_leads_out_of_a_final_state(workflow: Workflow) -> None:
    for move in workflow.moves:
        assert not workflow.state(move.source).final, move


@PROFILES
def test_every_state_but_a_draft_has_a_national_status(workflow: Workflow) -> None:
    assert {state.id for state in workflow.states.values() if state.national is None} == {"draft", "deleted"}


@PROFILES
def test_national_status_never_goes_back(workflow: Workflow) -> None:
    for move in workflow.moves:
        before, after = workflow.state(move.source).national, workflow.state(move.target).national
        assert (after or 0) >= (before or 0), move


@PROFILES
def test_decisions_and_revocations_need_a_second_pair_of_eyes(workflow: Workflow) -> None:
    for move in workflow.moves:
        assert move.four_eyes == (move.event in {"approve", "reject", "revoke", "extend"}), move


@PROFILES
def test_whoever_is_turned_down_is_told_why(workflow: Workflow) -> None:
    for move in workflow.moves:
        if move.event in {"require_correction", "refuse", "reject", "revoke", "extend", "start_special_procedure"}:
            assert move.needs_reason, move


@PROFILES
def test_applicant_can_withdraw_until_the_decision_only(workflow: Workflow) -> None:
    for state in workflow.states.values():
        can = "withdraw" in workflow.events_from(state.id, "applicant")
        assert can == (
            state.id
            in {"submitted", "correction_required", "resubmitted"}
            | ({"accepted", "under_review", "special_procedure"} if workflow is PERMIT else set())
        ), state.id


@PROFILES
def test_acceptance_is_named_for_each_profile(workflow: Workflow) -> None:
    profile = next(name for name, known in WORKFLOWS.items() if known is workflow)
    move = workflow.move("pre_check", ACCEPT_EVENT[profile], "system")
    assert move.target == ACCEPTED_STATE[profile]


def test_a_filing_is_never_refused_on_its_merits() -> None:
    assert not {"rejected", "approved", "under_review"} & set(FILING.states)


@given(
    st.sampled_from(sorted(WORKFLOWS)), st.lists(st.tuples(st.integers(0, 99), st.sampled_from(ACTORS)), max_size=40)
)
def test_any_walk_moves_only_along_the_declared_moves(profile: str, choices: list[tuple[int, Actor]]) -> None:
    workflow = WORKFLOWS[profile]
    events = sorted({move.event for move in workflow.moves})
    state = workflow.initial
    for number, actor in choices:
        event = events[number % len(events)]
        allowed = event in workflow.events_from(state, actor)
        try:
            move = workflow.move(state, event, actor, "because")
        except MoveNotPossible:
            assert not allowed
        else:
            assert allowed and move.source == state and move.target in workflow.states
            state = move.target


def test_missing_reason_is_refused() -> None:
    for reason in (None, "", "  "):
        with pytest.raises(ValueError, match="must give a reason"):
            PERMIT.move("pre_check", "require_correction", "system", reason)


def test_workflow_data_that_does_not_hold_together_is_refused() -> None:
    words = text("甲", "a")
    states = [State("a", words, None), State("b", words, None)]
    with pytest.raises(ValueError, match="unknown states: c"):
        Workflow(states, [Move("go", "a", "c", ("system",), words)], "a")
    with pytest.raises(ValueError, match="two moves"):
        Workflow(states, [Move("go", "a", "b", ("system",), words)] * 2, "a")
