"""What differs from region to region: limits, levels, ages and lists, each with its source and mark.

Values stand in ``data/<region>.toml`` and never in code, so that an officer can see what was read in a text, what was
recalled and what we decided, and a region can change it without a programmer.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter

from clients.matters.text import Mark, Text

V = TypeVar("V")


class Marked(BaseModel, Generic[V]):
    """A value with its source, how far it can be trusted, and perhaps what else it might be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: V
    source: str
    mark: Mark
    note: Text | None = None
    alternative: V | None = None


class RegionalData:
    """The data of one region; every look-up says which type it expects."""

    def __init__(self, name: str, tables: dict[str, Any]) -> None:
        self.name = name
        self.version: str = tables["version"]
        self._tables = tables

    def integer(self, path: str) -> Marked[int]:
        """The number at a dotted path such as ``rules.age_max``; raises KeyError, or ValueError for another type."""
        return TypeAdapter(Marked[int]).validate_python(self._find(path))

    def text(self, path: str) -> Marked[str]:
        """The word at a dotted path."""
        return TypeAdapter(Marked[str]).validate_python(self._find(path))

    def texts(self, path: str) -> Marked[tuple[str, ...]]:
        """The list of words at a dotted path."""
        return TypeAdapter(Marked[tuple[str, ...]]).validate_python(self._find(path))

    def _find(self, path: str) -> Any:
        found: Any = self._tables
        for name in path.split("."):
            found = found[name]
        return found


def load_region(name: str) -> RegionalData:
    """The data of a region by name (``xinjiang``); raises FileNotFoundError."""
    content = files(__package__).joinpath("data", f"{name}.toml").read_text(encoding="utf-8")
    return RegionalData(name, tomllib.loads(content))
