"""Reading a JSON request body (RFC 8259) so strictly that nothing ambiguous or hostile gets further."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from flask import Request

MAX_DEPTH = 16


class InputRefused(ValueError):
    """The body cannot be taken. `status` is the HTTP status, `description` one sentence for a developer."""

    def __init__(self, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.description = description
        self.status = status


def read_json_object(request: Request) -> dict[str, Any]:
    """The JSON object in the body. Raises InputRefused (400, 415), or werkzeug's 413 for too large a body."""
    if request.mimetype != "application/json":
        raise InputRefused("The body must be application/json", 415)
    body = request.get_data(cache=False)
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise InputRefused("The body is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise InputRefused(error.description if isinstance(error, InputRefused) else "The body is not JSON") from error
    if not isinstance(value, dict):
        raise InputRefused("The body must be a JSON object")
    _check(value)
    return value


def is_readable(raw: bytes) -> bool:
    """Whether this is UTF-8 without NUL."""
    try:
        return "\0" not in raw.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # RFC 8259 §4: names should be unique; which of two counts is anybody's guess, so neither does.
    if len({name for name, _ in pairs}) < len(pairs):
        raise InputRefused("A name stands twice in one object")
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise InputRefused(f"{name} is not JSON")


def _check(value: Any) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        for text in (item for item in level if isinstance(item, str)):
            _check_text(text)
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise InputRefused("The body is nested too deeply")


def _children(item: Any) -> Iterator[Any]:
    if isinstance(item, dict):
        yield from item
        yield from item.values()
    elif isinstance(item, list):
        yield from item


def _check_text(text: str) -> None:
    if "\0" in text:
        raise InputRefused("A text contains a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputRefused("A text contains half of a surrogate pair") from error
