"""Throttling of wrong passwords: waits that grow with failures, are capped, and never shut a person out for good.

Only failures count, so right passwords are never slowed down. What is counted:

- a person tried from one address: the ladder of waits;
- a person tried from anywhere: begins to matter after many failures, against guessing from many addresses. The first
  try from an address is free of it, or whoever goes on failing elsewhere would keep the person out;
- an address, whomever it tries: begins to matter late, since many people share one address;
- a browser in which this person has signed in before: a count of its own and nothing else, so that a stranger's
  failures never reach it.

A person is the account's id, whatever spelling was typed; where there is no account it is the identifier itself, which
is counted and answered alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

from idp.context import Context
from idp.crypto.random import hash_secret
from idp.domain.network import network_of
from idp.storage.ephemeral import Ephemeral, SqlEphemeral
from idp.storage.ephemeral_redis import EphemeralUnavailable

KIND = "login_failures"
NO_WAIT = timedelta(0)
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Ladder:
    """Waits in seconds by number of failures: (up to this many, this long); beyond the last rung its wait stays."""

    rungs: tuple[tuple[int, int], ...]
    memory: timedelta

    def wait(self, failures: int) -> timedelta:
        for most, seconds in self.rungs:
            if failures <= most:
                return timedelta(seconds=seconds)
        return timedelta(seconds=self.rungs[-1][1])


MEMORY, _HOUR = timedelta(hours=24), timedelta(hours=1)
PAIR = Ladder(((1, 0), (2, 1), (8, 3), (24, 5), (25, 10)), MEMORY)  # the first slip costs nothing
PERSON = Ladder(((29, 0), (99, 3), (100, 10)), MEMORY)
ADDRESS = Ladder(((59, 0), (199, 1), (599, 3), (600, 10)), _HOUR)


class TooManyFailures(Exception):
    """Try again after ``wait``; nothing was checked."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"wait {wait}")
        self.wait = wait

    @property
    def seconds(self) -> int:
        return max(1, int(self.wait.total_seconds()))


class Throttle:
    """The counters of one attempt. ``device``: the id of a browser in which this person signed in before, or None."""

    def __init__(self, context: Context, *, person: str, address: str, device: str | None) -> None:
        self._context = context
        self._seen: dict[str, int] = {}
        self._counters = _counters(person, network_of(address), device)
        self._pair = next(iter(self._counters))

    def check_wait(self) -> None:
        """One look at all counters; raises TooManyFailures while a wait runs."""
        keys = [*self._counters, *map(_waiting, self._counters)]
        self._seen = self._do(lambda store: store.counts(KIND, keys))
        is_first_try_here = self._pair not in self._seen
        waits = [
            ladder.wait(self._seen.get(key, 1))
            for key, ladder in self._counters.items()
            if _waiting(key) in self._seen and not (ladder is PERSON and is_first_try_here)
        ]
        if waits:
            raise TooManyFailures(max(waits))

    def record_failure(self) -> None:
        """Count a wrong password, atomically, and let the waits begin."""
        self._do(self._count)

    def record_success(self) -> None:
        """A right password clears what stood against this person here; the address keeps its count."""
        cleared = [key for key, ladder in self._counters.items() if ladder is not ADDRESS and key in self._seen]
        for key in cleared:
            self._do(partial(_forget, key=key))

    def _count(self, store: Ephemeral) -> None:
        for key, ladder in self._counters.items():
            wait = ladder.wait(store.increment(KIND, key, ladder.memory))
            if wait > NO_WAIT:
                store.forget(KIND, _waiting(key))
                store.claim(KIND, _waiting(key), wait)

    def _do(self, work: Callable[[Ephemeral], _Result]) -> _Result:
        """In the ephemeral store; while Redis is away in the database, so that its loss opens nothing."""
        try:
            return work(self._context.ephemeral)
        except EphemeralUnavailable:
            return work(SqlEphemeral(self._context.db, self._context.vault, self._context.now))


def _counters(person: str, network: str, device: str | None) -> dict[str, Ladder]:
    if device is not None:
        return {_key("device", device, person): PAIR}
    return {_key("pair", network, person): PAIR, _key("person", person): PERSON, _key("address", network): ADDRESS}


def _forget(store: Ephemeral, key: str) -> None:
    store.forget(KIND, key)


def _key(*parts: str) -> str:
    return hash_secret("\n".join(parts))


def _waiting(key: str) -> str:
    return f"wait/{key}"
