"""Running the declared rules of a matter: what a rule sees, what it may find, and what follows for the case.

A rule that cannot know finds ``by_hand``: an unreachable register is a task for an officer and never a silent pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from clients.matters.registers import RegisterUnreachable
from clients.matters.text import Text, text

if TYPE_CHECKING:
    from clients.matters.schema import Check, Matter

Outcome = Literal["passed", "failed", "by_hand", "not_applicable"]
Verdict = Literal["accept", "require_correction", "refuse", "hold"]
Ask = Callable[[str, Mapping[str, str]], "Mapping[str, Any] | None"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a rule may look at: the values as read, today's date in the region, and the registers.

    `ask(service, arguments)` gives a register's record or None for "no such record", and raises RegisterUnreachable.
    """

    values: Mapping[str, Any]
    today: date
    ask: Ask


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule found, with a note for applicant and officer."""

    outcome: Outcome
    note: Text | None = None


def passed() -> Finding:
    return Finding("passed")


def failed(zh: str, en: str) -> Finding:
    return Finding("failed", text(zh, en))


def by_hand(zh: str, en: str) -> Finding:
    return Finding("by_hand", text(zh, en))


def not_applicable() -> Finding:
    return Finding("not_applicable")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A rule's finding as it is kept with the case: with the rule's own words at that time."""

    id: str
    text: Text
    outcome: Outcome
    note: Text | None
    stage: str
    on_failure: str

    def stored(self) -> dict[str, Any]:
        note = self.note.model_dump() if self.note else None
        return {
            "id": self.id,
            "text": self.text.model_dump(),
            "outcome": self.outcome,
            "note": note,
            "stage": self.stage,
            "on_failure": self.on_failure,
        }

    @staticmethod
    def restored(row: Mapping[str, Any]) -> CheckResult:
        note = Text(**row["note"]) if row["note"] else None
        return CheckResult(row["id"], Text(**row["text"]), row["outcome"], note, row["stage"], row["on_failure"])


_UNREACHABLE = text(
    "登记信息暂时无法在线核验，由工作人员人工核对。",
    "The register cannot be asked on line; an officer checks it by hand.",
)


def run_checks(matter: Matter, facts: Facts, warnings: Mapping[str, tuple[str, ...]]) -> tuple[CheckResult, ...]:
    """Run every declared rule, then put every doubtful identifier (`warnings`, by field) before an officer."""
    results = [_run(check, facts) for check in matter.checks]
    labels = {item.name: item.label for item in matter.fields}
    results += [_doubt(name, labels[name], codes) for name, codes in warnings.items() if codes]
    return tuple(results)


def _run(check: Check, facts: Facts) -> CheckResult:
    try:
        finding = check.run(facts)
    except RegisterUnreachable:
        finding = Finding("by_hand", _UNREACHABLE)
    return CheckResult(check.id, check.text, finding.outcome, finding.note, check.stage, check.on_failure)


def _doubt(name: str, label: Text, codes: tuple[str, ...]) -> CheckResult:
    words = text(f"{label.zh}的格式存疑，须核对原件。", f"{label.en}: unusual form, to be compared with the original.")
    return CheckResult(f"form_{name}", words, "by_hand", text("、".join(codes), ", ".join(codes)), "review", "review")


def verdict_on(results: tuple[CheckResult, ...]) -> Verdict:
    """What follows from the findings: send away, ask for everything to be corrected at once, wait, or accept."""
    failures = [result for result in results if result.outcome == "failed"]
    if any(result.on_failure == "not_accepted" for result in failures):
        return "refuse"
    if any(result.on_failure == "correction" for result in failures):
        return "require_correction"
    if any(result.outcome == "by_hand" and result.stage == "acceptance" for result in results):
        return "hold"
    return "accept"


def to_correct(results: tuple[CheckResult, ...]) -> tuple[CheckResult, ...]:
    """Everything the one-time notice lists (许可法 32(1)(4): all of it, once)."""
    return tuple(r for r in results if r.outcome == "failed" and r.on_failure == "correction")
