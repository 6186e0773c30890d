"""One contract for the ephemeral store in the database (both engines) and in Redis."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ClassVar

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.race import THREADS, race

MINUTE = timedelta(minutes=1)
SHORT = timedelta(seconds=20)
VALUE = {"name": "张伟", "parameters": [["scope", "openid"]], "count": 3, "nothing": None}


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def place(request):
    return request.param


@pytest.fixture
def both_engines(place):
    return "sqlite" if place == "redis" else place


@pytest.fixture
def ephemeral_store(place):
    return "redis" if place == "redis" else "sql"


@pytest.fixture
def store(provider):
    """Each use is one piece of work, as in one request."""

    @contextmanager
    def opened():
        with provider.work() as context:
            yield context.ephemeral

    return opened


@pytest.fixture
def let_pass(request, ephemeral_store, clock):
    """Let a short lifetime end: by the provider's clock in SQL; in Redis, whose clock nobody sets, by bringing every
    end nearer."""

    def pass_by(lifetime: timedelta) -> None:
        clock.advance(lifetime)
        if ephemeral_store == "redis":
            with redis.Redis.from_url(request.getfixturevalue("redis_url")) as client:
                for key in client.keys("tongxing:*"):
                    if (left := client.pttl(key)) > 0:
                        client.pexpire(key, left - lifetime // timedelta(milliseconds=1))

    return pass_by


def test_a_value_comes_back_as_it_was_stored(store) -> None:
    with store() as ephemeral:
        ephemeral.put("interaction", "a", VALUE, MINUTE)
    with store() as ephemeral:
        assert ephemeral.get("interaction", "a") == VALUE
        assert ephemeral.get("interaction", "b") is None


def test_storing_again_replaces_value_and_lifetime(store, let_pass) -> None:
    with store() as ephemeral:
        ephemeral.put("interaction", "a", {"n": 1}, SHORT)
        ephemeral.put("interaction", "a", {"n": 2}, MINUTE)
    let_pass(SHORT)
    with store() as ephemeral:
        assert ephemeral.get("interaction", "a") == {"n": 2}


def test_kinds_never_mix(store) -> None:
    with store() as ephemeral:
        ephemeral.put("interaction", "a", VALUE, MINUTE)
        assert ephemeral.get("code", "a") is None
        assert ephemeral.consume("code", "a") is None
        assert ephemeral.claim("jti", "a", MINUTE)
        assert ephemeral.increment("count", "a", MINUTE) == 1
        assert ephemeral.get("interaction", "a") == VALUE


def test_a_value_is_gone_when_its_lifetime_is_over(store, let_pass) -> None:
    with store() as ephemeral:
        ephemeral.put("interaction", "a", VALUE, SHORT)
        ephemeral.put("interaction", "b", VALUE, SHORT)
    let_pass(SHORT)
    with store() as ephemeral:
        assert ephemeral.get("interaction", "a") is None
        assert ephemeral.consume("interaction", "b") is None


@pytest.mark.parametrize("lifetime", [timedelta(0), -MINUTE])
def test_a_value_whose_lifetime_is_over_already_is_not_there(store, lifetime) -> None:
    with store() as ephemeral:
        ephemeral.put("interaction", "a", VALUE, MINUTE)
        ephemeral.put("interaction", "a", VALUE, lifetime)
        assert ephemeral.get("interaction", "a") is None


def test_a_value_is_consumed_once(store) -> None:
    with store() as ephemeral:
        ephemeral.put("code", "a", VALUE, MINUTE)
        assert ephemeral.consume("code", "a") == VALUE
        assert ephemeral.consume("code", "a") is None
        assert ephemeral.get("code", "a") is None


def test_of_several_consumers_at_once_exactly_one_gets_the_value(store) -> None:
    with store() as ephemeral:
        ephemeral.put("code", "a", VALUE, MINUTE)

    def take(_number: int) -> bool:
        with store() as ephemeral:
            return ephemeral.consume("code", "a") == VALUE

    assert sorted(race(take)) == [False] * (THREADS - 1) + [True]


def test_a_key_is_claimed_once_in_its_lifetime_and_again_after(store, let_pass, clock) -> None:
    with store() as ephemeral:
        assert ephemeral.claim("jti", "a", SHORT)
        assert not ephemeral.claim("jti", "a", MINUTE)
        assert ephemeral.claim("jti", "b", MINUTE)
        assert not ephemeral.claim("jti", "b", MINUTE, issued_at=clock.now)
    let_pass(SHORT)
    with store() as ephemeral:
        assert ephemeral.claim("jti", "a", MINUTE)


def test_of_several_claims_at_once_exactly_one_succeeds(store, clock) -> None:
    def claim(_number: int) -> bool:
        with store() as ephemeral:
            return ephemeral.claim("jti", "a", MINUTE, issued_at=clock.now)

    assert sorted(race(claim)) == [False] * (THREADS - 1) + [True]


def test_every_increment_counts_and_the_first_starts_the_lifetime(store, let_pass) -> None:
    with store() as ephemeral:
        assert ephemeral.count("failures", "a") == 0
        assert ephemeral.increment("failures", "a", SHORT) == 1
        assert ephemeral.increment("failures", "a", MINUTE) == 2
        assert ephemeral.count("failures", "a") == 2
    let_pass(SHORT)
    with store() as ephemeral:
        assert ephemeral.count("failures", "a") == 0
        assert ephemeral.increment("failures", "a", MINUTE) == 1


def test_increments_at_once_all_count(store) -> None:
    def count(_number: int) -> int:
        with store() as ephemeral:
            return ephemeral.increment("failures", "a", MINUTE)

    assert sorted(race(count)) == list(range(1, THREADS + 1))


def test_several_counters_are_read_in_one_look(store) -> None:
    with store() as ephemeral:
        ephemeral.increment("failures", "a", MINUTE)
        for _ in range(3):
            ephemeral.increment("failures", "b", MINUTE)
        ephemeral.increment("other", "c", MINUTE)
        assert ephemeral.counts("failures", ["a", "b", "c"]) == {"a": 1, "b": 3}


def test_what_is_forgotten_is_gone(store) -> None:
    with store() as ephemeral:
        ephemeral.put("value", "a", VALUE, MINUTE)
        ephemeral.claim("jti", "a", MINUTE)
        ephemeral.increment("failures", "a", MINUTE)
        for kind in ("value", "jti", "failures", "never"):
            ephemeral.forget(kind, "a")
        assert ephemeral.get("value", "a") is None
        assert ephemeral.claim("jti", "a", MINUTE)
        assert ephemeral.count("failures", "a") == 0


def test_what_was_done_in_work_that_failed_is_undone_in_the_database(store, ephemeral_store) -> None:
    with pytest.raises(RuntimeError), store() as ephemeral:
        ephemeral.claim("jti", "a", MINUTE)
        raise RuntimeError
    with store() as ephemeral:
        assert ephemeral.claim("jti", "a", MINUTE) == (ephemeral_store == "sql")


KINDS, KEYS = st.sampled_from(["k", "l"]), st.sampled_from(["a", "b"])


class DictionaryWithClock(RuleBasedStateMachine):
    """The store beside a model of it. ``store``, ``clock`` and ``is_clock_ours`` are set by the test."""

    store: ClassVar[Any]
    clock: ClassVar[Any]
    is_clock_ours: ClassVar[bool]

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[tuple[str, str], tuple[Any, ...]] = {}
        self.claims: dict[tuple[str, str], tuple[Any, ...]] = {}
        with self.store() as ephemeral:
            for kind, key in itertools.product(("k", "l", "kc", "lc"), ("a", "b")):
                ephemeral.forget(kind, key)

    def alive(self, entries: dict[tuple[str, str], tuple[Any, ...]], place: tuple[str, str]) -> bool:
        return place in entries and entries[place][-1] > self.clock.now

    def expected(self, place: tuple[str, str]) -> Any:
        return self.values[place][0] if self.alive(self.values, place) else None

    @rule(kind=KINDS, key=KEYS, number=st.integers(0, 9), seconds=st.integers(1, 100))
    def put(self, kind, key, number, seconds) -> None:
        lifetime = timedelta(seconds=seconds)
        with self.store() as ephemeral:
            ephemeral.put(kind, key, {"n": number}, lifetime)
        self.values[kind, key] = ({"n": number}, self.clock.now + lifetime)

    @rule(kind=KINDS, key=KEYS)
    def get(self, kind, key) -> None:
        with self.store() as ephemeral:
            assert ephemeral.get(kind, key) == self.expected((kind, key))

    @rule(kind=KINDS, key=KEYS)
    def consume(self, kind, key) -> None:
        with self.store() as ephemeral:
            assert ephemeral.consume(kind, key) == self.expected((kind, key))
        self.values.pop((kind, key), None)

    @rule(kind=KINDS, key=KEYS, seconds=st.integers(1, 100))
    def claim(self, kind, key, seconds) -> None:
        is_taken = self.alive(self.claims, (kind, key))
        with self.store() as ephemeral:
            assert ephemeral.claim(kind + "c", key, timedelta(seconds=seconds)) == (not is_taken)
        if not is_taken:
            self.claims[kind, key] = (self.clock.now + timedelta(seconds=seconds),)

    @precondition(lambda self: self.is_clock_ours)
    @rule(seconds=st.integers(1, 60))
    def time_passes(self, seconds) -> None:
        self.clock.advance(seconds)


def test_any_sequence_of_uses_behaves_like_a_dictionary_with_a_clock(store, clock, ephemeral_store) -> None:
    bound = {"store": staticmethod(store), "clock": clock, "is_clock_ours": ephemeral_store == "sql"}
    machine = type("Machine", (DictionaryWithClock,), bound)
    quiet = settings(max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=quiet)
