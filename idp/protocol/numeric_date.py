"""Points in time as tokens state them: seconds since 1970 (RFC 7519 §2, NumericDate)."""

from __future__ import annotations

from typing import Any, TypeGuard

_LAST_MOMENT = 2**53  # beyond it a number of seconds is no time, and no float either


def is_moment(value: Any) -> TypeGuard[int | float]:
    """Whether a JSON value is a point in time. JSON has larger integers than any clock, and arithmetic with them
    overflows."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LAST_MOMENT
