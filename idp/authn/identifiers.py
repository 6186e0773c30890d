"""What a person types to say who they are: a mobile number, an ID number or a username.

The three never collide: a mobile number has eleven digits, an ID number eighteen characters of which the first
seventeen are digits, a username begins with a letter.
"""

from __future__ import annotations

import re
import unicodedata

from federation.identifiers import normalise_mobile, normalise_resident_id
from idp.storage.accounts import Identifier

_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_ID_NUMBER = re.compile(r"[1-9][0-9]{16}[0-9X]")
_USERNAME = re.compile(r"[a-z][a-z0-9._-]{2,31}")

NOBODY = Identifier("username", "")  # no account has it; looked up like any other, so that junk costs the same


class InvalidUsername(ValueError):
    """Not 3–32 letters, digits, dots, underscores or hyphens that begin with a letter."""


def identify(text: str) -> Identifier:
    """The identifier that ``text`` spells, however it is spelt; NOBODY for what cannot be one."""
    mobile = normalise_mobile(text)
    if _MOBILE.fullmatch(mobile):
        return Identifier("phone", mobile)
    id_number = normalise_resident_id(text)
    if _ID_NUMBER.fullmatch(id_number):
        return Identifier("id_number", id_number)
    username = normalise_username(text)
    return Identifier("username", username) if _USERNAME.fullmatch(username) else NOBODY


def normalise_username(text: str) -> str:
    """NFKC, lower case, without outer space: one person, one spelling."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def check_username(username: str) -> None:
    """Raises InvalidUsername for what is not the normal form of a username."""
    if not _USERNAME.fullmatch(username):
        raise InvalidUsername
