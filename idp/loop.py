"""A thread that does one thing again and again: wakes by itself or when told to, and ends when asked."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

_log = logging.getLogger(__name__)
_AFTER_ERROR = timedelta(seconds=5)


class Loop:
    """Calls ``step`` until stopped; what it returns is how long to sleep unless woken. An error is logged and the
    step tried again a little later: a database that is away for a while stops nothing for good."""

    def __init__(self, name: str, step: Callable[[], timedelta]) -> None:
        self._step = step
        self._woken = threading.Event()
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Let the next step begin now; safe from any thread, before the start and after the end too."""
        self._woken.set()

    def stop(self, timeout: timedelta = timedelta(seconds=10)) -> None:
        """End after the step under way."""
        self._is_stopping.set()
        self.wake()
        if self._thread.is_alive():
            self._thread.join(timeout.total_seconds())

    def _run(self) -> None:
        while not self._is_stopping.is_set():
            self._woken.clear()  # before the step: a wake during it is not lost
            self._woken.wait(self._rest().total_seconds())

    def _rest(self) -> timedelta:
        try:
            return self._step()
        except Exception:
            _log.exception("%s failed and will try again", self._thread.name)
            return _AFTER_ERROR
