"""Reading a whole form: the portal's answers for what may be answered, the provider's word for who answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from clients.matters.applicant import Applicant
from clients.matters.fields import FieldError, Value, read_answer
from clients.matters.schema import FormField, Matter

MAX_ANSWERS = 200


class InvalidValues(ValueError):
    """Answers that cannot be taken, by field: an error the applicant corrects on the spot (许可法 32(1)(3))."""

    def __init__(self, errors: Mapping[str, FieldError]) -> None:
        super().__init__(f"{len(errors)} invalid values")
        self.errors = dict(errors)


class ApplicantNotAllowed(Exception):
    """The matter is not for this kind of applicant: a company must act, or a person in their own name."""


class IdentityIncomplete(Exception):
    """The provider did not tell what a locked field needs: the token lacks a scope, or the person is not verified."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__("identity incomplete: " + ", ".join(names))


@dataclass(frozen=True)
class Question:
    """A field as it is put to this applicant: `value` is what the identity says, `locked` whether that is final."""

    field: FormField
    value: str | None
    locked: bool


@dataclass(frozen=True)
class Submission:
    """All values of a form in the order of its fields, and what is doubtful about them by field."""

    values: dict[str, Value]
    warnings: dict[str, tuple[str, ...]]


def questions(matter: Matter, applicant: Applicant) -> tuple[Question, ...]:
    """The form as this applicant sees it. Raises ApplicantNotAllowed."""
    if applicant.kind not in matter.applicants:
        raise ApplicantNotAllowed(matter.id)
    known = applicant.claims()
    asked = []
    for item in matter.fields_for(applicant.kind):
        value = known.get(item.claim) if item.claim else None
        if value is None and item.without_claim == "omit":
            continue
        locked = item.claim is not None and item.locks and (value is not None or item.without_claim == "refuse")
        asked.append(Question(item, value, locked))
    return tuple(asked)


def public_questions(matter: Matter) -> tuple[Question, ...]:
    """The form as the guide shows it to anybody: for the kind of applicant named first, nothing filled in."""
    return tuple(Question(item, None, locked=False) for item in matter.fields_for(matter.applicants[0]))


def read_submission(matter: Matter, applicant: Applicant, raw: Mapping[str, object], today: date) -> Submission:
    """Read the answers. Raises InvalidValues with every error at once, ApplicantNotAllowed, IdentityIncomplete.

    What a portal sends for a locked field is ignored, whatever it is.
    """
    form = questions(matter, applicant)
    missing = [q.field.name for q in form if q.locked and q.value is None and q.field.required]
    if missing:
        raise IdentityIncomplete(missing)
    errors = _unknown_names(form, raw)
    values: dict[str, Value] = {}
    warnings: dict[str, tuple[str, ...]] = {}
    for question in form:
        name = question.field.name
        answer = question.value if question.locked else raw.get(name)
        try:
            values[name], doubts = read_answer(question.field, answer, today)
        except FieldError as error:
            if question.locked:
                # The provider's own word does not pass our check: nothing the applicant could correct in this form.
                raise IdentityIncomplete([name]) from error
            errors[name] = error
        else:
            warnings |= {name: doubts} if doubts else {}
    if errors:
        raise InvalidValues(errors)
    return Submission(values, warnings)


def _unknown_names(form: tuple[Question, ...], raw: Mapping[str, object]) -> dict[str, FieldError]:
    if len(raw) > MAX_ANSWERS:
        raise InvalidValues({"": FieldError("too_many")})
    known = {question.field.name for question in form}
    return {name[:40]: FieldError("unknown_field") for name in raw if name not in known}
