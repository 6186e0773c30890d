"""The vehicle identification number 车辆识别代号.

GB 16735: 17 characters without I, O and Q, a check digit at place 9.
"""

from __future__ import annotations

import re

from federation.identifiers.checked import Checked, InvalidIdentifier
from federation.identifiers.normalisation import HYPHENS, normalise

_PATTERN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VALUES = {c: int(c) for c in "0123456789"} | dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ", (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)
)


def normalise_vin(text: str) -> str:
    """The machine form: upper case, no separators."""
    return normalise(text, HYPHENS)


def check_vin(value: str) -> Checked:
    """Check length and alphabet; warns ``check_digit``, which imported and old vehicles may fail."""
    if not _PATTERN.fullmatch(value):
        raise InvalidIdentifier("vin", "form")
    return Checked(value, () if _check_digit(value) == value[8] else ("check_digit",))


def _check_digit(value: str) -> str:
    rest = sum(_VALUES[c] * weight for c, weight in zip(value, _WEIGHTS, strict=True)) % 11
    return "X" if rest == 10 else str(rest)
