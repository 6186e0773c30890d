"""Identifiers of Chinese people, companies, vehicles and places: normal form, validity, what can be read off them.

Owns the rules of GB 11643, GB 32100, GA 36, GB 16735 and GB/T 2260 as pure functions without input or output, so that
the provider, the authority's registry and the service matters judge a number alike. Refuses to look anything up: that a
number is well formed says nothing about whether it belongs to anybody.

Every ``check_…`` wants the normal form that its ``normalise_…`` returns, raises `InvalidIdentifier` for what must be
refused and returns `Checked` with warnings for what is accepted and shown to an officer.
"""

from federation.identifiers.certificates import (
    check_operator_permit,
    check_practitioner_certificate,
    check_transport_certificate,
    normalise_certificate,
)
from federation.identifiers.checked import Checked, InvalidIdentifier
from federation.identifiers.divisions import Division, check_division, find_division, regions_of_filing
from federation.identifiers.masking import mask, mask_mobile
from federation.identifiers.mobile import check_mobile, check_phone, normalise_mobile, normalise_phone
from federation.identifiers.plate import PLATE_COLOURS, check_plate, normalise_plate, plate_kind_of
from federation.identifiers.resident_id import birthdate_of, check_resident_id, normalise_resident_id, sex_of
from federation.identifiers.uscc import check_uscc, normalise_uscc
from federation.identifiers.vin import check_vin, normalise_vin

__all__ = [
    "PLATE_COLOURS",
    "Checked",
    "Division",
    "InvalidIdentifier",
    "birthdate_of",
    "check_division",
    "check_mobile",
    "check_operator_permit",
    "check_phone",
    "check_plate",
    "check_practitioner_certificate",
    "check_resident_id",
    "check_transport_certificate",
    "check_uscc",
    "check_vin",
    "find_division",
    "mask",
    "mask_mobile",
    "normalise_certificate",
    "normalise_mobile",
    "normalise_phone",
    "normalise_plate",
    "normalise_resident_id",
    "normalise_uscc",
    "normalise_vin",
    "plate_kind_of",
    "regions_of_filing",
    "sex_of",
]
