"""A case as the API shows it to its owner: where it stands, what happened, what was filed, when it is due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from flask_babel import gettext as _

from clients.matters.case import Case, Step
from clients.matters.checking import CheckResult
from clients.matters.profiles import WORKFLOWS
from clients.matters.schema import FormField, Matter
from clients.matters.text import Text
from federation.identifiers import find_division, mask


def row_of(case: Case, matter: Matter, language: str) -> dict[str, Any]:
    """The case as a row of 我的办件."""
    state = WORKFLOWS[case.profile].state(case.state)
    return {
        "number": case.number,
        "matter": {"id": matter.id, "title": matter.title.in_(language)},
        "status": state.id,
        "status_label": state.label.in_(language),
        "submitted_at": _moment(case.submitted_at),
        "updated_at": _moment(case.updated_at),
    }


def case_of(case: Case, matter: Matter, history: Sequence[Step], language: str) -> dict[str, Any]:
    """The whole case."""
    workflow = WORKFLOWS[case.profile]
    place = find_division(case.authority)
    may = [name for name in ("resubmit", "withdraw") if name in workflow.events_from(case.state, "applicant")]
    return {
        **row_of(case, matter, language),
        "query_code": case.content.query_code,
        "authority": {"code": case.authority, "name": place.name if place else case.authority},
        "accepted_at": None if case.accepted_at is None else _moment(case.accepted_at),
        "due_dates": {
            "acceptance": _day(case.due.acceptance),
            "correction": _day(case.due.correction),
            "promised": _day(case.due.promised),
            "statutory": _day(case.due.statutory),
            "delivery": _day(case.due.delivery),
        },
        "history": [_step(step, case, language) for step in history],
        "notice": _notice(history, language) if case.state in ("correction_required", "not_accepted") else [],
        "checks": [_check(result, language) for result in case.content.results],
        "values": _values(matter, case.content.values),
        "fields": _shown_fields(matter, case.content.values, language),
        "may": ["correct" if name == "resubmit" else name for name in may],
    }


def _step(step: Step, case: Case, language: str) -> dict[str, Any]:
    workflow = WORKFLOWS[case.profile]
    actors = {"applicant": _("Applicant"), "system": _("System"), "officer": _("Officer")}
    detail = step.detail or {}
    told = [Text(**words).in_(language) for words in detail.get("notice", [])]
    return {
        "at": _moment(step.at),
        "event": step.event,
        "label": workflow.label_of(step.event).in_(language),
        "status": step.target,
        "status_label": workflow.state(step.target).label.in_(language),
        "actor": step.actor,
        "actor_label": actors[step.actor],
        "reason": " ".join(told) or detail.get("reason"),
    }


def _notice(history: Sequence[Step], language: str) -> list[str]:
    for step in reversed(history):
        if step.detail and "notice" in step.detail:
            return [Text(**words).in_(language) for words in step.detail["notice"]]
    return []


def _check(result: CheckResult, language: str) -> dict[str, Any]:
    labels = {
        "passed": _("Passed"),
        "failed": _("Not met"),
        "by_hand": _("To be checked by an officer"),
        "not_applicable": _("Not applicable"),
    }
    return {
        "id": result.id,
        "text": result.text.in_(language),
        "outcome": result.outcome,
        "outcome_label": labels[result.outcome],
        "note": None if result.note is None else result.note.in_(language),
    }


def _values(matter: Matter, values: Mapping[str, Any]) -> dict[str, Any]:
    fields = {item.name: item for item in matter.fields}
    return {name: _masked(fields.get(name), value) for name, value in values.items()}


def _masked(item: FormField | None, value: Any) -> Any:
    # Colleagues of the same company see the case too: an agent's identity number is not theirs to read.
    is_identity = item is not None and item.format == "resident_id" and item.claim is not None and item.locks
    return mask(value) if is_identity and isinstance(value, str) else value


def _shown_fields(matter: Matter, values: Mapping[str, Any], language: str) -> list[dict[str, Any]]:
    return [
        {
            "name": item.name,
            "label": item.label.in_(language),
            "section": item.section,
            "value": _shown(item, values[item.name], language),
        }
        for item in matter.fields
        if values.get(item.name) is not None
    ]


def _shown(item: FormField, value: Any, language: str) -> str:
    if item.kind == "checkbox":
        return _("Yes") if value else _("No")
    if item.kind == "choice":
        return next((choice.label.in_(language) for choice in item.choices if choice.value == value), str(value))
    return mask(value) if item.format == "resident_id" else str(value)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
