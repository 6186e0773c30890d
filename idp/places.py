"""A few places for what may take long, so that slow others never hold every thread, nor one of them every place."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class NoPlace(Exception):
    """All places are taken, or whoever asks has one already."""


class Places:
    """``count`` places, at most one for each holder. Nobody waits for one. Thread-safe."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._holders: set[str] = set()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def taken_by(self, holder: str) -> Iterator[None]:
        """Raises NoPlace."""
        with self._lock:
            if holder in self._holders or len(self._holders) >= self._count:
                raise NoPlace
            self._holders.add(holder)
        try:
            yield
        finally:
            with self._lock:
                self._holders.remove(holder)
