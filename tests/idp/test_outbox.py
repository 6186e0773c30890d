"""The dispatcher: every delivery ends in a receipt or a visible dead letter, whatever breaks on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from idp import outbox_admin
from idp.outbox import AT_ONCE, LEASE, LONGEST_PAUSE, DeliveryFailed, Dispatcher, pause_after
from idp.outbox_admin import Which
from idp.storage import outbox
from idp.storage.outbox import LIFETIME
from idp.web.context import current

pytestmark = pytest.mark.usefixtures("both_engines")


class Recipient:
    """Takes deliveries, or fails as the test says."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.failure: Exception | None = None
        self.arrived = threading.Event()

    def __call__(self, _provider: Any, delivery: Any) -> None:
        self.arrived.set()
        if self.failure:
            raise self.failure
        self.taken.append(delivery.recipient)


@pytest.fixture
def recipient() -> Recipient:
    return Recipient()


@pytest.fixture
def dispatcher(provider, recipient):
    made = Dispatcher(provider, {"note": recipient})
    yield made
    made.stop()


@pytest.fixture
def send(provider) -> Callable[..., str]:
    def send_one(recipient: str = "shop", kind: str = "note") -> str:
        with provider.work() as context:
            return outbox.add(context.db, kind=kind, batch="b", recipient=recipient, payload={}, now=context.now)

    return send_one


@pytest.fixture
def batch(provider):
    def look():
        with provider.work() as context:
            return outbox.list_batch(context.db, "b")

    return look


def await_that(condition: Callable[[], bool], seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.01)


# --- one round, without threads -------------------------------------------------------------------------------------


def test_what_is_due_is_delivered_once(dispatcher, recipient, send, batch) -> None:
    send("a")
    send("b")
    assert dispatcher.deliver_due() == 2
    assert dispatcher.deliver_due() == 0
    assert sorted(recipient.taken) == ["a", "b"]
    assert [delivery.status for delivery in batch()] == ["delivered", "delivered"]


def test_a_failed_delivery_is_tried_again_after_doubling_pauses(dispatcher, recipient, send, batch, clock) -> None:
    send()
    recipient.failure = DeliveryFailed("answered 503")
    for seconds in (1, 2, 4, 8):
        assert dispatcher.deliver_due() == 1
        assert dispatcher.deliver_due() == 0
        clock.advance(seconds - 0.001)
        assert dispatcher.deliver_due() == 0
        clock.advance(0.001)
    (waiting,) = batch()
    assert (waiting.status, waiting.attempts, waiting.last_error) == ("pending", 4, "answered 503")
    recipient.failure = None
    assert dispatcher.deliver_due() == 1
    assert [(found.status, found.last_error) for found in batch()] == [("delivered", None)]


def test_pauses_grow_to_five_minutes_and_no_further() -> None:
    assert [pause_after(attempts).total_seconds() for attempts in (1, 2, 3, 9)] == [1, 2, 4, 256]
    assert pause_after(10) == pause_after(10_000) == LONGEST_PAUSE == timedelta(minutes=5)


def test_what_fails_for_a_day_is_a_dead_letter(dispatcher, recipient, send, batch, clock, work) -> None:
    send()
    recipient.failure = DeliveryFailed("no answer in time")
    ends = clock.now + LIFETIME
    attempts = 0
    while batch()[0].status == "pending":
        assert dispatcher.deliver_due() == 1
        attempts += 1
        clock.set(max(clock.now, batch()[0].next_attempt_at))
    assert ends <= clock.now <= ends + LONGEST_PAUSE
    assert attempts > 200
    with work() as context:
        (letter,) = outbox_admin.list_deliveries(context)
        assert (letter.recipient, letter.last_error) == ("shop", "no answer in time")
        assert outbox_admin.list_deliveries(context, Which.WAITING) == []


def test_a_final_failure_is_a_dead_letter_at_once(dispatcher, recipient, send, batch) -> None:
    send()
    recipient.failure = DeliveryFailed("the client is gone", is_final=True)
    assert dispatcher.deliver_due() == 1
    assert [delivery.status for delivery in batch()] == ["failed"]


def test_a_kind_nobody_delivers_is_a_dead_letter_that_says_so(dispatcher, send, batch) -> None:
    send(kind="pigeon")
    dispatcher.deliver_due()
    assert [(found.status, found.last_error) for found in batch()] == [("failed", "nothing here delivers pigeon")]


def test_a_defect_in_a_handler_is_kept_in_sight_and_tried_again(dispatcher, recipient, send, batch, caplog) -> None:
    send()
    recipient.failure = ZeroDivisionError("secret detail")
    dispatcher.deliver_due()
    (waiting,) = batch()
    assert (waiting.status, waiting.last_error) == ("pending", "internal error: ZeroDivisionError")
    assert "broke its handler" in caplog.text


def test_an_operator_gives_dead_letters_another_life(dispatcher, recipient, send, batch, work) -> None:
    first, _, _ = send(), send(), send()
    recipient.failure = DeliveryFailed("gone", is_final=True)
    dispatcher.deliver_due()
    recipient.failure = None
    with work() as context:
        assert outbox_admin.retry(context, first)
        assert not outbox_admin.retry(context, first)
        assert not outbox_admin.retry(context, "no-such")
        assert outbox_admin.retry_all(context) == 2
        assert len(outbox_admin.list_deliveries(context, Which.WAITING)) == 3
    assert dispatcher.deliver_due() == 3
    assert {delivery.status for delivery in batch()} == {"delivered"}


