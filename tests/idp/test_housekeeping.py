"""Housekeeping: what is over is forgotten, what is not stays, and one job's failure is not another's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from idp.domain.grant import Grant
from idp.housekeeping import Housekeeper, Job, purges
from idp.storage import access_tokens, grants, outbox, purging, registrations, sessions, tables

pytestmark = pytest.mark.usefixtures("both_engines")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PURGED = ("ephemeral", "revoked_tokens", "registrations", "sessions", "outbox")


@pytest.fixture
def housekeeper(provider):
    return Housekeeper(provider, purges(provider.settings))


@pytest.fixture
def fill(provider, add_person):
    """One row of each kind that ends in a minute or so."""
    person = add_person(password=None)
    with provider.work() as context:
        soon = context.now + timedelta(minutes=1)
        context.ephemeral.put("k", "a", {}, timedelta(minutes=1))
        access_tokens.revoke(context.db, "jti", soon)
        registrations.add(context.db, context.vault, {}, context.now, soon)
        outbox.add(context.db, kind="k", batch="b", recipient="r", payload={}, now=context.now)
        (delivery,) = outbox.lease_due(context.db, context.now, soon)
        outbox.mark_delivered(context.db, delivery, context.now)
        sessions.add(
            context.db,
            context.vault,
            account_id=person.id,
            level=0,
            amr=(),
            source="local",
            is_choice_made=True,
            user_agent="",
            address="",
            now=context.now,
            expires_at=soon,
        )


def rows(provider) -> dict[str, int]:
    with provider.work() as context:
        return {
            name: context.db.execute(select(func.count()).select_from(tables.metadata.tables[name])).scalar_one()
            for name in PURGED
        }


def test_what_is_over_is_forgotten_in_its_time_and_nothing_before(provider, housekeeper, fill, clock) -> None:
    housekeeper.run_due()
    assert rows(provider) == dict.fromkeys(PURGED, 1)
    clock.advance(2 * HOUR)
    housekeeper.run_due()
    assert rows(provider) == dict.fromkeys(PURGED, 0) | {"outbox": 1}
    clock.advance(31 * DAY)
    housekeeper.run_due()
    assert rows(provider) == dict.fromkeys(PURGED, 0)


def test_a_job_runs_when_it_is_due_and_again_after_its_time(housekeeper, settings, clock) -> None:
    everything = [job.name for job in purges(settings)]
    assert housekeeper.run_due() == everything
    assert housekeeper.run_due() == []
    clock.advance(60)
    assert housekeeper.run_due() == ["ephemeral values", "levels"]
    clock.advance(HOUR)
    assert housekeeper.run_due() == everything


def test_a_long_job_works_in_batches_each_in_a_transaction_of_its_own(provider, clock, monkeypatch) -> None:
    monkeypatch.setattr(purging, "BATCH", 3)
    with provider.work() as context:
        for number in range(8):
            context.ephemeral.put("k", f"{number}", {}, timedelta(seconds=1))
    clock.advance(1)
    batches = []

    def purge(context) -> bool:
        batches.append(purging.purge_ephemeral(context.db, context.now, limit=3))
        return batches[-1] >= 3

    Housekeeper(provider, [Job("k", HOUR, purge)]).run_due()
    assert batches == [3, 3, 2]


def test_a_job_that_fails_keeps_no_other_from_its_turn_and_comes_again(provider, clock, caplog) -> None:
    ran = []

    def fail(_context) -> bool:
        ran.append("fails")
        raise OSError("no disk")

    def succeed(_context) -> bool:
        ran.append("works")
        return False

    housekeeper = Housekeeper(provider, [Job("fails", HOUR, fail), Job("works", HOUR, succeed)])
    housekeeper.run_due()
    assert "housekeeping job fails failed" in caplog.text
    clock.advance(HOUR)
    housekeeper.run_due()
    assert ran == ["fails", "works"] * 2


def test_a_job_that_never_ends_is_cut_off_until_its_next_turn(provider) -> None:
    count = []
    Housekeeper(provider, [Job("endless", HOUR, lambda _context: not count.append(1))]).run_due()
    assert len(count) == 200


def test_the_grants_are_walked_in_several_turns(provider, housekeeper, add_person, clock) -> None:
    person = add_person(password=None)
    with provider.work() as context:
        for number in range(5):
            grant = Grant(
                id=f"g{number}",
                client_id="c",
                account_id=person.id,
                subject="s",
                session_id=None,
                sid=None,
                scope=frozenset(),
                redirect_uri="",
                audience=(),
                created_at=clock.now,
                auth_time=clock.now,
                acr="",
                amr=(),
                code_expires_at=clock.now + timedelta(seconds=60),
            )
            grants.add(context.db, grant, f"hash{number}")
    clock.advance(provider.settings.session_absolute_lifetime)
    housekeeper.run_due()
    with provider.work() as context:
        assert grants.find(context.db, "g0"), "its session may still end and its client must be told"
    clock.advance(2 * HOUR)
    housekeeper.run_due()
    with provider.work() as context:
        assert not any(grants.find(context.db, f"g{number}") for number in range(5))
