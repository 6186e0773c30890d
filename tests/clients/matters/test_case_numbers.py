"""The case number says where, when, how and what, and any slip in it is noticed."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clients.matters.case_numbers import SerialsExhausted, case_number, is_case_number, prefix_of
from federation.identifiers.uscc import ALPHABET

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "identifiers.json").read_text(encoding="utf-8"))
CASES = [case for case in VECTORS["cases"] if case["kind"] == "case_number"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["value"])
def test_published_value(case: dict[str, Any]) -> None:
    assert is_case_number(case["value"]) is case["valid"]


def test_number_is_put_together_in_order() -> None:
    assert case_number(prefix_of("650104", date(2026, 11, 22), 1, 7), 42) == "65010420261122107000042C"


SERIALS = st.integers(1, 999_999)


@given(SERIALS, st.integers(0, 23), st.sampled_from(ALPHABET))
def test_any_single_wrong_character_is_caught(serial: int, place: int, wrong: str) -> None:
    number = case_number(prefix_of("650104", date(2026, 11, 22), 1, 7), serial)
    assert is_case_number(number)
    assume(number[place] != wrong)
    assert not is_case_number(number[:place] + wrong + number[place + 1 :])


@given(SERIALS, st.integers(0, 22))
def test_any_swap_of_neighbours_is_caught(serial: int, place: int) -> None:
    number = case_number(prefix_of("650104", date(2026, 11, 22), 1, 7), serial)
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assume(swapped != number)
    assert not is_case_number(swapped)


@pytest.mark.parametrize("serial", [0, -1, 1_000_000])
def test_a_prefix_has_room_for_a_million_less_one(serial: int) -> None:
    with pytest.raises(SerialsExhausted):
        case_number("65010420261122107", serial)
