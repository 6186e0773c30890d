"""Secrets by reference: ``{"env": "NAME"}`` or ``{"file": "path"}`` where a file would hold the text itself.

So a file can be kept and shown while what must stay secret lies elsewhere. A relative path starts at the folder of the
file that names it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_KINDS = frozenset({"env", "file"})


class Unresolved(ValueError):
    """What is referred to is not there; the text names the reference, never its value."""


def is_reference(value: Any) -> bool:
    return isinstance(value, Mapping) and len(value) == 1 and value.keys() <= _KINDS


def resolve(value: Any, folder: Path, environ: Mapping[str, str] | None = None) -> Any:
    """What a reference refers to, as text without outer space; any other value as it is. Raises Unresolved."""
    if not is_reference(value):
        return value
    ((kind, name),) = value.items()
    if not isinstance(name, str) or not name:
        raise Unresolved(f"{kind} wants a name")
    text = _from_environment(name, environ) if kind == "env" else _from_file(folder / name)
    if not text:
        raise Unresolved(f"{kind} {name} is empty")
    return text


def _from_environment(name: str, environ: Mapping[str, str] | None) -> str:
    found = (os.environ if environ is None else environ).get(name)
    if found is None:
        raise Unresolved(f"environment variable {name} is not set")
    return found.strip()


def _from_file(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise Unresolved(f"file {path} cannot be read") from error
