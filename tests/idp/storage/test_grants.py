from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from idp.crypto.random import hash_secret
from idp.domain.account import AccountStatus
from idp.domain.session import SessionEnded
from idp.storage import access_tokens, accounts, grants, sessions
from tests.idp.storage.conftest import DAY, HOUR
from tests.race import THREADS, race

EXCHANGE = {"refresh_hash": "r1"}


def redeem(context, code, client_id="client", **values):
    return grants.consume_code(context.db, hash_secret(code), client_id, context.now, **values)


def rotate(context, grant, old, new, client_id=None, until=None):
    return grants.rotate_refresh(
        context.db, grant.id, client_id or grant.client_id, old, new, until or context.now + 14 * DAY, context.now
    )


@pytest.fixture
def open_session(provider, person):
    def open_one():
        with provider.work() as context:
            session, _ = sessions.add(
                context.db,
                context.vault,
                account_id=person.id,
                level=2,
                amr=("pwd",),
                source="local",
                is_choice_made=True,
                user_agent="tests",
                address="127.0.0.1",
                now=context.now,
                expires_at=context.now + 12 * HOUR,
            )
        return session

    return open_one


# --- codes ----------------------------------------------------------------------------------------------------------


def test_a_redeemed_code_gives_back_the_whole_grant(work, add_grant, clock) -> None:
    grant, code = add_grant(act_as={"uscc": "x", "name": "y", "role": "handler", "mandate_id": "z"})
    with work() as context:
        assert redeem(context, code) == replace(grant, code_used_at=clock.now)
        assert grants.find(context.db, grant.id) == replace(grant, code_used_at=clock.now)


def test_a_code_is_redeemed_once(work, add_grant) -> None:
    _, code = add_grant()
    with work() as context:
        assert redeem(context, code)
        assert redeem(context, code) is None


def test_of_several_who_redeem_a_code_at_once_exactly_one_gets_it(provider, add_grant) -> None:
    _, code = add_grant()

    def redeem_it(number: int) -> bool:
        with provider.work() as context:
            return redeem(context, code, refresh_hash=f"r{number}") is not None

    assert sorted(race(redeem_it)) == [False] * (THREADS - 1) + [True]


def test_a_code_of_another_client_is_not_redeemed_and_stays_good(work, add_grant) -> None:
    _, code = add_grant()
    with work() as context:
        assert redeem(context, code, client_id="thief") is None
        assert redeem(context, code)


def test_a_code_ends_at_its_expiry_by_the_clock(work, add_grant, clock) -> None:
    _, code = add_grant()
    clock.advance(60)
    with work() as context:
        assert redeem(context, code) is None
        assert redeem(replace(context, now=clock.now - timedelta(microseconds=1)), code)


def test_a_code_of_a_revoked_grant_or_a_frozen_person_is_worth_nothing(work, add_grant, person) -> None:
    revoked, revoked_code = add_grant()
    _, frozen_code = add_grant()
    with work() as context:
        grants.revoke(context.db, revoked.id, "test", context.now)
        assert redeem(context, revoked_code) is None
        accounts.set_status(context.db, person.id, AccountStatus.FROZEN, context.now)
        assert redeem(context, frozen_code) is None


def test_a_replayed_code_revokes_what_it_gave_and_an_unused_one_does_not(work, add_grant) -> None:
    grant, code = add_grant()
    with work() as context:
        assert grants.revoke_replayed(context.db, hash_secret(code), context.now) is None
        redeem(context, code, **EXCHANGE)
        assert grants.revoke_replayed(context.db, hash_secret(code), context.now) == grant.id
        assert grants.revoke_replayed(context.db, hash_secret(code), context.now) is None
        assert grants.find(context.db, grant.id).is_revoked


# --- refresh families -----------------------------------------------------------------------------------------------


