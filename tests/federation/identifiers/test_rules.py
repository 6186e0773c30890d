"""Rules of the identifiers beyond single values: every error is caught, every value survives normalisation."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from stdnum.cn import ric
from stdnum.cn import uscc as stdnum_uscc

from federation import identifiers
from federation.identifiers import InvalidIdentifier
from federation.identifiers.divisions import is_code_ever_used, prefecture_of
from federation.identifiers.uscc import ALPHABET

TODAY = date(2026, 11, 22)


@st.composite
def resident_ids(draw: st.DrawFn) -> str:
    born = draw(st.dates(date(1900, 1, 1), TODAY))
    body = draw(st.sampled_from(["650104", "654021", "110105", "810000"])) + born.strftime("%Y%m%d")
    body += f"{draw(st.integers(0, 999)):03}"
    return body + ric.calc_check_digit(body + "0")


@st.composite
def usccs(draw: st.DrawFn) -> str:
    body = "91650100" + draw(st.text(ALPHABET, min_size=9, max_size=9))
    return body + stdnum_uscc.calc_check_digit(body)


@given(resident_ids())
def test_well_made_resident_number_is_accepted_and_tells_its_birth_date(number: str) -> None:
    assert identifiers.check_resident_id(number, TODAY).value == number
    assert identifiers.birthdate_of(number).strftime("%Y%m%d") == number[6:14]


@given(resident_ids(), st.integers(0, 17), st.sampled_from("0123456789X"))
def test_any_single_wrong_character_of_a_resident_number_is_caught(number: str, place: int, wrong: str) -> None:
    assume(number[place] != wrong)
    with pytest.raises(InvalidIdentifier):
        identifiers.check_resident_id(number[:place] + wrong + number[place + 1 :], TODAY)


@given(resident_ids())
def test_a_person_is_not_born_after_today(number: str) -> None:
    with pytest.raises(InvalidIdentifier, match="birth_in_future"):
        identifiers.check_resident_id(number, identifiers.birthdate_of(number) - timedelta(days=1))


@given(usccs(), st.integers(0, 17), st.sampled_from(ALPHABET))
def test_any_single_wrong_character_of_a_credit_code_is_caught(code: str, place: int, wrong: str) -> None:
    assert identifiers.check_uscc(code).value == code
    assume(code[place] != wrong)
    with pytest.raises(InvalidIdentifier):
        identifiers.check_uscc(code[:place] + wrong + code[place + 1 :])


@given(st.text(max_size=40))
def test_no_text_makes_a_check_or_a_normal_form_fail_otherwise(text: str) -> None:
    for normalise, check in (
        (identifiers.normalise_resident_id, lambda value: identifiers.check_resident_id(value, TODAY)),
        (identifiers.normalise_uscc, identifiers.check_uscc),
        (identifiers.normalise_mobile, identifiers.check_mobile),
        (identifiers.normalise_phone, identifiers.check_phone),
        (identifiers.normalise_plate, identifiers.check_plate),
        (identifiers.normalise_vin, identifiers.check_vin),
        (identifiers.normalise_certificate, identifiers.check_operator_permit),
        (str.strip, identifiers.check_division),
    ):
        try:
            check(normalise(text))
        except InvalidIdentifier:
            continue


@given(st.text(max_size=40))
@example("U\u00a8")
def test_normal_form_is_stable(text: str) -> None:
    once = identifiers.normalise_resident_id(text)
    assert identifiers.normalise_resident_id(once) == once


@pytest.mark.parametrize(
    ("plate", "colour", "warnings"),
    [
        ("新A12345", "2", ()),
        ("新A12345", "94", ("colour_mismatch",)),
        ("新B1234挂", "1", ("colour_mismatch",)),
        ("新AD12345", "94", ()),
        ("新A12345D", "93", ()),
        ("新RZ8K8A", None, ("many_letters",)),
    ],
)
def test_kind_and_colour_of_a_plate_only_warn(plate: str, colour: str | None, warnings: tuple[str, ...]) -> None:
    assert identifiers.check_plate(plate, colour).warnings == warnings


def test_colour_outside_the_dictionary_is_refused() -> None:
    with pytest.raises(InvalidIdentifier, match="plate_colour: unknown"):
        identifiers.check_plate("新A12345", "7")


@pytest.mark.parametrize("code", ["659000", "650101", "652122", "110105", "65010", "６５０１０４"])
def test_places_not_in_force_here_are_no_handling_place(code: str) -> None:
    with pytest.raises(InvalidIdentifier):
        identifiers.check_division(code)


def test_handling_places_are_the_leaves_of_the_region() -> None:
    places = {place.code for place in identifiers.regions_of_filing()}
    assert "650104" in places and "659001" in places
    assert "650000" not in places and "650100" not in places
    assert all(prefecture_of(code) is not None for code in places)


def test_prefecture_of_a_county_and_of_a_city_directly_under_the_region() -> None:
    assert prefecture_of("650104") == identifiers.find_division("650100")
    assert prefecture_of("659001") == identifiers.find_division("659001")
    assert prefecture_of("999999") is None


def test_retired_codes_were_used_and_foreign_ones_are_not_judged() -> None:
    assert is_code_ever_used("652122") and is_code_ever_used("110105") and not is_code_ever_used("659999")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("650101199003077219", "650101**********19"),
        ("王小明", "王*明"),
        ("王明", "**"),
        ("", ""),
        ("新A12345", "新*****5"),
    ],
)
def test_mask_hides_the_middle(value: str, shown: str) -> None:
    assert identifiers.mask(value) == shown


def test_mobile_is_shown_in_the_customary_form() -> None:
    assert identifiers.mask_mobile("13800138000") == "138****8000"