def test_a_worker_that_dies_loses_its_lease_and_not_the_delivery(dispatcher, recipient, send, clock, work) -> None:
    send()
    with work() as context:
        outbox.lease_due(context.db, context.now, context.now + LEASE)  # and then nothing: the process was killed
    assert dispatcher.deliver_due() == 0
    clock.advance(LEASE)
    assert dispatcher.deliver_due() == 1
    assert recipient.taken == ["shop"]


# --- threads --------------------------------------------------------------------------------------------------------


def test_a_woken_dispatcher_delivers_at_once(dispatcher, recipient, send, batch, monkeypatch) -> None:
    monkeypatch.setattr("idp.outbox.POLL", timedelta(minutes=2))
    dispatcher.start()
    send()
    dispatcher.wake()
    assert recipient.arrived.wait(60)
    await_that(lambda: batch()[0].status == "delivered")


def test_what_another_process_added_is_found_without_being_woken(dispatcher, recipient, send) -> None:
    dispatcher.start()
    send()
    assert recipient.arrived.wait(60)


def test_a_slow_recipient_does_not_hold_the_others_up(provider, send) -> None:
    released, quick = threading.Event(), threading.Event()

    def hand_over(_provider, delivery) -> None:
        if delivery.recipient == "slow":
            released.wait(60)
        else:
            quick.set()

    dispatcher = Dispatcher(provider, {"note": hand_over})
    for recipient in (*["slow"] * (AT_ONCE - 1), "quick"):
        send(recipient)
    dispatcher.start()
    assert quick.wait(30)
    released.set()
    dispatcher.stop()


def test_no_more_than_so_many_are_under_way_at_once(provider, send, batch) -> None:
    lock, counts = threading.Lock(), {"now": 0, "most": 0}
    full = threading.Event()

    def hand_over(_provider, _delivery) -> None:
        with lock:
            counts["now"] += 1
            counts["most"] = max(counts["most"], counts["now"])
            if counts["now"] == AT_ONCE:
                full.set()
        full.wait(30)
        with lock:
            counts["now"] -= 1

    for number in range(3 * AT_ONCE):
        send(f"r{number}")
    dispatcher = Dispatcher(provider, {"note": hand_over})
    dispatcher.start()
    await_that(lambda: all(delivery.status == "delivered" for delivery in batch()))
    dispatcher.stop()
    assert counts["most"] == AT_ONCE


def test_two_processes_deliver_each_thing_once(provider, recipient, send, batch) -> None:
    for number in range(20):
        send(f"r{number}")
    pair = [Dispatcher(provider, {"note": recipient}) for _ in range(2)]
    for dispatcher in pair:
        dispatcher.start()
    await_that(lambda: all(delivery.status == "delivered" for delivery in batch()))
    for dispatcher in pair:
        dispatcher.stop()
    assert sorted(recipient.taken) == sorted(f"r{number}" for number in range(20))


def test_stopping_waits_for_what_is_under_way(provider, send, batch) -> None:
    began, release = threading.Event(), threading.Event()

    def hand_over(_provider, _delivery) -> None:
        began.set()
        release.wait(30)

    send()
    dispatcher = Dispatcher(provider, {"note": hand_over})
    dispatcher.start()
    assert began.wait(30)
    threading.Timer(0.2, release.set).start()
    dispatcher.stop()
    assert batch()[0].status == "delivered"
    began_again = time.monotonic()
    dispatcher.stop()
    assert time.monotonic() - began_again < 5, "stopping twice is no waiting"


def test_a_database_that_is_away_for_a_while_stops_nothing_for_good(
    provider, recipient, send, monkeypatch, caplog
) -> None:
    dispatcher = Dispatcher(provider, {"note": recipient})
    monkeypatch.setattr("idp.loop._AFTER_ERROR", timedelta(milliseconds=20))
    failures = iter([OSError("away"), OSError("away")])
    next_due = outbox.next_due

    def sometimes(db):
        failure = next(failures, None)
        if failure:
            raise failure
        return next_due(db)

    monkeypatch.setattr(outbox, "next_due", sometimes)
    send()
    dispatcher.start()
    assert recipient.arrived.wait(30)
    dispatcher.stop()
    assert caplog.text.count("failed and will try again") == 2


# --- the request that caused it -------------------------------------------------------------------------------------


class Woken:
    def __init__(self) -> None:
        self.count = 0

    def wake(self) -> None:
        self.count += 1


@pytest.mark.parametrize(("status", "wakes", "is_stored"), [(200, 1, True), (400, 1, True), (500, 0, False)])
def test_a_request_wakes_the_dispatcher_after_its_commit(app, http, provider, batch, status, wakes, is_stored) -> None:
    @app.get("/test/send")
    def cause() -> tuple[str, int]:
        context = current()
        outbox.add(context.db, kind="note", batch="b", recipient="r", payload={}, now=context.now)
        return "", status

    @app.get("/test/nothing")
    def nothing() -> str:
        current().db.commit()
        return ""

    woken = provider.parts["outbox"] = Woken()
    http.get("/test/send")
    http.get("/test/nothing")
    assert woken.count == wakes
    assert bool(batch()) == is_stored