def test_a_refresh_replaces_the_live_token(work, add_family) -> None:
    grant, first = add_family()
    with work() as context:
        rotated = rotate(context, grant, first, "second")
        assert (rotated.id, rotated.refresh_generation) == (grant.id, 2)
        assert grants.find_live_refresh(context.db, grant.id, "second", context.now)
        assert grants.find_live_refresh(context.db, grant.id, first, context.now) is None
        assert rotate(context, grant, first, "third") is None


def test_of_several_refreshes_at_once_exactly_one_succeeds(provider, add_family) -> None:
    grant, first = add_family()

    def refresh(number: int) -> bool:
        with provider.work() as context:
            return rotate(context, grant, first, f"next-{number}") is not None

    won = race(refresh)
    assert sorted(won) == [False] * (THREADS - 1) + [True]
    with provider.work() as context:
        assert grants.find_live_refresh(context.db, grant.id, f"next-{won.index(True)}", context.now)


def test_a_reused_refresh_token_kills_the_family_and_the_live_one_does_not(work, add_family) -> None:
    grant, first = add_family()
    with work() as context:
        assert not grants.revoke_reused(context.db, grant.id, grant.client_id, first, context.now)
        rotate(context, grant, first, "second")
        assert not grants.revoke_reused(context.db, grant.id, "another", first, context.now)
        assert grants.revoke_reused(context.db, grant.id, grant.client_id, first, context.now)
        assert rotate(context, grant, "second", "third") is None
        assert grants.find_live_refresh(context.db, grant.id, "second", context.now) is None


def test_a_refresh_token_ends_when_idle_and_absolutely(work, add_family, clock) -> None:
    idle, first = add_family()
    lasting, _ = add_family()
    with work() as context:
        rotate(context, lasting, first, "second", until=context.now + 40 * DAY)
    clock.advance(14 * DAY)
    with work() as context:
        assert rotate(context, idle, first, "second") is None
        assert rotate(context, lasting, "second", "third", until=context.now + 40 * DAY)
    clock.advance(16 * DAY)
    with work() as context:
        assert rotate(context, lasting, "third", "fourth") is None


def test_a_refresh_token_works_for_its_own_client_and_an_active_person_only(work, add_family, person) -> None:
    grant, first = add_family()
    with work() as context:
        assert rotate(context, grant, first, "second", client_id="another") is None
        accounts.set_status(context.db, person.id, AccountStatus.CLOSED, context.now)
        assert rotate(context, grant, first, "second") is None


# --- revocation -----------------------------------------------------------------------------------------------------


def test_a_grant_is_revoked_once_and_for_good(work, add_family) -> None:
    grant, first = add_family()
    with work() as context:
        assert grants.revoke(context.db, grant.id, "withdrawn", context.now)
        assert not grants.revoke(context.db, grant.id, "again", context.now)
        assert grants.find(context.db, grant.id).revoked_reason == "withdrawn"
        assert rotate(context, grant, first, "second") is None
        assert not access_tokens.is_active(context.db, "jti", grant.id)


@pytest.mark.parametrize(
    ("scope", "survives"),
    [
        ("openid", False),
        ("openid offline_access", True),
        ("offline_access", True),
        ("address offline_access openid", True),
        ("offline_access_not openid", False),
        ("not_offline_access", False),
        ("offlineXaccess openid", False),
    ],
)
def test_ending_a_session_revokes_all_but_offline_grants(work, add_grant, open_session, scope, survives) -> None:
    session = open_session()
    grant, _ = add_grant(session_id=session.id, sid=session.sid, scope=frozenset(scope.split()))
    other, _ = add_grant()
    with work() as context:
        assert grants.revoke_of_session(context.db, session.id, "logout", context.now) == (0 if survives else 1)
        assert grants.find(context.db, grant.id).is_revoked != survives
        assert not grants.find(context.db, other.id).is_revoked


def test_a_persons_grants_are_revoked_for_one_client_or_all(work, add_grant, person) -> None:
    made = [add_grant(client_id=client)[0] for client in ("a", "a", "b")]
    with work() as context:
        assert grants.revoke_of_account(context.db, person.id, "consent", context.now, "a") == 2
        assert grants.revoke_of_account(context.db, person.id, "password", context.now) == 1
        assert all(grants.find(context.db, grant.id).is_revoked for grant in made)


