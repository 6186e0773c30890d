"""The matters' own rules: what passes, what is asked to be corrected, what goes to an officer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.matters.applicant import Applicant
from clients.matters.catalogue import Catalogue, declare_all
from clients.matters.checking import CheckResult, Facts, run_checks, verdict_on
from clients.matters.regional import RegionalData, load_region
from clients.matters.registers import RegisterUnreachable
from clients.matters.submission import read_submission
from tests.clients.matters.conftest import ACT_AS, CERTIFICATE, CERTIFICATE_VALUES, PERSON, REVIEW, REVIEW_VALUES

TODAY = date(2026, 11, 23)
CATALOGUE = declare_all(load_region("xinjiang"))
RECORDS: dict[str, Mapping[str, Any] | None] = {
    "driving_licence": {"status": "valid"},
    "training_certificate": {"number": "PX2026000123"},
    "practitioner": None,
    "operator": {"status": "1"},
    "vehicle": {"uscc": ACT_AS["uscc"], "status": "10"},
    "inspection_report": {"vin": "LZZ1CLWB8NW000001"},
}


def region_with(**rules: Any) -> RegionalData:
    tables = load_region("xinjiang")._tables
    changed = {name: {**tables["rules"][name], "value": value} for name, value in rules.items()}
    return RegionalData("test", {**tables, "rules": {**tables["rules"], **changed}})


def check(
    matter_id: str,
    *,
    answers: Mapping[str, Any] | None = None,
    person: Mapping[str, Any] | None = None,
    records: Mapping[str, Any] | None = None,
    catalogue: Catalogue = CATALOGUE,
) -> dict[str, CheckResult]:
    """Run the matter's checks as the registers in `records` answer; by name."""
    known = RECORDS if records is None else {**RECORDS, **records}

    def ask(service: str, arguments: Mapping[str, str]) -> Mapping[str, Any] | None:
        assert arguments and all(isinstance(value, str) for value in arguments.values())
        answer = known[service]
        if isinstance(answer, Exception):
            raise answer
        return answer

    matter = catalogue.get(matter_id)
    raw = {**(CERTIFICATE_VALUES if matter_id == CERTIFICATE else REVIEW_VALUES), **(answers or {})}
    act_as = ACT_AS if matter_id == REVIEW else None
    applicant = Applicant("https://issuer.example", "person-1", "client", {**PERSON, **(person or {})}, act_as)
    submission = read_submission(matter, applicant, raw, TODAY)
    results = run_checks(matter, Facts(submission.values, TODAY, ask), submission.warnings)
    return {result.id: result for result in results}


def outcomes(results: Mapping[str, CheckResult]) -> dict[str, str]:
    return {name: result.outcome for name, result in results.items()}


@pytest.mark.parametrize("matter_id", [CERTIFICATE, REVIEW])
def test_everything_in_order_is_accepted(matter_id: str) -> None:
    results = check(matter_id)
    assert set(outcomes(results).values()) <= {"passed", "not_applicable"}
    assert verdict_on(tuple(results.values())) == "accept"


@pytest.mark.parametrize("matter_id", [CERTIFICATE, REVIEW])
def test_unreachable_register_goes_to_an_officer_and_never_passes(matter_id: str) -> None:
    results = check(matter_id, records=dict.fromkeys(RECORDS, RegisterUnreachable("away")))
    by_hand = {name for name, outcome in outcomes(results).items() if outcome == "by_hand"}
    assert by_hand == (
        {"licence_valid", "training_confirmed", "no_revoked_history"}
        if matter_id == CERTIFICATE
        else {"report_registered", "operator_in_business", "vehicle_in_operation"}
    )
    assert all(results[name].note for name in by_hand)
    assert verdict_on(tuple(results.values())) == "accept"


@pytest.mark.parametrize(
    ("matter_id", "answers", "failing", "verdict"),
    [
        (CERTIFICATE, {"vehicle_mass": "up_to_4500"}, "certificate_needed", "refuse"),
        (CERTIFICATE, {"licence_class": "C1"}, "licence_class_fits", "require_correction"),
        (CERTIFICATE, {"licence_class": "C1D"}, "licence_class_fits", "require_correction"),
        (CERTIFICATE, {"licence_first_issued": "2008-03-06"}, "dates", "require_correction"),
        (CERTIFICATE, {"training_completed": "1980-01-01"}, "dates", "require_correction"),
        (REVIEW, {"total_mass_kg": 4500}, "review_needed", "refuse"),
        (REVIEW, {"report_date": "2025-11-22"}, "inspection_current", "require_correction"),
        (REVIEW, {"first_registered": "2016-01-01", "report_date": "2026-05-22"}, "inspection_current",
         "require_correction"),
        (REVIEW, {"report_date": "2022-02-28"}, "inspection_current", "require_correction"),
        (REVIEW, {"insurance_until": "2026-11-22"}, "insured", "require_correction"),
        (REVIEW, {"positioning": "offline"}, "positioning_online", "require_correction"),
        (REVIEW, {"positioning": "none", "vehicle_kind": "tractor", "total_mass_kg": 9000}, "positioning_online",
         "require_correction"),
    ],
)  # fmt: skip
def test_rule_fails(matter_id: str, answers: dict[str, Any], failing: str, verdict: str) -> None:
    results = check(matter_id, answers=answers)
    assert [name for name, outcome in outcomes(results).items() if outcome == "failed"] == [failing]
    assert verdict_on(tuple(results.values())) == verdict
    assert results[failing].note is not None


