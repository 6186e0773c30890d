"""The case number 办件编号: 24 characters that say where, when, how and what, with a check character (our own choice).

division 6 + day 8 + channel 1 + matter 2 + serial 6 + check 1. The number alone opens nothing: it is no secret.
"""

from __future__ import annotations

import re
from datetime import date

from federation.identifiers.uscc import ALPHABET

CHANNELS = {1: "web", 2: "mobile", 3: "window", 4: "self-service", 5: "national platform"}
LAST_SERIAL = 999_999
_PATTERN = re.compile(r"[0-9]{6}[0-9]{8}[1-9][0-9]{8}[0-9A-HJ-NPQRTUWXY]")


class SerialsExhausted(Exception):
    """A million cases of one matter at one place on one day: the number has no room for more."""


def prefix_of(division: str, day: date, channel: int, matter_number: int) -> str:
    """The first 17 characters, within which serials count from 1."""
    return f"{division:0>6}{day:%Y%m%d}{channel}{matter_number:02}"


def case_number(prefix: str, serial: int) -> str:
    """The whole number; raises SerialsExhausted."""
    if not 1 <= serial <= LAST_SERIAL:
        raise SerialsExhausted(prefix)
    body = f"{prefix}{serial:06}"
    return body + check_character(body)


def check_character(body: str) -> str:
    """Modulo 31 with weight 3^i, over the alphabet of the credit code: catches any single slip and any swap."""
    total = sum(ALPHABET.index(c) * pow(3, place, 31) for place, c in enumerate(body))
    return ALPHABET[-total % 31]


def is_case_number(text: str) -> bool:
    """Whether `text` can be one of our numbers at all."""
    return bool(_PATTERN.fullmatch(text)) and check_character(text[:-1]) == text[-1]
