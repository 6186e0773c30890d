"""The normal form shared by all identifiers: NFKC (Unicode UAX #15), upper case, without spaces and middle dots."""

from __future__ import annotations

import unicodedata

_MIDDLE_DOTS = "·•・‧∙⋅"
HYPHENS = "-‐‑‒–—−"


def normalise(text: str, also_remove: str = "") -> str:
    """`text` in NFKC, stripped, upper-cased, without white space, middle dots and the characters `also_remove`."""
    before, after = None, text
    while after != before:  # once more: what stood beside a removed space may combine now (U ¨ becomes Ü)
        before = after
        folded = unicodedata.normalize("NFKC", before).upper()
        after = "".join(c for c in folded if not c.isspace() and c not in _MIDDLE_DOTS and c not in also_remove)
    return after
