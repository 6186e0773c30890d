"""What follows from the automatic check: the moves that the findings lead to, with the reasons that must be told."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from clients.matters.checking import CheckResult, to_correct, verdict_on
from clients.matters.journey import Journey
from clients.matters.profiles import ACCEPT_EVENT
from clients.matters.schema import Matter
from clients.matters.text import Text


def follow(
    journey: Journey, matter: Matter, results: tuple[CheckResult, ...], now: datetime, told_before: Collection[str] = ()
) -> None:
    """Accept, ask for corrections, send away, or leave the case to an officer.

    `told_before` are the checks of an earlier notice: what was told once is not asked for a second time
    (许可法 32(1)(4)), so a correction that leaves them failing waits for an officer.
    """
    verdict = verdict_on(results)
    wrong = to_correct(results)
    if verdict == "require_correction" and {result.id for result in wrong} & set(told_before):
        return
    if verdict == "accept":
        journey.go(ACCEPT_EVENT[matter.profile], "system", now)
    elif verdict == "require_correction":
        notice = [_notice(result).model_dump() for result in wrong]
        journey.go("require_correction", "system", now, reason=_joined(notice), detail={"notice": notice})
    elif verdict == "refuse":
        remedies = [remedy.model_dump() for remedy in _remedies(matter, results)]
        journey.go("refuse", "system", now, reason=_joined(remedies), detail={"notice": remedies})
    elif journey.state == "pre_check":
        journey.go("hand_over", "system", now)


def _notice(result: CheckResult) -> Text:
    return result.note or result.text


def _remedies(matter: Matter, results: tuple[CheckResult, ...]) -> list[Text]:
    failed = {result.id for result in results if result.outcome == "failed"}
    return [check.remedy for check in matter.checks if check.id in failed and check.remedy is not None]


def _joined(texts: list[dict[str, str]]) -> str:
    return "".join(entry["zh"] for entry in texts)
