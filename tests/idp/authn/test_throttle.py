"""Waits after wrong passwords: they grow, are capped, and never shut a person out for good."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.authn.throttle import ADDRESS, PAIR, PERSON, Ladder, Throttle, TooManyFailures
from idp.context import Context
from idp.storage.ephemeral_redis import EphemeralUnavailable, RedisEphemeral
from tests.clock import Clock

Work = Callable[[], AbstractContextManager[Context]]
HOME, ELSEWHERE = "10.0.0.1", "10.9.9.9"
LADDERS = [PAIR, PERSON, ADDRESS]


class Attempts:
    """Tries of one person; `fail` and `succeed` say the wait in seconds that stood against them, 0 for none."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def wait(self, person: str = "p", address: str = HOME, device: str | None = None) -> int:
        with self._work() as context:
            return self._wait(Throttle(context, person=person, address=address, device=device))

    def fail(self, person: str = "p", address: str = HOME, device: str | None = None) -> int:
        with self._work() as context:
            throttle = Throttle(context, person=person, address=address, device=device)
            seconds = self._wait(throttle)
            if seconds == 0:
                throttle.record_failure()
            return seconds

    def succeed(self, person: str = "p", address: str = HOME, device: str | None = None) -> None:
        with self._work() as context:
            throttle = Throttle(context, person=person, address=address, device=device)
            throttle.check_wait()
            throttle.record_success()

    @staticmethod
    def _wait(throttle: Throttle) -> int:
        try:
            throttle.check_wait()
        except TooManyFailures as error:
            return error.seconds
        return 0


@pytest.fixture
def attempts(work: Work) -> Attempts:
    return Attempts(work)


def fail_often(attempts: Attempts, clock: Clock, times: int, **who: str) -> None:
    """Wrong passwords given as fast as the waits allow."""
    for _ in range(times):
        while wait := attempts.fail(**who):
            clock.advance(wait)


@given(st.sampled_from(LADDERS), st.integers(min_value=0, max_value=10_000))
def test_waits_grow_and_are_capped_at_ten_seconds(ladder: Ladder, failures: int) -> None:
    assert ladder.wait(failures) <= ladder.wait(failures + 1) <= timedelta(seconds=10)


def test_the_first_slip_costs_nothing_then_the_ladder_begins(attempts: Attempts, clock: Clock) -> None:
    waits = []
    for _ in range(26):
        assert attempts.fail() == 0
        waits.append(attempts.wait())
        clock.advance(waits[-1])
    assert waits == [0, 1] + [3] * 6 + [5] * 16 + [10] * 2


@pytest.mark.usefixtures("ephemeral_store")
def test_a_wait_stands_against_the_next_try(attempts: Attempts) -> None:
    assert [attempts.fail() for _ in range(3)] == [0, 0, 1]


def test_a_refused_try_does_not_count_and_does_not_prolong_the_wait(attempts: Attempts, clock: Clock) -> None:
    fail_often(attempts, clock, 3)
    assert [attempts.fail() for _ in range(20)] == [3] * 20
    clock.advance(3)
    assert attempts.wait() == 0


def test_a_right_password_clears_the_ladder(attempts: Attempts, clock: Clock) -> None:
    fail_often(attempts, clock, 10)
    clock.advance(10)
    attempts.succeed()
    assert [attempts.fail() for _ in range(2)] == [0, 0]


def test_failures_are_forgotten_after_a_day(attempts: Attempts, clock: Clock) -> None:
    fail_often(attempts, clock, 10)
    clock.advance(timedelta(hours=24))
    assert [attempts.fail() for _ in range(2)] == [0, 0]


def test_another_person_at_the_same_address_is_not_held_up(attempts: Attempts, clock: Clock) -> None:
    fail_often(attempts, clock, 20)
    assert attempts.wait(person="other") == 0


def test_a_stranger_elsewhere_does_not_hold_the_person_up(attempts: Attempts, clock: Clock) -> None:
    fail_often(attempts, clock, 25, address=ELSEWHERE)
    assert attempts.wait() == 0


def test_guessing_from_many_addresses_is_held_up_all_the_same(attempts: Attempts) -> None:
    for number in range(30):
        assert attempts.fail(address=f"10.1.0.{number}") == 0
    assert attempts.wait(address="10.1.0.7") == 3


def test_whoever_goes_on_failing_elsewhere_cannot_keep_a_person_out_of_a_new_browser(
    attempts: Attempts, clock: Clock
) -> None:
    for number in range(150):
        attempts.fail(address=f"10.1.0.{number}")
    assert attempts.wait(address="10.1.0.7") == 10
    attempts.succeed(address=HOME)


def test_a_browser_in_which_the_person_signed_in_before_is_never_held_up_by_others(
    attempts: Attempts, clock: Clock
) -> None:
    for number in range(150):
        attempts.fail(address=f"10.1.0.{number}")
    assert attempts.wait(address="10.1.0.7") == 10
    assert attempts.wait(address="10.1.0.7", device="d") == 0
    attempts.succeed(address="10.1.0.7", device="d")


def test_that_browser_has_a_ladder_of_its_own(attempts: Attempts, clock: Clock) -> None:
    fail_often(attempts, clock, 3, device="d")
    assert attempts.wait(device="d") == 3
    assert attempts.wait(device="other") == 0
    assert attempts.wait() == 0


def test_trying_many_people_from_one_address_is_held_up_late(attempts: Attempts) -> None:
    for number in range(60):
        assert attempts.fail(person=f"p{number}") == 0
    assert attempts.wait(person="next") == 1
    assert attempts.wait(person="next", address=ELSEWHERE) == 0


def test_all_addresses_of_one_customer_of_ipv6_are_one(attempts: Attempts, clock: Clock) -> None:
    fail_often(attempts, clock, 3, address="2001:db8:0:1::1")
    assert attempts.wait(address="2001:db8:0:1:ffff::2") == 3
    assert attempts.wait(address="2001:db8:0:2::1") == 0


@pytest.mark.usefixtures("both_engines", "ephemeral_store")
def test_parallel_failures_all_count(work: Work) -> None:
    def fail(_: int) -> None:
        with work() as context:
            Throttle(context, person="p", address=HOME, device=None).record_failure()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(fail, range(30)))
    assert Attempts(work).wait() == 10


@pytest.mark.parametrize("ephemeral_store", ["redis"], indirect=True)
@pytest.mark.usefixtures("ephemeral_store")
def test_while_redis_is_away_failures_count_in_the_database(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise EphemeralUnavailable("away")

    for name in ("counts", "increment", "forget", "claim"):
        monkeypatch.setattr(RedisEphemeral, name, away)
    assert [attempts.fail() for _ in range(3)] == [0, 0, 1]


def test_an_attempt_costs_one_look(work: Work, statements: Callable[..., AbstractContextManager[list[str]]]) -> None:
    with work() as context, statements() as seen:
        Throttle(context, person="p", address=HOME, device=None).check_wait()
        assert len(seen) == 1, seen
