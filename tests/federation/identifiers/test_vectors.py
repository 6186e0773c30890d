"""Every published test value of the identifier rules, with the verdict the rules give it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from stdnum.cn import ric, uscc

from federation import identifiers
from federation.identifiers import Checked, InvalidIdentifier

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "identifiers.json").read_text(encoding="utf-8"))
TODAY = date.fromisoformat(VECTORS["reference_date"])

CHECKS: dict[str, Any] = {
    "resident_id": lambda value: identifiers.check_resident_id(value, TODAY),
    "uscc": identifiers.check_uscc,
    "plate": identifiers.check_plate,
    "vin": identifiers.check_vin,
    "mobile": identifiers.check_mobile,
    "phone": identifiers.check_phone,
    "practitioner_certificate": lambda value: identifiers.check_practitioner_certificate(value, TODAY),
    "operator_permit": identifiers.check_operator_permit,
    "transport_certificate": identifiers.check_transport_certificate,
}
NORMALISE: dict[str, Any] = {
    "resident_id": identifiers.normalise_resident_id,
    "uscc": identifiers.normalise_uscc,
    "plate": identifiers.normalise_plate,
    "vin": identifiers.normalise_vin,
    "mobile": identifiers.normalise_mobile,
    "transport_certificate": identifiers.normalise_certificate,
}
CASES = [case for case in VECTORS["cases"] if case["kind"] in CHECKS]


def case_id(case: dict[str, Any]) -> str:
    return f"{case['kind']}:{case.get('value', case.get('input'))!a}"


@pytest.mark.parametrize("case", [c for c in CASES if c["valid"]], ids=case_id)
def test_valid_value_is_accepted_with_exactly_its_warnings(case: dict[str, Any]) -> None:
    answer = CHECKS[case["kind"]](case["value"])
    if isinstance(answer, Checked):
        warnings = [w for w in answer.warnings if w != "legacy_number"]
        assert answer.value == case["value"]
        if case["kind"] != "plate":  # the file states no letter-count warnings
            assert warnings == case.get("warn", [])
    else:
        assert answer == case["digits"]


@pytest.mark.parametrize("case", [c for c in CASES if not c["valid"]], ids=case_id)
def test_invalid_value_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidIdentifier) as refused:
        CHECKS[case["kind"]](case["value"])
    assert case["value"] not in str(refused.value)


@pytest.mark.parametrize("case", VECTORS["normalise"], ids=case_id)
def test_normal_form(case: dict[str, Any]) -> None:
    assert NORMALISE[case["kind"]](case["input"]) == case["output"]


@pytest.mark.parametrize("case", [c for c in CASES if c.get("plate_kind")], ids=case_id)
def test_plate_kind(case: dict[str, Any]) -> None:
    assert identifiers.plate_kind_of(case["value"]) == case["plate_kind"]


@pytest.mark.parametrize("case", [c for c in CASES if c.get("sex")], ids=case_id)
def test_sex_is_read_off_the_number(case: dict[str, Any]) -> None:
    assert identifiers.sex_of(case["value"]) == case["sex"]


@pytest.mark.parametrize("case", [c for c in CASES if c["kind"] in ("resident_id", "uscc")], ids=case_id)
def test_the_library_still_differs_from_the_standards_just_where_it_did(case: dict[str, Any]) -> None:
    """python-stdnum gives us check digits only; the day it agrees (or differs elsewhere) we want to hear of it."""
    module = ric if case["kind"] == "resident_id" else uscc
    if case["python_stdnum"] == "raises KeyError":
        with pytest.raises(KeyError):
            module.is_valid(case["value"])
    else:
        assert module.is_valid(case["value"]) is case["python_stdnum"]


def test_every_kind_checked_here_has_good_and_bad_values() -> None:
    for kind in CHECKS:
        assert {case["valid"] for case in CASES if case["kind"] == kind} == {True, False}, kind
