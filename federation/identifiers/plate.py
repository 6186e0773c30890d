"""Vehicle number plates 号牌.

GA 36 for the forms, the dictionary of JT/T 697.7 for the colours. A plate alone is not unique: two vehicles may
carry the same characters on plates of different colours, so registers are searched by (plate, colour code).
"""

from __future__ import annotations

import re

from federation.identifiers.checked import Checked, InvalidIdentifier
from federation.identifiers.normalisation import normalise

PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
PLATE_COLOURS: dict[str, str] = {
    "1": "蓝",
    "2": "黄",
    "3": "黑",
    "4": "白",
    "5": "绿",
    "9": "其他",
    "91": "农黄",
    "92": "农绿",
    "93": "黄绿双拼",
    "94": "渐变绿",
}
_OFFICE = f"[{PROVINCES}][A-HJ-NP-Z]"
_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("ordinary", re.compile(_OFFICE + r"[A-HJ-NP-Z0-9]{5}")),
    ("trailer", re.compile(_OFFICE + r"[A-HJ-NP-Z0-9]{4}挂")),
    ("other_suffix", re.compile(_OFFICE + r"[A-HJ-NP-Z0-9]{4}[学警港澳]")),
    ("new_energy_small", re.compile(_OFFICE + r"[A-HJK][A-HJ-NP-Z0-9][0-9]{4}")),
    ("new_energy_large", re.compile(_OFFICE + r"[0-9]{5}[A-HJK]")),
)
# Which colours each kind is issued in; recalled, so a mismatch is shown to the officer and refuses nobody.
_COLOURS_OF_KIND = {
    "ordinary": {"1", "2", "3", "4", "9", "91", "92"},
    "trailer": {"2"},
    "new_energy_small": {"94", "5"},
    "new_energy_large": {"93", "5"},
}


def normalise_plate(text: str) -> str:
    """The machine form: upper case, no spaces, no middle dot behind the office letter."""
    return normalise(text)


def plate_kind_of(value: str) -> str | None:
    """``ordinary``, ``trailer``, ``other_suffix``, ``new_energy_small`` or ``new_energy_large``; None for no plate."""
    return next((kind for kind, pattern in _KINDS if pattern.fullmatch(value)), None)


def check_plate(value: str, colour: str | None = None) -> Checked:
    """Check the form; warns ``many_letters`` and, if a colour code is given, ``colour_mismatch``.

    Raises `InvalidIdentifier` (``form``, or kind ``plate_colour`` for a code outside `PLATE_COLOURS`).
    """
    kind = plate_kind_of(value)
    if kind is None:
        raise InvalidIdentifier("plate", "form")
    if colour is not None and colour not in PLATE_COLOURS:
        raise InvalidIdentifier("plate_colour", "unknown")
    warnings = []
    if kind == "ordinary" and sum(c.isalpha() for c in value[2:]) > 2:
        warnings.append("many_letters")
    if colour is not None and colour not in _COLOURS_OF_KIND.get(kind, PLATE_COLOURS):
        warnings.append("colour_mismatch")
    return Checked(value, tuple(warnings))
