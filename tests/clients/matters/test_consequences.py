"""From findings to moves: what is unknown holds a case back or goes to the reviewer, as its rule says."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from clients.matters.case import DueDates
from clients.matters.catalogue import declare_all
from clients.matters.checking import CheckResult, Outcome, verdict_on
from clients.matters.clocks import load_calendar
from clients.matters.consequences import follow
from clients.matters.due_dates import Terms
from clients.matters.journey import Journey
from clients.matters.profiles import PERMIT
from clients.matters.regional import load_region
from clients.matters.text import text
from tests.clients.matters.conftest import CERTIFICATE

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
MATTER = declare_all(load_region("xinjiang")).get(CERTIFICATE)
TERMS = Terms(load_calendar(), MATTER.limits, 30)
WORDS = text("甲", "a")


def result(outcome: Outcome, on_failure: str = "correction", stage: str = "review", name: str = "a") -> CheckResult:
    return CheckResult(name, WORDS, outcome, None, stage, on_failure)


def checked(*results: CheckResult, told_before: tuple[str, ...] = ()) -> Journey:
    journey = Journey(PERMIT, TERMS, "draft", DueDates())
    journey.go("submit", "applicant", NOW)
    journey.go("pre_check", "system", NOW)
    follow(journey, MATTER, results, NOW, told_before)
    return journey


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        ([], "accept"),
        ([result("passed"), result("not_applicable")], "accept"),
        ([result("by_hand")], "accept"),
        ([result("by_hand", stage="acceptance")], "hold"),
        ([result("failed", "review")], "accept"),
        ([result("failed", "review"), result("by_hand", stage="acceptance")], "hold"),
        ([result("failed"), result("by_hand", stage="acceptance")], "require_correction"),
        ([result("failed"), result("failed", "not_accepted")], "refuse"),
    ],
)
def test_verdict(results: list[CheckResult], verdict: str) -> None:
    assert verdict_on(tuple(results)) == verdict


def test_case_whose_acceptance_nobody_can_judge_waits_for_an_officer_on_the_running_clock() -> None:
    journey = checked(result("by_hand", stage="acceptance"))
    assert [step.event for step in journey.steps] == ["submit", "pre_check", "hand_over"]
    assert journey.state == "submitted"
    assert journey.due == DueDates(acceptance=date(2026, 11, 30))


def test_silence_about_it_is_acceptance_from_the_day_of_receipt() -> None:
    journey = checked(result("by_hand", stage="acceptance"))
    later = datetime(2026, 12, 1, 2, 0, tzinfo=UTC)
    journey.go("lapse_to_accepted", "system", later, counted_from=NOW)
    assert journey.state == "accepted"
    assert journey.due == DueDates(promised=date(2026, 11, 30), statutory=date(2026, 12, 21))


def test_notice_lists_all_that_is_wrong_and_nothing_else() -> None:
    journey = checked(result("failed", name="a"), result("failed", name="b"), result("failed", "review", name="c"))
    assert journey.state == "correction_required"
    detail = journey.steps[-1].detail
    assert detail is not None and len(detail["notice"]) == 2


def test_special_procedures_are_an_officers_step_that_the_clocks_do_not_know_yet() -> None:
    journey = checked()
    journey.go("start_review", "system", NOW)
    with pytest.raises(ValueError, match="officer's step"):
        journey.go("start_special_procedure", "officer", NOW, reason="inspection")
    assert journey.state == "under_review"


def test_delivery_is_due_ten_working_days_after_the_decision() -> None:
    journey = checked()
    journey.go("start_review", "officer", NOW)
    journey.go("approve", "officer", NOW)
    assert journey.due == DueDates(delivery=date(2026, 12, 7))
