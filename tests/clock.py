"""A clock that stands still until a test moves it, for the provider and for whoever speaks to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta


class Clock:
    """Call it for the time. It begins at the present whole second and moves only by `advance` and `set`."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta | float) -> datetime:
        """Move on by a duration, or by seconds; returns the new time."""
        self.now += by if isinstance(by, timedelta) else timedelta(seconds=by)
        return self.now

    def set(self, moment: datetime) -> None:
        self.now = moment.astimezone(UTC)


_standing: list[Clock] = []


@contextmanager
def standing_still() -> Iterator[Clock]:
    """A clock that is the time for everybody who asks for the present inside the block."""
    clock = Clock()
    _standing.append(clock)
    yield clock
    _standing.remove(clock)


def present() -> datetime:
    """The time as the running test has it. By the system's, what a client dates would lie in the future of a provider
    whose clock stands still: a slow machine would be refused."""
    return _standing[-1]() if _standing else datetime.now(UTC)
