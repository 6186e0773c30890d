"""Looking host names up, which knows no time-out of its own: each in a thread, left behind when it takes too long.

So many at a time, and half as many for one name: a name server that never answers must leave neither a thread behind
for every call nor no place for other names.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence

import httpcore

from idp.places import NoPlace, Places

Resolve = Callable[[str, int], Sequence[str]]


class TooManyLookUps(Exception):
    """As many names as may be are being looked up already, or this one as often as it may be."""


class NameLookUps:
    """At most ``most`` look-ups at a time, half of them of one name, those left behind included. Thread-safe."""

    def __init__(self, most: int, resolve: Resolve | None = None) -> None:
        self._resolve = resolve or _look_up
        self._places = Places(most, most // 2)

    def find(self, host: str, port: int, seconds: float) -> Sequence[str]:
        """The addresses of a host. Raises TooManyLookUps, or ConnectTimeout or ConnectError of httpcore."""
        holder = host.lower().rstrip(".")
        try:
            self._places.take(holder)
        except NoPlace as error:
            raise TooManyLookUps from error
        outcome: list[Sequence[str] | Exception] = []

        def run() -> None:
            try:
                outcome.append(self._resolve(host, port))
            except (OSError, UnicodeError) as error:
                outcome.append(error)
            finally:
                self._places.give_back(holder)

        thread = threading.Thread(target=run, name="outbound-dns", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            self._places.give_back(holder)
            raise
        thread.join(seconds)
        if not outcome:
            raise httpcore.ConnectTimeout("name resolution took too long")
        if isinstance(outcome[0], Exception):
            raise httpcore.ConnectError("the name has no address") from outcome[0]
        return outcome[0]


def _look_up(host: str, port: int) -> Sequence[str]:
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
