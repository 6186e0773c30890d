"""A natural person's name in one spelling, so that registers and forms compare alike (the rule is our own choice).

Names of several parts carry a middle dot between them (阿依古丽·买买提) that input methods write in many ways; spaces
around it and inside Han names mean nothing. Nothing else is forgiven: a different character is a different name.
"""

from __future__ import annotations

import unicodedata

DOT = "·"
_DOTS = "·•・‧∙⋅．"


def normalise_person_name(text: str) -> str:
    """NFKC, one kind of middle dot, no white space beside Han characters or dots, single spaces elsewhere."""
    folded = "".join(DOT if character in _DOTS else character for character in text)
    words = unicodedata.normalize("NFKC", folded).split()
    joined = words[0] if words else ""
    for word in words[1:]:
        is_latin = joined[-1].isascii() and word[0].isascii()
        joined += f" {word}" if is_latin else word
    return joined
