"""The invented population: the same everywhere, and well formed by the standards' own rules."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import date

from federation.identifiers import (
    check_division,
    check_mobile,
    check_resident_id,
    check_uscc,
    normalise_resident_id,
    sex_of,
)
from federation.identifiers.person_name import normalise_person_name
from federation.national.population import ACTIVE, DECEASED, DISSOLVED, FROZEN, generate

PERSONS, ENTERPRISES = generate()
# Whoever changes the population changes the demonstration's people: that is to be meant.
FINGERPRINT = "52b82ddb33bd76755fd6b6be01812d3b2023df6887a5da3f6c6f512c0a61fa2e"


def test_the_same_people_and_companies_come_from_the_same_seed_on_every_machine() -> None:
    assert generate() == (PERSONS, ENTERPRISES)
    assert hashlib.sha256(repr((PERSONS, ENTERPRISES)).encode()).hexdigest() == FINGERPRINT
    assert generate(seed=1) != (PERSONS, ENTERPRISES)


def test_there_are_at_least_200_persons_and_40_enterprises_all_different() -> None:
    assert len({person.id_number for person in PERSONS}) == len(PERSONS) >= 200
    assert len({person.phone for person in PERSONS}) == len(PERSONS)
    assert len({company.uscc for company in ENTERPRISES}) == len(ENTERPRISES) >= 40
    assert len({company.name for company in ENTERPRISES}) == len(ENTERPRISES)


def test_every_id_number_is_valid_of_an_adult_and_of_a_division_of_the_region() -> None:
    for person in PERSONS:
        assert check_resident_id(person.id_number, date(2026, 1, 1)).warnings == ()
        assert normalise_resident_id(person.id_number) == person.id_number
        assert int(person.id_number[6:10]) <= 2006
        assert check_division(person.division).value == person.id_number[:6]
        check_mobile(person.phone)
    assert {sex_of(person.id_number) for person in PERSONS} == {"male", "female"}


def test_every_credit_code_is_valid_outside_and_inside() -> None:
    for company in ENTERPRISES:
        assert check_uscc(company.uscc).warnings == ()


def test_names_are_in_their_normal_form_and_of_several_peoples() -> None:
    assert all(normalise_person_name(person.name) == person.name for person in PERSONS)
    ethnicities = Counter(person.ethnicity for person in PERSONS)
    assert all(ethnicities[name] >= 10 for name in ("汉族", "维吾尔族", "哈萨克族", "回族"))
    assert all(("·" in person.name) == (person.ethnicity in {"维吾尔族", "哈萨克族"}) for person in PERSONS)


def test_levels_and_states_cover_what_must_be_accepted_and_what_must_be_refused() -> None:
    assert {person.level for person in PERSONS} == {2, 3, 4}
    assert {person.status for person in PERSONS} == {ACTIVE, DECEASED, FROZEN}
    assert {company.status for company in ENTERPRISES} == {ACTIVE, DISSOLVED}


def test_every_company_is_represented_by_a_living_person_of_the_registry() -> None:
    active = {person.id_number for person in PERSONS if person.status == ACTIVE}
    assert {company.representative for company in ENTERPRISES} <= active
