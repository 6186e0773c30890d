from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from idp.crypto.random import new_id
from idp.domain.assurance import Proof
from idp.storage import (
    access_tokens,
    accounts,
    grants,
    initial_access_tokens,
    outbox,
    purging,
    registrations,
    sessions,
    tables,
)
from tests.idp.storage.conftest import DAY, HOUR


def count(context, table) -> int:
    return context.db.execute(select(func.count()).select_from(table)).scalar_one()


def test_only_what_is_over_is_forgotten_batch_by_batch(work, clock) -> None:
    now = clock.now
    with work() as context:
        for number in range(7):
            context.ephemeral.put("k", f"{number}", {}, timedelta(seconds=number + 1))
            access_tokens.revoke(context.db, f"jti{number}", now + timedelta(seconds=number + 1))
            registrations.add(context.db, context.vault, {}, now, now + timedelta(seconds=number + 1))
    ends = now + timedelta(seconds=6)
    with work() as context:
        assert [purging.purge_ephemeral(context.db, ends, limit=4) for _ in range(3)] == [4, 2, 0]
        assert [purging.purge_revoked_tokens(context.db, ends, limit=4) for _ in range(3)] == [4, 1, 0]
        assert [purging.purge_registrations(context.db, ends, limit=4) for _ in range(3)] == [4, 1, 0]
        assert count(context, tables.ephemeral) == 1
        assert count(context, tables.revoked_tokens) == count(context, tables.registrations) == 2


def test_sessions_are_forgotten_after_their_absolute_end(work, person, clock) -> None:
    with work() as context:
        for hours in (1, 2):
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
                now=clock.now,
                expires_at=clock.now + hours * HOUR,
            )
        assert purging.purge_sessions(context.db, clock.now + 2 * HOUR) == 1
        assert len(sessions.list_alive(context.db, person.id, clock.now)) == 1


def test_initial_access_tokens_are_forgotten_when_nobody_can_register_with_them(work, clock) -> None:
    now = clock.now
    with work() as context:
        for uses, ends in ((None, None), (1, None), (2, None), (None, now + HOUR), (None, now + 3 * HOUR)):
            _, text = initial_access_tokens.add(
                context.db, label=f"{uses} {ends}", policy={}, now=now, uses=uses, expires_at=ends
            )
            assert initial_access_tokens.use(context.db, text, now)
        assert purging.purge_initial_access_tokens(context.db, now + 2 * HOUR) == 2
        kept = [token.uses_left for token in initial_access_tokens.list_all(context.db)]
    assert kept == [None, 1, None]


def test_receipts_and_dead_letters_are_forgotten_and_what_waits_never(work, clock) -> None:
    with work() as context:
        for _ in range(3):
            outbox.add(context.db, kind="k", batch="b", recipient="r", payload={}, now=context.now)
        delivered, dead, _waiting = outbox.lease_due(context.db, context.now, context.now + HOUR)
        outbox.mark_delivered(context.db, delivered, context.now)
        outbox.mark_failed(context.db, dead, "gone", None, context.now)
        assert purging.purge_outbox(context.db, context.now) == 0
        assert purging.purge_outbox(context.db, context.now + 365 * DAY) == 2
        assert len(outbox.list_waiting(context.db)) == 1


def walk(context, before, limit) -> int:
    """One whole walk through the grants; how many steps it took."""
    place, steps = None, 0
    while True:
        place = purging.purge_grants(context.db, before, place, limit)
        steps += 1
        if place is None:
            return steps


def test_a_grant_is_kept_while_its_code_its_family_or_its_revocation_is_young(
    work, add_grant, add_family, clock
) -> None:
    now = clock.now
    code_only, _ = add_grant()
    family, _ = add_family()
    revoked, _ = add_family()
    with work() as context:
        grants.revoke(context.db, revoked.id, "test", now + HOUR)

        def kept(before) -> list[bool]:
            walk(context, before, 500)
            return [grants.find(context.db, grant.id) is not None for grant in (code_only, revoked, family)]

        assert kept(now + timedelta(seconds=60)) == [True, True, True]
        assert kept(now + timedelta(seconds=61)) == [False, True, True]
        assert kept(now + HOUR + timedelta(seconds=1)) == [False, False, True]
        assert kept(now + 14 * DAY) == [False, False, True]
        assert kept(now + 14 * DAY + timedelta(seconds=1)) == [False, False, False]


def test_the_walk_through_the_grants_reaches_each_in_bounded_steps(work, add_grant, add_family, clock) -> None:
    living = [add_family()[0].id for _ in range(4)]
    for _ in range(7):
        add_grant(id=new_id())
    with work() as context:
        assert walk(context, clock.now + HOUR, limit=3) == 4
        assert {row.id for row in context.db.execute(select(tables.grants.c.id))} == set(living)


def test_an_account_falls_to_what_its_valid_proofs_give(work, clock) -> None:
    now = clock.now

    def proof(level, until=None) -> Proof:
        return Proof(level, "authority", "m", now, expires_at=until)

    with work() as context:
        made = {
            name: accounts.add(context.db, context.vault, claims={}, now=now, username=name, evidence=evidence).id
            for name, evidence in {
                "falls": [proof(3, now + HOUR), proof(1)],
                "to nothing": [proof(2, now + HOUR)],
                "held by another": [proof(2, now + HOUR), proof(2)],
                "lasting": [proof(4)],
            }.items()
        }
        assert purging.lower_levels(context.db, now) == 0
        assert purging.lower_levels(context.db, now + HOUR) == 2
        assert purging.lower_levels(context.db, now + HOUR) == 0
        levels = {name: accounts.find(context.db, context.vault, found).level for name, found in made.items()}
    assert levels == {"falls": 1, "to nothing": 0, "held by another": 2, "lasting": 4}
