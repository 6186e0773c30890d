"""A matter as the API shows it: guide, form for this applicant, rules."""

from __future__ import annotations

from typing import Any

from clients.matters.schema import FormField, Matter
from clients.matters.submission import Question
from clients.matters.text import Text


def summary_of(matter: Matter, language: str) -> dict[str, Any]:
    """The matter as a row of the catalogue."""
    return {
        "id": matter.id,
        "number": matter.number,
        "portal": matter.portal,
        "title": matter.title.in_(language),
        "summary": matter.summary.in_(language),
        "minimum_level": matter.minimum_level.value,
        "applicants": list(matter.applicants),
        "statutory_days": matter.limits.statutory_days.value,
        "promised_days": matter.limits.promised_days.value,
    }


def guide_of(matter: Matter, form: tuple[Question, ...], language: str) -> dict[str, Any]:
    """The whole guide with the form as `form` puts it to the applicant."""
    return {
        **summary_of(matter, language),
        "profile": matter.profile,
        "authority": matter.authority.in_(language),
        "fields": [_question(question, language) for question in form],
        "materials": [
            {"name": item.name.in_(language), "required": item.required, "note": _words(item.note, language)}
            for item in matter.materials
        ],
        "basis": [
            {"text": item.text.in_(language), "version": item.version, "mark": item.mark} for item in matter.basis
        ],
        "checks": [{"id": item.id, "text": item.text.in_(language), "mark": item.mark} for item in matter.checks],
        "limits": {
            name: {"days": value.value, "source": value.source, "mark": value.mark}
            for name, value in (
                ("statutory", matter.limits.statutory_days),
                ("promised", matter.limits.promised_days),
            )
        },
        "outcome": matter.outcome.document.in_(language),
        "validity_months": matter.outcome.validity_months,
    }


def _question(question: Question, language: str) -> dict[str, Any]:
    item: FormField = question.field
    return {
        "name": item.name,
        "label": item.label.in_(language),
        "kind": item.kind,
        "format": item.format,
        "section": item.section,
        "required": item.required,
        "help": _words(item.help, language),
        "choices": [{"value": choice.value, "label": choice.label.in_(language)} for choice in item.choices],
        "source": "input" if item.claim is None else "identity",
        "value": question.value,
        "locked": question.locked,
        "max_length": item.max_length,
        "minimum": item.minimum,
        "maximum": item.maximum,
    }


def _words(words: Text | None, language: str) -> str | None:
    return None if words is None else words.in_(language)
