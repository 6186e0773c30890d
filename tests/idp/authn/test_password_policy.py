"""What a password must be."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from idp.authn.password_policy import MIN_LENGTH, Weakness, WeakPassword, check_password
from idp.crypto.passwords import MAX_LENGTH

PERSON = ["张伟", "13812340001", "650101199003077219", "zhangwei"]


def weakness(password: str) -> Weakness | None:
    try:
        check_password(password, PERSON)
    except WeakPassword as error:
        return error.weakness
    return None


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("", Weakness.TOO_SHORT),
        ("kT9#vQ2!xLm", Weakness.TOO_SHORT),
        ("好" * 11, Weakness.TOO_SHORT),
        ("correct horse " * 10, Weakness.TOO_LONG),
        ("password1234!", Weakness.COMMON),
        ("PASSWORD1234", Weakness.COMMON),
        ("1qaz2wsx3edc", Weakness.COMMON),
        ("ｐａｓｓｗｏｒｄ１２３４", Weakness.COMMON),
        ("xyxyxyxyxyxy", Weakness.REPEATED),
        ("password password", Weakness.REPEATED),
        ("abcdefghijklmnop", Weakness.SEQUENCE),
        ("9876543210987x", Weakness.SEQUENCE),
        ("Tongxing@2026!", Weakness.CONTEXT),
        ("新疆交通政务2026你好", Weakness.CONTEXT),
        ("张伟张伟的密码是这个哦啊", None),
        ("my 13812340001 number", Weakness.PERSONAL),
        ("born on 19900307 there", Weakness.PERSONAL),
        ("call 12340001 at night", Weakness.PERSONAL),
        ("077219 is the last part", Weakness.PERSONAL),
        ("zhangwei12345a", Weakness.PERSONAL),
        ("monkey dragon1", Weakness.GUESSABLE),
        ("correct horse battery staple", None),
        ("天山南北好地方欢迎您来看看", None),
        ("            a             b ", Weakness.REPEATED),
        ("kT9#vQ2!xLm0", None),
    ],
)
def test_a_password_is_refused_for_a_reason_that_is_told(password: str, expected: Weakness | None) -> None:
    assert weakness(password) is expected


@pytest.mark.parametrize("password", [word for word in FREQUENCY_LISTS["passwords"] if len(word) >= MIN_LENGTH])
def test_every_common_password_of_the_list_is_refused(password: str) -> None:
    assert weakness(password) is not None


@given(st.text(min_size=MIN_LENGTH, max_size=MAX_LENGTH, alphabet=st.characters(min_codepoint=33, max_codepoint=126)))
@settings(max_examples=15)
def test_no_composition_is_demanded(password: str) -> None:
    """Whatever is refused is refused for being guessable, never for missing a kind of character."""
    assert weakness(password) not in {Weakness.TOO_SHORT, Weakness.TOO_LONG}


def test_a_huge_password_costs_nothing() -> None:
    began = time.thread_time()  # our own work: what else the machine does must not count
    assert weakness("好" * 2_000_000) is Weakness.TOO_LONG
    assert weakness("aB3$" * 1200) is Weakness.TOO_LONG
    assert time.thread_time() - began < 1


def test_the_longest_password_is_judged_quickly() -> None:
    began = time.thread_time()
    weakness("qwerty12345 password dragon " * 4 + "ab")
    assert time.thread_time() - began < 2
