from __future__ import annotations

from datetime import timedelta

import pytest

from idp.storage import outbox
from tests.race import race

LEASE = timedelta(seconds=30)
PAYLOAD = {"sid": "s", "sub": "用户"}


@pytest.fixture
def send(provider):
    def send_one(recipient="shop", batch="b", kind="k"):
        with provider.work() as context:
            return outbox.add(context.db, kind=kind, batch=batch, recipient=recipient, payload=PAYLOAD, now=context.now)

    return send_one


def lease(context, limit=20):
    return outbox.lease_due(context.db, context.now, context.now + LEASE, limit)


def test_a_delivery_that_was_undone_with_its_cause_never_was(provider) -> None:
    with pytest.raises(RuntimeError), provider.work() as context:
        outbox.add(context.db, kind="k", batch="b", recipient="r", payload={}, now=context.now)
        assert outbox.has_added(context.db)
        raise RuntimeError
    with provider.work() as context:
        assert outbox.list_batch(context.db, "b") == []
        assert not outbox.has_added(context.db)


def test_a_leased_delivery_is_leased_to_nobody_else_before_the_lease_ends(work, send, clock) -> None:
    delivery_id = send()
    with work() as context:
        (delivery,) = lease(context)
        assert (delivery.id, delivery.payload, delivery.attempts, delivery.status) == (
            delivery_id,
            PAYLOAD,
            1,
            "pending",
        )
        assert lease(context) == []
        assert outbox.next_due(context.db) == clock.now + LEASE
    clock.advance(LEASE)
    with work() as context:
        assert [(again.id, again.attempts) for again in lease(context)] == [(delivery_id, 2)]


def test_of_several_workers_each_delivery_goes_to_exactly_one(provider, send) -> None:
    sent = {send(recipient=f"r{number}") for number in range(24)}

    def work_on(_number: int) -> list[str]:
        mine = []
        with provider.work() as context:
            mine += [delivery.id for delivery in lease(context, limit=3)]
        with provider.work() as context:
            mine += [delivery.id for delivery in lease(context, limit=3)]
        return mine

    leased = [delivery_id for mine in race(work_on) for delivery_id in mine]
    assert len(leased) == len(set(leased))
    assert set(leased) <= sent
    with provider.work() as context:
        rest = [delivery.id for delivery in lease(context, limit=24)]
    assert set(leased) | set(rest) == sent


def test_a_lease_takes_no_more_than_asked_for_and_those_due_longest_first(work, send, clock) -> None:
    first = send()
    clock.advance(1)
    later = {send() for _ in range(5)}
    with work() as context:
        leased = [delivery.id for delivery in lease(context, limit=3)]
    assert leased[0] == first
    assert len(leased) == 3
    assert set(leased[1:]) < later


def test_a_receipt_ends_a_delivery_for_good(work, send, clock) -> None:
    send()
    with work() as context:
        (delivery,) = lease(context)
        assert outbox.mark_delivered(context.db, delivery, context.now)
        assert not outbox.mark_delivered(context.db, delivery, context.now)
        assert not outbox.mark_failed(context.db, delivery, "late", None, context.now)
        assert outbox.next_due(context.db) is None
        (found,) = outbox.list_batch(context.db, "b")
        assert (found.status, found.delivered_at) == ("delivered", clock.now)


def test_a_failed_attempt_waits_for_its_next(work, send, clock) -> None:
    send()
    with work() as context:
        (delivery,) = lease(context)
        assert outbox.mark_failed(context.db, delivery, "x" * 1000, clock.now + timedelta(seconds=2), clock.now)
        assert lease(context) == []
        (waiting,) = outbox.list_waiting(context.db)
        assert (waiting.status, waiting.last_error, waiting.attempts) == ("pending", "x" * 255, 1)
    clock.advance(2)
    with work() as context:
        assert len(lease(context)) == 1


def test_a_worker_whose_lease_ran_out_does_not_overrule_the_next_one(work, send, clock) -> None:
    send()
    with work() as context:
        (slow,) = lease(context)
    clock.advance(LEASE)
    with work() as context:
        (current,) = lease(context)
        assert not outbox.mark_failed(context.db, slow, "too late", None, clock.now)
        assert outbox.mark_failed(context.db, current, "no", clock.now + LEASE, clock.now)
        assert outbox.mark_delivered(context.db, slow, clock.now), "a receipt is a receipt, whoever brings it"


def test_a_dead_letter_is_seen_and_can_be_given_another_life(work, send, clock) -> None:
    delivery_id, other = send(), send()
    with work() as context:
        for delivery in lease(context):
            outbox.mark_failed(context.db, delivery, "gone", None, context.now)
        assert {letter.id for letter in outbox.list_dead(context.db)} == {delivery_id, other}
        assert lease(context) == []
    clock.advance(timedelta(days=3))
    with work() as context:
        assert outbox.revive(context.db, delivery_id, context.now)
        assert outbox.has_added(context.db)
        assert not outbox.revive(context.db, delivery_id, context.now)
        (again,) = lease(context)
        assert (again.id, again.attempts, again.expires_at) == (delivery_id, 1, clock.now + outbox.LIFETIME)
        assert outbox.revive_all(context.db, context.now) == 1


def test_a_batch_is_what_one_cause_sent(work, send) -> None:
    for recipient, batch in (("b", "one"), ("a", "one"), ("c", "two")):
        send(recipient=recipient, batch=batch)
    with work() as context:
        assert [delivery.recipient for delivery in outbox.list_batch(context.db, "one")] == ["a", "b"]
