"""The unified social credit code 统一社会信用代码 of legal persons and other organisations.

GB 32100-2015: registering authority, kind of body, division, organisation code (GB 11714), check character modulo 31.
"""

from __future__ import annotations

import re

from stdnum.cn import uscc

from federation.identifiers.checked import Checked, InvalidIdentifier
from federation.identifiers.normalisation import HYPHENS, normalise

_KIND = "uscc"
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_PATTERN = re.compile(r"[1-9ANY][0-9A-HJ-NPQRTUWXY][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def normalise_uscc(text: str) -> str:
    """The machine form: upper case, no spaces or hyphens."""
    return normalise(text, HYPHENS)


def check_uscc(value: str) -> Checked:
    """Check form and check character. Warns ``inner_check`` when the organisation code inside fails its own check."""
    if not _PATTERN.fullmatch(value):
        raise InvalidIdentifier(_KIND, "form")
    if uscc.calc_check_digit(value) != value[17]:
        raise InvalidIdentifier(_KIND, "check_digit")
    # Some real codes carry a wrong GB 11714 digit, so it only warns.
    return Checked(value, () if _organisation_check(value[8:16]) == value[16] else ("inner_check",))


def _organisation_check(body: str) -> str:
    """GB 11714: 11 − (weighted sum mod 11), ten written X and eleven written 0; letters count from 10."""
    rest = 11 - sum(int(c, 36) * weight for c, weight in zip(body, _ORGANISATION_WEIGHTS, strict=True)) % 11
    return {10: "X", 11: "0"}.get(rest, str(rest))
