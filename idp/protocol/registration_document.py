"""The JSON document of a registration request, read strictly.

RFC 7591 §3.1 (a JSON object, sent as application/json), RFC 8259 §4 (member names are unique) and §8.1 (UTF-8).
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from idp.protocol.errors import ProtocolError
from idp.protocol.messages import Request

_DEEPEST = 16


def read_document(request: Request) -> dict[str, Any]:
    """Raises invalid_client_metadata for anything but one JSON object."""
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise _refused("The request must be sent as application/json.")
    try:
        document = json.loads(request.body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise _refused("The request must be a JSON object with every member once.") from error
    if not isinstance(document, dict) or _is_deeper(document, _DEEPEST):
        raise _refused("The request must be a JSON object with every member once.")
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is given twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    items = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in items)


def _refused(description: str) -> ProtocolError:
    return ProtocolError("invalid_client_metadata", description)
