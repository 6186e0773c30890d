from __future__ import annotations

import pytest

from idp.domain.account import Role
from idp.storage import organisations
from tests.idp.storage.conftest import DAY, HOUR
from tests.race import THREADS, race

USCC = "91650100MA00000001"


@pytest.fixture
def appoint(provider, person):
    def appoint_one(**changes):
        with provider.work() as context:
            organisations.put(context.db, USCC, "新疆某运输公司", "authority", context.now)
            values = {
                "uscc": USCC,
                "account_id": person.id,
                "role": Role.HANDLER,
                "now": context.now,
                "valid_until": None,
                "granted_by": "boss",
                "accepted_at": None,
            }
            return organisations.add_mandate(context.db, **values | changes)

    return appoint_one


def test_a_company_verified_again_keeps_one_row_with_the_newest_facts(work, clock) -> None:
    with work() as context:
        organisations.put(context.db, USCC, "旧名", "authority", context.now)
        organisations.put(context.db, USCC, "新名", "authority", context.now + DAY)
        found = organisations.find(context.db, USCC)
        assert (found.name, found.verified_at) == ("新名", clock.now + DAY)
        assert organisations.find(context.db, "none") is None


def test_a_company_registered_by_several_at_once_is_no_error(provider) -> None:
    def register(number: int) -> bool:
        with provider.work() as context:
            organisations.put(context.db, USCC, f"名{number}", "authority", context.now)
        return True

    assert all(race(register))


def test_a_mandate_is_accepted_once_by_the_person_it_was_given_to(provider, appoint, person, add_person) -> None:
    mandate_id, stranger = appoint(), add_person(password=None)

    def accept(number: int) -> bool:
        who = person if number else stranger
        with provider.work() as context:
            return organisations.accept_mandate(context.db, mandate_id, who.id, context.now)

    accepted = race(accept)
    assert not accepted[0]
    assert sorted(accepted) == [False] * (THREADS - 1) + [True]


def test_a_revoked_mandate_cannot_be_accepted_and_is_revoked_once(work, appoint, person, clock) -> None:
    mandate_id = appoint()
    with work() as context:
        assert organisations.revoke_mandate(context.db, mandate_id, context.now)
        assert not organisations.revoke_mandate(context.db, mandate_id, context.now + DAY)
        assert not organisations.accept_mandate(context.db, mandate_id, person.id, context.now)
        assert organisations.find_mandate(context.db, mandate_id).revoked_at == clock.now


def test_a_mandate_counts_while_accepted_in_time_and_not_revoked(work, appoint, person, clock) -> None:
    now = clock.now
    valid = appoint(accepted_at=now, valid_until=now + HOUR)
    appoint()
    appoint(accepted_at=now, valid_until=now)
    revoked = appoint(accepted_at=now)
    with work() as context:
        organisations.revoke_mandate(context.db, revoked, now)
        (found,) = organisations.list_valid_mandates(context.db, person.id, now)
        assert found.id == valid
        assert found.is_valid(now)
        assert organisations.list_valid_mandates(context.db, person.id, now + HOUR) == []
        assert len(organisations.list_mandates(context.db, person.id)) == 4
        assert len(organisations.list_mandates_of_organisation(context.db, USCC)) == 4
        assert organisations.find_mandate(context.db, valid).organisation_name == "新疆某运输公司"
