"""A few places for what may take long, so that slow others never hold every thread, nor one of them every place."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator


class NoPlace(Exception):
    """All places are taken, or whoever asks has its share already."""


class Places:
    """``count`` places, at most ``share`` of them for each holder. Nobody waits for one. Thread-safe."""

    def __init__(self, count: int, share: int) -> None:
        self._count, self._share = count, share
        self._holders: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, holder: str) -> None:
        """Raises NoPlace. Whoever took one gives it back, perhaps from another thread."""
        with self._lock:
            if self._holders[holder] >= self._share or self._holders.total() >= self._count:
                raise NoPlace
            self._holders[holder] += 1

    def give_back(self, holder: str) -> None:
        with self._lock:
            self._holders[holder] -= 1
            self._holders = +self._holders  # forget who holds none

    @contextlib.contextmanager
    def taken_by(self, holder: str) -> Iterator[None]:
        """Raises NoPlace."""
        self.take(holder)
        try:
            yield
        finally:
            self.give_back(holder)
