from __future__ import annotations

import pytest

from idp.storage import registrations
from tests.idp.storage.conftest import DAY
from tests.race import THREADS, race

STATE = {"phone": "13800000001", "step": "phone"}


@pytest.fixture
def begun(provider):
    with provider.work() as context:
        return registrations.add(context.db, context.vault, STATE, context.now, context.now + DAY)


def test_a_registration_is_taken_up_again_by_its_secret_until_it_expires(work, begun, clock) -> None:
    registration, token = begun
    with work() as context:
        assert registrations.find(context.db, context.vault, token, clock.now) == registration
        assert registration.state == STATE
        assert registrations.find(context.db, context.vault, "wrong", clock.now) is None
        assert registrations.find(context.db, context.vault, token, clock.now + DAY) is None


def test_of_several_steps_at_once_exactly_one_is_stored(provider, begun) -> None:
    registration, token = begun

    def step(number: int) -> bool:
        with provider.work() as context:
            return registrations.save(context.db, context.vault, registration, {"step": number})

    stored = race(step)
    assert sorted(stored) == [False] * (THREADS - 1) + [True]
    with provider.work() as context:
        found = registrations.find(context.db, context.vault, token, context.now)
    assert (found.state, found.version) == ({"step": stored.index(True)}, 2)


def test_of_several_completions_at_once_exactly_one_gets_the_account(provider, begun) -> None:
    registration, token = begun

    def complete(number: int) -> bool:
        with provider.work() as context:
            return registrations.complete(context.db, context.vault, registration, f"account-{number}", {"done": True})

    won = race(complete)
    assert sorted(won) == [False] * (THREADS - 1) + [True]
    with provider.work() as context:
        found = registrations.find(context.db, context.vault, token, context.now)
    assert (found.account_id, found.state) == (f"account-{won.index(True)}", {"done": True})


def test_a_completed_registration_takes_no_further_step(work, begun) -> None:
    registration, token = begun
    with work() as context:
        registrations.complete(context.db, context.vault, registration, "account", {})
        completed = registrations.find(context.db, context.vault, token, context.now)
        assert not registrations.save(context.db, context.vault, completed, {"step": "again"})
        assert not registrations.complete(context.db, context.vault, completed, "another", {})
