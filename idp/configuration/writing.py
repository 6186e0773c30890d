"""A document as text: TOML, or JSON. Reading it again gives the same document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any


class NotWritable(ValueError):
    """TOML has no way to say it (a null); JSON has."""


def to_json(document: Mapping[str, Any]) -> str:
    """Times become text in ISO 8601."""
    return json.dumps(document, ensure_ascii=False, indent=2, default=_time_text) + "\n"


def to_toml(document: Mapping[str, Any]) -> str:
    """Tables and lists of tables at the top, everything within them on one line a field. Raises NotWritable."""
    return "\n".join(part for name, value in document.items() for part in _parts(name, value))


def toml_lines(table: Mapping[str, Any]) -> str:
    """The fields of one table, a line each. Raises NotWritable."""
    return "".join(f"{_key(name)} = {_value(item)}\n" for name, item in table.items())


def _parts(name: str, value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"[{_key(name)}]\n{toml_lines(value)}"]
    return [f"[[{_key(name)}]]\n{toml_lines(item)}" for item in value]


def _key(name: str) -> str:
    is_bare = name.isascii() and name.replace("_", "a").replace("-", "a").isalnum()
    return name if is_bare else _text(name)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(name)} = {_value(item)}" for name, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, datetime):
        return _time_text(value)
    if value is None:
        raise NotWritable("a null has no place in TOML; write JSON")
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(text: str) -> str:
    """Escaped as JSON does it, which TOML's basic strings accept, and DEL, which they want escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _time_text(value: datetime) -> str:
    return value.isoformat()
