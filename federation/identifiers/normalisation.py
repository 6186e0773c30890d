"""The normal form shared by all identifiers: NFKC (Unicode UAX #15), upper case, without spaces and middle dots."""

from __future__ import annotations

import unicodedata

_MIDDLE_DOTS = "·•・‧∙⋅"
HYPHENS = "-‐‑‒–—−"


def normalise(text: str, also_remove: str = "") -> str:
    """`text` in NFKC, stripped, upper-cased, without white space, middle dots and the characters `also_remove`."""
    folded = unicodedata.normalize("NFKC", text).upper()
    return "".join(c for c in folded if not c.isspace() and c not in _MIDDLE_DOTS and c not in also_remove)
