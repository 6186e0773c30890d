"""A form drawn from a matter's declaration: which inputs, with what in them, and what was sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clients.portals.masking import SHOWN, masked

INPUT_TYPES = {"date": "date", "number": "number", "integer": "number", "phone": "tel", "mobile": "tel"}
"""Declared kind or format → type of the HTML input; text for all others."""
INPUT_MODES = {"number": "decimal", "integer": "numeric", "phone": "tel", "mobile": "tel"}
CAPITALS = frozenset({"plate", "vin", "uscc", "id_number", "resident_id"})
LONG_KINDS = frozenset({"long_text", "textarea"})
PREFIX = "v-"
"""Put before the names of declared fields, so that none can be taken for one of the page's own."""


@dataclass(frozen=True)
class DeclaredField:
    """One field as it is to be drawn."""

    name: str
    label: str
    kind: str
    format: str
    section: str
    is_required: bool
    is_locked: bool
    is_from_identity: bool
    help: str
    choices: list[tuple[str, str]]
    value: Any
    attributes: dict[str, Any]
    errors: list[str] = field(default_factory=list)

    @property
    def input_name(self) -> str:
        return PREFIX + self.name

    @property
    def input_type(self) -> str:
        return INPUT_TYPES.get(self.format) or INPUT_TYPES.get(self.kind, "text")

    @property
    def control(self) -> str:
        """Which macro draws it: locked, checkbox, select, textarea or input."""
        if self.is_locked:
            return "locked"
        if self.kind in {"checkbox", "choice"}:
            return {"checkbox": "checkbox", "choice": "select"}[self.kind]
        return "textarea" if self.kind in LONG_KINDS else "input"

    @property
    def shown_value(self) -> str:
        """The value as text: a choice by its label, a number of the person masked."""
        if self.is_from_identity and self.format in SHOWN:
            return masked(self.value, self.format) or ""
        return dict(self.choices).get(str(self.value), "" if self.value is None else str(self.value))


class DeclaredForm:
    """The fields of one matter, filled in with given values or with what was declared."""

    def __init__(
        self,
        declaration: Sequence[Mapping[str, Any]],
        values: Mapping[str, Any] | None = None,
        errors: Mapping[str, str] | None = None,
    ) -> None:
        self._errors = dict(errors or {})
        self.fields = [_field(item, values, self._errors) for item in declaration]

    def sections(self) -> Iterator[tuple[str, list[DeclaredField]]]:
        """The fields in the order declared, together by section."""
        for name in dict.fromkeys(item.section for item in self.fields):
            yield name, [item for item in self.fields if item.section == name]

    def other_errors(self) -> list[str]:
        """Errors that belong to no field one can see, to be told above the form."""
        drawn = {item.name for item in self.fields if not item.is_locked}
        return [text for name, text in self._errors.items() if name not in drawn]

    def values_from(self, sent: Mapping[str, str]) -> dict[str, Any]:
        """What the person filled in, by field name, typed as declared; locked and empty fields are left out."""
        values: dict[str, Any] = {}
        for item in self.fields:
            if item.is_locked:
                continue
            text = sent.get(item.input_name, "").strip()
            if item.kind == "checkbox":
                values[item.name] = bool(text)
            elif text:
                values[item.name] = _number(text) if item.kind in {"integer", "number"} else text
        return values


def _number(text: str) -> int | float | str:
    """The number meant, or the text itself, which the middle platform will then object to in its own words."""
    try:
        return int(text) if len(text) <= 18 else text
    except ValueError:
        pass
    try:
        value = float(text)
    except ValueError:
        return text
    return value if abs(value) < 1e18 else text


def _field(item: Mapping[str, Any], values: Mapping[str, Any] | None, errors: Mapping[str, str]) -> DeclaredField:
    name, is_locked = str(item["name"]), bool(item.get("locked"))
    declared = item.get("value")
    return DeclaredField(
        name=name,
        label=str(item["label"]),
        kind=str(item.get("kind") or "text"),
        format=str(item.get("format") or ""),
        section=str(item.get("section") or ""),
        is_required=bool(item.get("required")),
        is_locked=is_locked,
        is_from_identity=item.get("source") == "identity",
        help=str(item.get("help") or ""),
        choices=[_choice(choice) for choice in item.get("choices") or ()],
        value=declared if is_locked or values is None else values.get(name),
        attributes=_attributes(item),
        errors=[errors[name]] if name in errors and not is_locked else [],
    )


def _choice(choice: Any) -> tuple[str, str]:
    if isinstance(choice, Mapping):
        return str(choice["value"]), str(choice.get("label", choice["value"]))
    return str(choice), str(choice)


def _attributes(item: Mapping[str, Any]) -> dict[str, Any]:
    """HTML attributes that help to fill in; what is right and wrong is for the middle platform to say."""
    hints = {str(item.get("kind") or ""), str(item.get("format") or "")}
    found = {
        "maxlength": item.get("max_length"),
        "min": item.get("minimum"),
        "max": item.get("maximum"),
        "inputmode": next((INPUT_MODES[hint] for hint in hints if hint in INPUT_MODES), None),
        "autocapitalize": "characters" if hints & CAPITALS else None,
        "autocomplete": "off",
    }
    if "date" not in hints and not hints & {"integer", "number"}:
        del found["min"], found["max"]
    return {name: value for name, value in found.items() if value is not None}
