"""What goes on beside requests: delivering the outbox, keeping house, keeping this process's signing keys fresh.

A serving process does all of it, or only the keys where a process of its own (``tongxing worker``) does the rest.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta

from idp import openings
from idp.accounts import notices
from idp.context import Context, Provider
from idp.housekeeping import Housekeeper, Job, purges
from idp.outbox import Dispatcher, Handler
from idp.protocol import backchannel_logout, keys, logout, session_end

HANDLERS: Mapping[str, Handler] = {
    logout.BACKCHANNEL_LOGOUT: backchannel_logout.deliver,
    logout.UPSTREAM_SESSION_END: session_end.deliver_session_end,
    notices.KIND: notices.deliver,
}
KEYS_FRESH_FOR = timedelta(seconds=5)


class Worker:
    """The threads of one process. ``is_whole``: outbox and housekeeping too, not the keys alone."""

    def __init__(self, provider: Provider, *, is_whole: bool, handlers: Mapping[str, Handler] = HANDLERS) -> None:
        self._provider = provider
        self._keys = Housekeeper(provider, key_jobs())
        self._house = Housekeeper(provider, purges(provider.settings)) if is_whole else None
        self._dispatcher = Dispatcher(provider, handlers) if is_whole else None

    def start(self) -> None:
        """Load the keys (made where there are none yet), then start the threads."""
        with self._provider.work() as context:
            keys.ensure_keys(context)
        self._keys.start()
        if self._house and self._dispatcher:
            self._provider.parts["outbox"] = self._dispatcher
            self._house.start()
            self._dispatcher.start()

    def stop(self) -> None:
        """Let what is under way end, at most some seconds."""
        self._provider.parts.pop("outbox", None)
        for part in (self._dispatcher, self._house, self._keys):
            if part:
                part.stop()


def run_forever(provider: Provider) -> None:
    """``tongxing worker``: work until told to end (SIGTERM, SIGINT), then finish what is under way."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    openings.warn(provider)
    worker = Worker(provider, is_whole=True)
    worker.start()
    ended.wait()
    worker.stop()


def key_jobs() -> tuple[Job, ...]:
    return (
        Job("make keys", timedelta(hours=1), _once(keys.ensure_keys)),
        Job("reload keys", KEYS_FRESH_FOR, _once(keys.reload_keys)),
    )


def _once(work: Callable[[Context], None]) -> Callable[[Context], bool]:
    def run(context: Context) -> bool:
        work(context)
        return False

    return run
