"""Numbers of road-transport certificates and permits.

GB 11643 for the practitioner certificate 从业资格证, which carries its holder's resident number; GB/T 2260 for the six
digits of division that stand before the six of serial in 经营许可证 and 道路运输证.
"""

from __future__ import annotations

import re
from datetime import date

from federation.identifiers.checked import Checked, InvalidIdentifier
from federation.identifiers.normalisation import normalise
from federation.identifiers.plate import PROVINCES
from federation.identifiers.resident_id import check_resident_id

_LEGACY = re.compile(r"[0-9]{19}")
_PERMIT = re.compile(rf"[{PROVINCES}]交运管许可[\u4e00-\u9fa5]{{1,2}}字([0-9]{{12}})号")
# 许可 as the place part would make every permit pass as a certificate.
_TRANSPORT = re.compile(rf"[{PROVINCES}]交运管(?!许可)[\u4e00-\u9fa5]{{1,2}}字([0-9]{{6}}) ?([0-9]{{6}})号")


def normalise_certificate(text: str) -> str:
    """The stored form of any certificate number: upper case and without spaces."""
    return normalise(text)


def check_practitioner_certificate(value: str, today: date) -> Checked:
    """Check a practitioner number; warns ``legacy_number`` for 19 digits, which only a register can confirm."""
    if _LEGACY.fullmatch(value):
        return Checked(value, ("legacy_number",))
    try:
        return check_resident_id(value, today)
    except InvalidIdentifier as error:
        raise InvalidIdentifier("practitioner_certificate", error.code) from error


def check_operator_permit(value: str) -> str:
    """The twelve digits of an operator permit number; raises `InvalidIdentifier`."""
    found = _PERMIT.fullmatch(value)
    if not found:
        raise InvalidIdentifier("operator_permit", "form")
    return found[1]


def check_transport_certificate(value: str) -> str:
    """The twelve digits of a vehicle's transport certificate number; raises `InvalidIdentifier`."""
    found = _TRANSPORT.fullmatch(value)
    if not found:
        raise InvalidIdentifier("transport_certificate", "form")
    return found[1] + found[2]
