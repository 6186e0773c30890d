"""The resident identity number 公民身份号码 of natural persons.

GB 11643: six digits of division, eight of birth date, three of sequence (the last odd for men), one check character.
The division is never compared with today's list as a condition: codes retire, their holders do not.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Literal

from stdnum.cn import ric

from federation.identifiers.checked import Checked, InvalidIdentifier
from federation.identifiers.divisions import is_code_ever_used
from federation.identifiers.normalisation import HYPHENS, normalise

_KIND = "resident_id"
_PATTERN = re.compile(r"[1-9][0-9]{16}[0-9X]")  # ASCII classes: \d would let full-width digits pass


def normalise_resident_id(text: str) -> str:
    """The machine form: upper-case X, ASCII digits, no spaces or hyphens."""
    return normalise(text, HYPHENS)


def check_resident_id(value: str, today: date) -> Checked:
    """Check form, birth date and check character. Warns ``unknown_area`` for a code of this region never assigned."""
    if not _PATTERN.fullmatch(value):
        raise InvalidIdentifier(_KIND, "form")
    if ric.calc_check_digit(value) != value[17]:
        raise InvalidIdentifier(_KIND, "check_digit")
    if birthdate_of(value) > today:
        raise InvalidIdentifier(_KIND, "birth_in_future")
    return Checked(value, () if is_code_ever_used(value[:6]) else ("unknown_area",))


def birthdate_of(value: str) -> date:
    """The birth date in digits 7–14; raises `InvalidIdentifier` when they are no day of the calendar."""
    try:
        return date(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    except ValueError as error:
        raise InvalidIdentifier(_KIND, "birth_date") from error


def sex_of(value: str) -> Literal["male", "female"]:
    """The sex registered at birth or by correction: digit 17, odd for men."""
    return "male" if int(value[16]) % 2 else "female"