def test_grants_made_while_acting_by_a_mandate_are_revoked_with_it(work, add_grant, person) -> None:
    acting = {"uscc": "u", "name": "n", "role": "handler", "mandate_id": "m1"}
    by_mandate, _ = add_grant(act_as=acting)
    by_other, _ = add_grant(act_as=acting | {"mandate_id": "m2"})
    own, _ = add_grant()
    with work() as context:
        assert grants.revoke_of_mandate(context.db, person.id, "m1", "mandate", context.now) == 1
        found = [grants.find(context.db, grant.id).is_revoked for grant in (by_mandate, by_other, own)]
    assert found == [True, False, False]


def test_signing_out_elsewhere_spares_this_session_only(work, add_grant, open_session, person) -> None:
    here, there = open_session(), open_session()
    kept, _ = add_grant(session_id=here.id)
    gone = [add_grant(session_id=there.id)[0], add_grant()[0]]
    with work() as context:
        assert grants.revoke_of_other_sessions(context.db, person.id, here.id, "password", context.now) == 2
        assert not grants.find(context.db, kept.id).is_revoked
        assert all(grants.find(context.db, grant.id).is_revoked for grant in gone)


def test_nothing_is_granted_in_a_session_that_has_ended(work, add_grant, open_session) -> None:
    session = open_session()
    with work() as context:
        sessions.end(context.db, session.id, "logout", context.now)
    with pytest.raises(SessionEnded):
        add_grant(session_id=session.id)
    with pytest.raises(SessionEnded):
        add_grant(session_id="none-such")


def test_no_grant_slips_through_beside_a_logout(provider, add_grant, open_session) -> None:
    session = open_session()

    def act(number: int) -> str | None:
        if number == 0:
            with provider.work() as context:
                sessions.end(context.db, session.id, "logout", context.now)
                grants.revoke_of_session(context.db, session.id, "logout", context.now)
            return None
        try:
            return add_grant(session_id=session.id)[0].id
        except SessionEnded:
            return None

    made = [grant_id for grant_id in race(act) if grant_id]
    with provider.work() as context:
        assert all(grants.find(context.db, grant_id).is_revoked for grant_id in made)


# --- access tokens --------------------------------------------------------------------------------------------------


def test_a_denied_token_stays_denied_and_denying_twice_is_no_error(work, add_grant) -> None:
    grant, _ = add_grant()
    with work() as context:
        assert access_tokens.is_active(context.db, "j1", grant.id)
        assert access_tokens.is_active(context.db, "j1", None)
        for _ in range(2):
            access_tokens.revoke(context.db, "j1", context.now + HOUR)
        assert not access_tokens.is_active(context.db, "j1", grant.id)
        assert not access_tokens.is_active(context.db, "j1", None)
        assert access_tokens.find_person(context.db, context.vault, "j1", grant.id) is None
        assert access_tokens.is_active(context.db, "j2", grant.id)


def test_denying_one_token_in_several_processes_at_once_is_no_error(provider) -> None:
    def deny(_number: int) -> bool:
        with provider.work() as context:
            access_tokens.revoke(context.db, "same", context.now + HOUR)
        return True

    assert all(race(deny))


def test_the_person_of_a_token_is_found_while_it_is_active(work, add_grant, person) -> None:
    grant, _ = add_grant()
    with work() as context:
        found = access_tokens.find_person(context.db, context.vault, "j", grant.id)
        assert (found.account, found.subject) == (person, grant.subject)
        assert found.requested_claims == grant.requested_claims
        accounts.set_status(context.db, person.id, AccountStatus.FROZEN, context.now)
        assert access_tokens.find_person(context.db, context.vault, "j", grant.id) is None
        assert not access_tokens.is_active(context.db, "j", grant.id)
        assert not access_tokens.is_active(context.db, "j", "no-such-grant")
