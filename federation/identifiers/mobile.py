"""Mobile and fixed telephone numbers of the mainland (national numbering plan, ITU-T E.164 for the prefix +86).

Form only: that a number is in somebody's hands is proved by a one-time code, never here.
"""

from __future__ import annotations

import re

from federation.identifiers.checked import Checked, InvalidIdentifier
from federation.identifiers.normalisation import HYPHENS, normalise

_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_PHONE = re.compile(r"0[0-9]{2,3}-?[0-9]{7,8}(-[0-9]{1,6})?")


def normalise_mobile(text: str) -> str:
    """Eleven bare digits: without separators and the country prefix +86 or 0086."""
    bare = normalise(text, HYPHENS)
    for prefix in ("+86", "0086"):
        if bare.startswith(prefix):
            return bare.removeprefix(prefix)
    return bare


def check_mobile(value: str) -> Checked:
    """Check the form of a mobile number."""
    if not _MOBILE.fullmatch(value):
        raise InvalidIdentifier("mobile", "form")
    return Checked(value)


def normalise_phone(text: str) -> str:
    """A fixed number with its hyphens made plain."""
    bare = normalise(text)
    return "".join("-" if c in HYPHENS else c for c in bare)


def check_phone(value: str) -> Checked:
    """Check the form of a fixed number: area code, subscriber number, perhaps an extension."""
    if not _PHONE.fullmatch(value):
        raise InvalidIdentifier("phone", "form")
    return Checked(value)
