"""Looking host names up, which knows no time-out of its own: each in a thread, left behind when it takes too long.

So many at a time: a name server that never answers must not leave a thread behind for every call.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence

import httpcore

Resolve = Callable[[str, int], Sequence[str]]


class TooManyLookUps(Exception):
    """As many names as may be are being looked up already."""


class NameLookUps:
    """At most ``most`` look-ups at a time, those left behind included. Thread-safe."""

    def __init__(self, most: int, resolve: Resolve | None = None) -> None:
        self._resolve = resolve or _look_up
        self._places = threading.BoundedSemaphore(most)

    def find(self, host: str, port: int, seconds: float) -> Sequence[str]:
        """The addresses of a host. Raises TooManyLookUps, or ConnectTimeout or ConnectError of httpcore."""
        if not self._places.acquire(blocking=False):
            raise TooManyLookUps
        outcome: list[Sequence[str] | Exception] = []

        def run() -> None:
            try:
                outcome.append(self._resolve(host, port))
            except (OSError, UnicodeError) as error:
                outcome.append(error)
            finally:
                self._places.release()

        thread = threading.Thread(target=run, name="outbound-dns", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            self._places.release()
            raise
        thread.join(seconds)
        if not outcome:
            raise httpcore.ConnectTimeout("name resolution took too long")
        if isinstance(outcome[0], Exception):
            raise httpcore.ConnectError("the name has no address") from outcome[0]
        return outcome[0]


def _look_up(host: str, port: int) -> Sequence[str]:
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
