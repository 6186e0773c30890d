"""The dispatcher: takes deliveries from the durable outbox to their recipients until each ends in a receipt or a
visible dead letter.

Several processes may run one: a delivery is leased by one of them at a time and handed over outside any transaction. A
process that dies loses its lease, never the delivery, so a recipient may hear the same thing twice.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from idp.context import Provider
from idp.loop import Loop
from idp.storage import outbox
from idp.storage.outbox import Delivery

_log = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)  # longer than one call may take
AT_ONCE = 8  # so that a slow recipient does not hold the others up
POLL = timedelta(seconds=1)  # other processes' deliveries are seen after that at the latest
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=5)


class DeliveryFailed(Exception):
    """The recipient did not take the delivery. ``is_final``: it never will, so it is a dead letter at once. The text
    is kept for operators (255 characters) and holds no secret."""

    def __init__(self, text: str, is_final: bool = False) -> None:
        super().__init__(text)
        self.is_final = is_final


Handler = Callable[[Provider, Delivery], None]
"""Hands one delivery over, in at most a few seconds; raises DeliveryFailed."""


def pause_after(attempts: int) -> timedelta:
    """How long to wait after that many attempts: doubling from a second, at most five minutes."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(attempts - 1, 16)))


class Dispatcher:
    """Delivers the outbox of one provider. ``handlers`` by kind of delivery."""

    def __init__(self, provider: Provider, handlers: Mapping[str, Handler]) -> None:
        self._provider, self._handlers = provider, handlers
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._loop = Loop("outbox", self._step)

    def start(self) -> None:
        self._loop.start()

    def wake(self) -> None:
        """Look now: something was committed. Costs the caller nothing and never fails."""
        self._loop.wake()

    def stop(self) -> None:
        """Take no more, and let what is under way end; a delivery that does not is made again by another process."""
        self._loop.stop()
        ends = time.monotonic() + LEASE.total_seconds()
        places = [self._places.acquire(timeout=max(0.0, ends - time.monotonic())) for _ in range(AT_ONCE)]
        if any(places):
            self._places.release(sum(places))

    def deliver_due(self) -> int:
        """Deliver what is due now, one after the other, in the caller's thread; how many attempts that were."""
        count = 0
        while leased := self._lease(AT_ONCE):
            for delivery in leased:
                self._deliver(delivery)
            count += len(leased)
        return count

    def _step(self) -> timedelta:
        if not self._places.acquire(blocking=False):
            return POLL  # all hands are busy; the first that is free wakes us
        leased = []
        try:
            if self._is_due():
                leased = self._lease(1)
        finally:
            if not leased:
                self._places.release()
        for delivery in leased:
            threading.Thread(target=self._deliver_apart, args=(delivery,), name="outbox-delivery", daemon=True).start()
        return timedelta(0) if leased else POLL

    def _is_due(self) -> bool:
        """A look without a write lock, which is all that happens while nothing waits."""
        with self._provider.open_db() as db:
            db.begin_alone()
            due_at = outbox.next_due(db)
        return due_at is not None and due_at <= self._provider.clock()

    def _lease(self, limit: int) -> list[Delivery]:
        now = self._provider.clock()
        with self._provider.open_db() as db:
            leased = outbox.lease_due(db, now, now + LEASE, limit)
            db.commit()
        return leased

    def _deliver_apart(self, delivery: Delivery) -> None:
        try:
            self._deliver(delivery)
        except Exception:  # such as a database that went away: the lease ends and the delivery is made again
            _log.exception("delivery %s could not be settled", delivery.id)
        finally:
            self._places.release()
            self._loop.wake()

    def _deliver(self, delivery: Delivery) -> None:
        failure: DeliveryFailed | None = None
        try:
            self._handler(delivery)(self._provider, delivery)
        except DeliveryFailed as error:
            failure = error
        except Exception as error:  # a defect of ours: kept in sight, tried again, dead in the end
            _log.exception("delivery %s of kind %s broke its handler", delivery.id, delivery.kind)
            failure = DeliveryFailed(f"internal error: {type(error).__name__}")
        self._settle(delivery, failure)

    def _handler(self, delivery: Delivery) -> Handler:
        handler = self._handlers.get(delivery.kind)
        if handler is None:
            raise DeliveryFailed(f"nothing here delivers {delivery.kind}", is_final=True)
        return handler

    def _settle(self, delivery: Delivery, failure: DeliveryFailed | None) -> None:
        now = self._provider.clock()
        with self._provider.open_db() as db:
            if failure is None:
                outbox.mark_delivered(db, delivery, now)
            else:
                is_last = failure.is_final or now >= delivery.expires_at
                again_at = None if is_last else now + pause_after(delivery.attempts)
                outbox.mark_failed(db, delivery, str(failure), again_at, now)
                _note(delivery, failure, is_last)
            db.commit()


def _note(delivery: Delivery, failure: DeliveryFailed, is_last: bool) -> None:
    level = logging.ERROR if is_last else logging.WARNING
    state = "is a dead letter" if is_last else "will be tried again"
    _log.log(level, "delivery %s (%s to %s) %s: %s", delivery.id, delivery.kind, delivery.recipient, state, failure)
