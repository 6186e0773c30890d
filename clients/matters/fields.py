"""Reading one answer of a form: from what a portal sent to a value of the field's kind, or the reason why not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from federation import identifiers
from federation.identifiers import InvalidIdentifier

if TYPE_CHECKING:
    from clients.matters.schema import FormField

Value = str | int | bool | date | None
_NUMBER = re.compile(r"-?[0-9]{1,12}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LICENCE_CLASS = re.compile(r"(?:A1|A2|A3|B1|B2|C1|C2|C3|C4|C5|C6|[DEFMNP])+")
_UNREADABLE = {"Cc", "Cf", "Cs", "Co", "Cn"}
"""Unicode general categories of control, format, surrogate, private and unassigned characters."""
_TICKED = {"true", "on", "yes", "1"}
_NOT_TICKED = {"", "false", "off", "no", "0"}


class FieldError(ValueError):
    """Why an answer cannot be taken. `code` with its `parameters` becomes a sentence in `web.sentences`."""

    def __init__(self, code: str, **parameters: object) -> None:
        super().__init__(code)
        self.code = code
        self.parameters = parameters


def read_answer(item: FormField, raw: object, today: date) -> tuple[Value, tuple[str, ...]]:
    """The value and what is doubtful about it (codes of `federation.identifiers`). Raises FieldError.

    An answer that was not given is None, or False for a checkbox.
    """
    if item.kind == "checkbox":
        return _read_checkbox(item, raw), ()
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        if item.required:
            raise FieldError("required")
        return None, ()
    match item.kind:
        case "integer":
            return _read_integer(item, raw), ()
        case "date":
            return _read_date(item, raw, today), ()
        case "choice":
            return _read_choice(item, raw), ()
    return _read_text(item, raw, today)


def _read_checkbox(item: FormField, raw: object) -> bool:
    if raw is not None and not isinstance(raw, bool | str):
        raise FieldError("wrong_type")
    word = raw.strip().lower() if isinstance(raw, str) else raw
    if word is True or word in _TICKED:
        return True
    if word and word not in _NOT_TICKED:
        raise FieldError("wrong_type")
    if item.must_be_ticked:
        raise FieldError("must_be_ticked")
    return False


def _read_integer(item: FormField, raw: object) -> int:
    if isinstance(raw, str) and _NUMBER.fullmatch(_one_line(raw)):
        raw = int(_one_line(raw))
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise FieldError("not_a_number")
    if item.minimum is not None and raw < item.minimum:
        raise FieldError("too_small", minimum=item.minimum)
    if item.maximum is not None and raw > item.maximum:
        raise FieldError("too_large", maximum=item.maximum)
    return raw


def _read_date(item: FormField, raw: object, today: date) -> date:
    word = _one_line(raw) if isinstance(raw, str) else ""
    try:
        day = date.fromisoformat(word if _DAY.fullmatch(word) else "")
    except ValueError as error:
        raise FieldError("not_a_date") from error
    if item.not_after_today and day > today:
        raise FieldError("in_the_future")
    if day.year < 1900 or day.year > today.year + 100:
        raise FieldError("not_a_date")
    return day


def _read_choice(item: FormField, raw: object) -> str:
    word = _one_line(raw) if isinstance(raw, str) else ""
    if word not in {choice.value for choice in item.choices}:
        raise FieldError("not_a_choice")
    return word


def _read_text(item: FormField, raw: object, today: date) -> tuple[str, tuple[str, ...]]:
    if not isinstance(raw, str):
        raise FieldError("wrong_type")
    value = _clean(raw) if item.kind == "long_text" else _one_line(raw)
    if len(value) > item.max_length:
        raise FieldError("too_long", maximum=item.max_length)
    breaks = "\n" if item.kind == "long_text" else ""
    if any(unicodedata.category(c) in _UNREADABLE and c not in breaks for c in value):
        raise FieldError("unreadable_characters")
    return _FORMATS[item.format](value, today) if item.format else (value, ())


def _one_line(raw: str) -> str:
    return unicodedata.normalize("NFC", raw).strip()


def _clean(raw: str) -> str:
    return _one_line(raw.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))


Read = Callable[[str, date], tuple[str, tuple[str, ...]]]


def _identifier(normalise: Callable[[str], str], check: Callable[[str, date], Any]) -> Read:
    def read(value: str, today: date) -> tuple[str, tuple[str, ...]]:
        normal = normalise(value)
        try:
            checked = check(normal, today)
        except InvalidIdentifier as error:
            raise FieldError(f"{error.kind}_{error.code}") from error
        return normal, getattr(checked, "warnings", ())

    return read


def _pattern(code: str, pattern: re.Pattern[str]) -> Read:
    def read(value: str, _today: date) -> tuple[str, tuple[str, ...]]:
        normal = identifiers.normalise_certificate(value)
        if not pattern.fullmatch(normal):
            raise FieldError(code)
        return normal, ()

    return read


_FORMATS: dict[str, Read] = {
    "resident_id": _identifier(identifiers.normalise_resident_id, identifiers.check_resident_id),
    "uscc": _identifier(identifiers.normalise_uscc, lambda value, _today: identifiers.check_uscc(value)),
    "mobile": _identifier(identifiers.normalise_mobile, lambda value, _today: identifiers.check_mobile(value)),
    "plate": _identifier(identifiers.normalise_plate, lambda value, _today: identifiers.check_plate(value)),
    "vin": _identifier(identifiers.normalise_vin, lambda value, _today: identifiers.check_vin(value)),
    "division": _identifier(str.strip, lambda value, _today: identifiers.check_division(value)),
    "transport_certificate": _identifier(
        identifiers.normalise_certificate, lambda value, _today: identifiers.check_transport_certificate(value)
    ),
    "licence_class": _pattern("licence_class_form", _LICENCE_CLASS),
    "digits_12": _pattern("digits_12_form", re.compile(r"[0-9]{12}")),
}
