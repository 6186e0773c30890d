"""One-time codes by text message, in both ephemeral stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import pytest

from idp.authn import one_time_codes
from idp.authn.one_time_codes import TooManyMessages, Verdict, count_message, discount_message, issue, judge
from idp.context import Context
from tests.clock import Clock

PHONE, HOLDER = "13812340001", "registration-1"
Work = Callable[[], AbstractContextManager[Context]]


@pytest.fixture
def context(ephemeral_store: str, work: Work) -> Iterator[Context]:
    with work() as context:
        yield context


def wrong(code: str) -> str:
    return "000000" if code != "000000" else "000001"


def verdict(context: Context, code: str, *, purpose: str = "test", holder: str = HOLDER, phone: str = PHONE) -> Verdict:
    return judge(context, purpose, holder=holder, phone=phone, code=code)


def test_a_code_has_six_digits_and_works_once(context: Context) -> None:
    code = issue(context, "test", holder=HOLDER, phone=PHONE)
    assert len(code) == 6 and code.isdigit()
    assert verdict(context, code) is Verdict.RIGHT
    assert verdict(context, code) is Verdict.OVER


def test_a_new_code_replaces_the_old_one(context: Context) -> None:
    first = issue(context, "test", holder=HOLDER, phone=PHONE)
    second = issue(context, "test", holder=HOLDER, phone=PHONE)
    if first != second:
        assert verdict(context, first) is Verdict.WRONG
    assert verdict(context, second) is Verdict.RIGHT


@pytest.mark.parametrize("other", [{"purpose": "else"}, {"holder": "registration-2"}, {"phone": "13812340002"}])
def test_a_code_counts_for_its_purpose_holder_and_number_only(context: Context, other: dict[str, str]) -> None:
    code = issue(context, "test", holder=HOLDER, phone=PHONE)
    assert verdict(context, code, **other) is not Verdict.RIGHT
    assert verdict(context, code) is Verdict.RIGHT


def test_after_five_wrong_tries_the_right_code_is_over(context: Context) -> None:
    code = issue(context, "test", holder=HOLDER, phone=PHONE)
    given = [verdict(context, wrong(code)) for _ in range(5)]
    assert given == [Verdict.WRONG] * 4 + [Verdict.OVER]
    assert verdict(context, code) is Verdict.OVER


def test_the_fifth_try_may_be_right(context: Context) -> None:
    code = issue(context, "test", holder=HOLDER, phone=PHONE)
    for _ in range(4):
        verdict(context, wrong(code))
    assert verdict(context, code) is Verdict.RIGHT


def test_a_code_lives_ten_minutes(work: Work, clock: Clock) -> None:
    with work() as context:
        code = issue(context, "test", holder=HOLDER, phone=PHONE)
        late = issue(context, "late", holder=HOLDER, phone=PHONE)
    clock.advance(599)
    with work() as context:
        assert verdict(context, code) is Verdict.RIGHT
    clock.advance(1)
    with work() as context:
        assert verdict(context, late, purpose="late") is Verdict.OVER


def test_no_digits_open_a_decoy_and_it_answers_like_a_code(context: Context) -> None:
    said = issue(context, "test", holder=HOLDER, phone=PHONE, is_decoy=True)
    given = [verdict(context, said), *(verdict(context, wrong(said)) for _ in range(4))]
    assert given == [Verdict.WRONG] * 4 + [Verdict.OVER]


def test_the_code_itself_is_not_kept(context: Context) -> None:
    code = issue(context, "test", holder=HOLDER, phone=PHONE)
    kept = context.ephemeral.get("one_time_code", one_time_codes._key("test", HOLDER))
    assert kept is not None
    assert code not in str(kept) and PHONE not in str(kept)


def test_three_messages_an_hour_go_to_a_number_and_to_a_holder(work: Work, clock: Clock) -> None:
    with work() as context:
        for number in range(3):
            count_message(context, holder=f"h{number}", phone=PHONE, address="10.0.0.1")
        with pytest.raises(TooManyMessages):
            count_message(context, holder="h9", phone=PHONE, address="10.0.0.1")
        for number in range(3):
            count_message(context, holder="one", phone=f"1390000000{number}", address="10.0.0.1")
        with pytest.raises(TooManyMessages):
            count_message(context, holder="one", phone="13900000009", address="10.0.0.1")
    clock.advance(3601)
    with work() as context:
        count_message(context, holder="one", phone=PHONE, address="10.0.0.1")


def test_an_address_cannot_send_without_end(context: Context) -> None:
    for number in range(60):
        count_message(context, holder=f"h{number}", phone=f"138{number:08}", address="10.0.0.1")
    with pytest.raises(TooManyMessages):
        count_message(context, holder="h60", phone="13900000060", address="10.0.0.1")
    count_message(context, holder="h61", phone="13900000061", address="10.0.0.2")


def test_a_message_that_could_not_leave_does_not_count(context: Context) -> None:
    sending = {"holder": HOLDER, "phone": PHONE, "address": "10.0.0.1"}
    for _ in range(5):
        count_message(context, **sending)
        discount_message(context, **sending)
    for _ in range(3):
        count_message(context, **sending)
    with pytest.raises(TooManyMessages):
        count_message(context, **sending)


@pytest.mark.usefixtures("both_engines", "ephemeral_store")
def test_of_many_who_give_the_right_code_at_once_one_is_right(work: Work) -> None:
    with work() as context:
        code = issue(context, "test", holder=HOLDER, phone=PHONE)

    def give(_: int) -> Verdict:
        with work() as context:
            return verdict(context, code)

    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(give, range(8)))
    assert verdicts.count(Verdict.RIGHT) == 1


def test_a_try_too_many_does_not_take_the_code_from_one_being_judged(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = issue(context, "test", holder=HOLDER, phone=PHONE)
    look = context.ephemeral.get

    def overtaken(kind: str, key: str) -> dict[str, Any] | None:
        """The first try is counted; before it is judged, five more come in."""
        monkeypatch.setattr(context.ephemeral, "get", look)
        assert [verdict(context, wrong(code)) for _ in range(5)] == [Verdict.WRONG] * 3 + [Verdict.OVER] * 2
        return look(kind, key)

    monkeypatch.setattr(context.ephemeral, "get", overtaken)
    assert verdict(context, code) is Verdict.RIGHT


def test_tries_too_many_stay_counted_as_long_as_the_code_lives(work: Work, clock: Clock) -> None:
    with work() as context:
        code = issue(context, "test", holder=HOLDER, phone=PHONE)
        for _ in range(5):
            verdict(context, wrong(code))
    clock.advance(599)
    with work() as context:
        assert verdict(context, code) is Verdict.OVER


@pytest.mark.usefixtures("both_engines", "ephemeral_store")
def test_parallel_wrong_tries_all_count(work: Work) -> None:
    with work() as context:
        code = issue(context, "test", holder=HOLDER, phone=PHONE)

    def give(_: int) -> Verdict:
        with work() as context:
            return verdict(context, wrong(code))

    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(give, range(8)))
    assert Verdict.RIGHT not in verdicts
    with work() as context:
        assert verdict(context, code) is Verdict.OVER