@pytest.mark.parametrize(
    ("matter_id", "answers"),
    [
        (CERTIFICATE, {"licence_class": "a2"}),
        (CERTIFICATE, {"licence_class": "A1A2D"}),
        (CERTIFICATE, {"licence_first_issued": "2008-03-07"}),
        (REVIEW, {"total_mass_kg": 4501, "positioning": "none"}),
        (REVIEW, {"total_mass_kg": 11_999, "positioning": "none"}),
        (REVIEW, {"vehicle_kind": "trailer", "plate": "新B1234挂", "positioning": "none"}),
        (REVIEW, {"report_date": "2025-11-23"}),
        (REVIEW, {"first_registered": "2016-05-31", "report_date": "2026-05-31"}),
        (REVIEW, {"first_registered": "2016-01-01", "report_date": "2026-05-23"}),
        (REVIEW, {"insurance_until": "2026-11-23"}),
    ],
)
def test_rule_just_holds(matter_id: str, answers: dict[str, Any]) -> None:
    assert verdict_on(tuple(check(matter_id, answers=answers).values())) == "accept"


@pytest.mark.parametrize(
    ("matter_id", "records", "failing", "verdict"),
    [
        (CERTIFICATE, {"driving_licence": None}, "licence_valid", "accept"),
        (CERTIFICATE, {"driving_licence": {"status": "revoked"}}, "licence_valid", "accept"),
        (CERTIFICATE, {"driving_licence": {}}, "licence_valid", "accept"),
        (CERTIFICATE, {"training_certificate": None}, "training_confirmed", "require_correction"),
        (CERTIFICATE, {"practitioner": {"revoked_at": "2020-01-01"}}, "no_revoked_history", "accept"),
        (REVIEW, {"inspection_report": None}, "report_registered", "require_correction"),
        (REVIEW, {"inspection_report": {"vin": "LFV2A21K8A3000001"}}, "report_registered", "require_correction"),
        (REVIEW, {"operator": None}, "operator_in_business", "accept"),
        (REVIEW, {"operator": {"status": "6"}}, "operator_in_business", "accept"),
        (REVIEW, {"vehicle": None}, "vehicle_in_operation", "accept"),
        (REVIEW, {"vehicle": {"uscc": "91650100228601232D", "status": "10"}}, "vehicle_in_operation", "accept"),
        (REVIEW, {"vehicle": {"uscc": ACT_AS["uscc"], "status": "80"}}, "vehicle_in_operation", "accept"),
    ],
)
def test_register_speaks_against_it(matter_id: str, records: dict[str, Any], failing: str, verdict: str) -> None:
    results = check(matter_id, records=records)
    assert results[failing].outcome == "failed"
    assert verdict_on(tuple(results.values())) == verdict


def test_failure_that_only_a_reviewer_may_judge_does_not_stop_the_acceptance() -> None:
    results = check(CERTIFICATE, person={"id_number": "11010519491231002X"})
    assert results["age"].outcome == "failed" and results["age"].on_failure == "review"
    assert verdict_on(tuple(results.values())) == "accept"


@pytest.mark.parametrize(("age_max", "outcome"), [(63, "passed"), (60, "failed")])
def test_age_limit_is_the_regions(age_max: int, outcome: str) -> None:
    born_1964 = "65010419641122001"
    number = next(born_1964 + c for c in "0123456789X" if _is_valid(born_1964 + c))
    catalogue = declare_all(region_with(age_max=age_max))
    assert check(CERTIFICATE, person={"id_number": number}, catalogue=catalogue)["age"].outcome == outcome


def _is_valid(number: str) -> bool:
    from federation.identifiers import InvalidIdentifier, check_resident_id

    try:
        return bool(check_resident_id(number, TODAY))
    except InvalidIdentifier:
        return False


@pytest.mark.parametrize(("mode", "outcome"), [("none", "not_applicable"), ("import", "by_hand")])
def test_exam_follows_the_regions_mode(mode: str, outcome: str) -> None:
    assert check(CERTIFICATE, catalogue=declare_all(region_with(exam_mode=mode)))["exam"].outcome == outcome


def test_doubtful_identifier_is_put_before_an_officer() -> None:
    results = check(
        REVIEW, answers={"vin": "LSVAU2180C2186666"}, records={"inspection_report": {"vin": "LSVAU2180C2186666"}}
    )
    assert results["form_vin"].outcome == "by_hand"
    assert results["form_vin"].text.en.startswith("Vehicle identification number")


def test_plate_and_colour_that_rarely_go_together_are_compared_by_an_officer() -> None:
    assert check(REVIEW, answers={"plate_colour": "94"})["plate_colour_fits"].outcome == "by_hand"


@given(st.dates(date(2010, 1, 1), TODAY), st.dates(date(2010, 1, 1), TODAY))
def test_inspection_rule_answers_for_any_two_days(first_registered: date, report_date: date) -> None:
    answers = {"first_registered": first_registered.isoformat(), "report_date": report_date.isoformat()}
    result = check(REVIEW, answers=answers)["inspection_current"]
    if report_date < first_registered or report_date < TODAY - timedelta(days=366):
        assert result.outcome == "failed"
    if first_registered <= report_date and report_date >= TODAY - timedelta(days=180):
        assert result.outcome == "passed"


def test_result_survives_being_stored() -> None:
    for result in check(CERTIFICATE, answers={"licence_class": "C1"}).values():
        assert CheckResult.restored(result.stored()) == result
