"""What a person types to say who they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.authn.identifiers import NOBODY, InvalidUsername, check_username, identify, normalise_username
from idp.storage.accounts import Identifier

MOBILES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
ID_NUMBERS = st.from_regex(r"[1-9][0-9]{16}[0-9X]", fullmatch=True)
USERNAMES = st.from_regex(r"[a-z][a-z0-9._-]{2,31}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("13812340001", Identifier("phone", "13812340001")),
        ("+86 138-1234-0001", Identifier("phone", "13812340001")),
        ("１３８１２３４０００１", Identifier("phone", "13812340001")),
        ("11010519491231002x", Identifier("id_number", "11010519491231002X")),
        (" 110105 19491231 002X ", Identifier("id_number", "11010519491231002X")),
        ("Zhang.Wei", Identifier("username", "zhang.wei")),
        (" ｚｈａｎｇ ", Identifier("username", "zhang")),
    ],
)
def test_one_person_may_be_spelt_in_many_ways(text: str, expected: Identifier) -> None:
    assert identify(text) == expected


@pytest.mark.parametrize("text", ["", " ", "a", "ab", "1abc", "张伟", "12345", "a" * 33, "a b c", "x'; --", "a\ud800b"])
def test_what_cannot_be_an_identifier_names_nobody(text: str) -> None:
    assert identify(text) == NOBODY


@given(MOBILES | ID_NUMBERS | USERNAMES)
def test_the_kinds_never_collide_and_the_normal_form_is_its_own(value: str) -> None:
    first = identify(value)
    assert first.value == value
    assert identify(first.value) == first
    assert (first.kind == "username") == value[0].isalpha()


@given(st.text())
def test_any_text_is_identified_without_an_error(text: str) -> None:
    assert identify(text).kind in {"phone", "id_number", "username"}


@given(st.text(max_size=40))
def test_an_accepted_username_is_found_again_when_typed(text: str) -> None:
    username = normalise_username(text)
    try:
        check_username(username)
    except InvalidUsername:
        return
    assert identify(text) == Identifier("username", username)
