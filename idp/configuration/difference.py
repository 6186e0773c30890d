"""What an import changes, told apart value by value; what is hidden is named and never shown."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_LONGEST = 200  # characters of a printed value
_HIDDEN = "(not shown)"


@dataclass(frozen=True)
class Change:
    """One difference; ``sign`` is +, - or ~ (added, removed, changed)."""

    sign: str
    path: str
    before: Any = field(default=None, repr=False)
    after: Any = field(default=None, repr=False)
    is_hidden: bool = False

    def __str__(self) -> str:
        if self.is_hidden:
            return f"{self.sign} {self.path} {_HIDDEN}"
        if self.sign == "~":
            return f"~ {self.path}: {_shown(self.before)} -> {_shown(self.after)}"
        value = self.after if self.sign == "+" else self.before
        return f"{self.sign} {self.path}" + ("" if value is None else f" = {_shown(value)}")


def differences(
    path: str, before: Mapping[str, Any] | None, after: Mapping[str, Any], *, hidden: Collection[str] = ()
) -> list[Change]:
    """How to come from one to the other, field by field; ``before`` None: all of it is new. ``hidden`` are fields whose
    values are secret or personal, with all within them."""
    if before is None:
        return [Change("+", path), *_within(path, {}, after, hidden)]
    return list(_within(path, before, after, hidden))


def _within(
    path: str, before: Mapping[str, Any], after: Mapping[str, Any], hidden: Collection[str], is_hidden: bool = False
) -> Iterator[Change]:
    for name in sorted(before.keys() | after.keys()):
        place, old, new = f"{path}.{name}", before.get(name), after.get(name)
        is_secret = is_hidden or name in hidden
        if name in before and name in after and isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _within(place, old, new, (), is_secret)
        elif name not in after:
            yield Change("-", place, before=old, is_hidden=is_secret)
        elif name not in before:
            yield Change("+", place, after=new, is_hidden=is_secret)
        elif old != new:
            yield Change("~", place, old, new, is_secret)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=_time_text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _time_text(value: datetime) -> str:
    return value.isoformat()
