from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from idp.domain.session import Consent, SessionEnded
from idp.storage import clients, consents, grants, organisations, sessions, tables
from idp.storage.sessions import UpstreamSession
from tests.idp.storage.conftest import HOUR
from tests.race import THREADS, race

UPSTREAM = UpstreamSession("https://national.example", "their-subject", "their-sid", "header.payload.signature")


@pytest.fixture
def begin(provider, person):
    """Begins a session; returns it and its cookie's secret."""

    def begin_one(**changes):
        with provider.work() as context:
            values = {
                "account_id": person.id,
                "level": 2,
                "amr": ("pwd", "otp"),
                "source": "local",
                "is_choice_made": True,
                "user_agent": "tests",
                "address": "127.0.0.1",
                "now": context.now,
                "expires_at": context.now + 12 * HOUR,
            }
            return sessions.add(context.db, context.vault, **values | changes)

    return begin_one


def test_a_session_is_found_by_its_secret_with_its_person_in_one_statement(work, begin, person, statements) -> None:
    session, secret = begin()
    with work() as context, statements() as seen:
        found = sessions.find_signed_in(context.db, context.vault, secret)
        assert (found.session, found.account, found.consent) == (session, person, None)
        assert sessions.find_signed_in(context.db, context.vault, "wrong") is None
    assert len(seen) == 2, seen


def test_the_consent_to_the_client_comes_with_the_session(work, begin, person) -> None:
    _, secret = begin()
    with work() as context:
        for client_id in ("asked", "other"):
            clients.put(context.db, client_id, {}, context.now)
        consents.remember(context.db, person.id, "asked", frozenset({"openid"}), frozenset(), context.now)
        found = sessions.find_signed_in(context.db, context.vault, secret, "asked")
        assert found.consent == Consent(frozenset({"openid"}), frozenset(), context.now)
        assert sessions.find_signed_in(context.db, context.vault, secret, "other").consent is None
        assert sessions.find_signed_in(context.db, context.vault, secret).consent is None


def test_a_session_is_found_by_id_and_by_sid(work, begin) -> None:
    session, _ = begin()
    with work() as context:
        assert sessions.find(context.db, session.id) == sessions.find_by_sid(context.db, session.sid) == session
        assert sessions.find(context.db, session.sid) is sessions.find_by_sid(context.db, session.id) is None


def test_a_session_is_alive_until_idle_ended_or_over(begin, clock) -> None:
    session, _ = begin()
    assert session.is_alive(clock.now + HOUR - timedelta(seconds=1), HOUR)
    assert not session.is_alive(clock.now + HOUR, HOUR)
    assert not session.is_alive(clock.now + 12 * HOUR, 24 * HOUR)


def test_of_several_who_end_a_session_exactly_one_did(provider, begin) -> None:
    session, _ = begin()

    def end(number: int) -> bool:
        with provider.work() as context:
            return sessions.end(context.db, session.id, f"reason {number}", context.now)

    assert sorted(race(end)) == [False] * (THREADS - 1) + [True]
    with provider.work() as context:
        assert sessions.find(context.db, session.id).ended_at == context.now


def test_proving_oneself_again_renews_the_session_under_a_new_secret(work, begin, clock) -> None:
    session, secret = begin()
    clock.advance(HOUR)
    with work() as context:
        renewed, new_secret = sessions.reauthenticate(
            context.db,
            session,
            level=3,
            amr=("face",),
            now=context.now,
            expires_at=context.now + 12 * HOUR,
            is_choice_made=False,
        )
        assert sessions.find(context.db, session.id) == renewed
        assert (renewed.sid, renewed.auth_time, renewed.level, renewed.amr) == (session.sid, clock.now, 3, ("face",))
        assert sessions.find_signed_in(context.db, context.vault, secret) is None
        assert sessions.find_signed_in(context.db, context.vault, new_secret)


def test_an_ended_session_is_not_brought_back_by_proving_oneself_again(work, begin) -> None:
    session, _ = begin()
    with work() as context:
        sessions.end(context.db, session.id, "logout", context.now)
        with pytest.raises(SessionEnded):
            sessions.reauthenticate(
                context.db,
                session,
                level=2,
                amr=(),
                now=context.now,
                expires_at=context.now + HOUR,
                is_choice_made=True,
            )


def test_use_is_noted_and_never_turned_back(work, begin, clock) -> None:
    session, _ = begin()
    with work() as context:
        sessions.touch(context.db, session.id, clock.now + 2 * HOUR)
        sessions.touch(context.db, session.id, clock.now + HOUR)
        assert sessions.find(context.db, session.id).last_seen_at == clock.now + 2 * HOUR


def test_a_persons_living_sessions_are_listed_the_last_seen_first(work, begin, person, clock) -> None:
    old, ended, over, new = (begin(**changes)[0] for changes in ({}, {}, {"expires_at": clock.now}, {}))
    with work() as context:
        sessions.end(context.db, ended.id, "logout", context.now)
        sessions.touch(context.db, new.id, context.now + HOUR)
        assert [session.id for session in sessions.list_alive(context.db, person.id, context.now)] == [new.id, old.id]
    assert over.expires_at == clock.now


def test_where_a_session_came_from_is_kept_sealed_and_found_again(work, begin) -> None:
    local, _ = begin()
    federated, _ = begin(source="national", upstream=UPSTREAM)
    with work() as context:
        assert of_upstream(context) == {federated.id}
        sessions.link_upstream(context.db, context.vault, local.id, "national", UPSTREAM)
        assert of_upstream(context) == {federated.id, local.id}
        assert sessions.find(context.db, local.id).source == "national"
        for row in context.db.execute(select(tables.sessions.c.id, tables.sessions.c.upstream_id_token_sealed)):
            sealed = row.upstream_id_token_sealed
            assert UPSTREAM.id_token.encode() not in sealed
            assert context.vault.open("upstream_id_token", sealed, row.id).decode() == UPSTREAM.id_token


def of_upstream(context) -> set[str]:
    found = sessions.list_of_upstream(context.db, UPSTREAM.issuer, sid=UPSTREAM.sid, subject=UPSTREAM.subject)
    return {session.id for session in found}


@pytest.mark.parametrize(
    ("sid", "subject", "count"),
    [("their-sid", None, 1), (None, "their-subject", 2), ("their-sid", "their-subject", 1), ("their-sid", "x", 0)],
)
def test_an_upstreams_sessions_are_found_by_sid_or_person(work, begin, sid, subject, count) -> None:
    begin(upstream=UPSTREAM)
    begin(upstream=UpstreamSession(UPSTREAM.issuer, UPSTREAM.subject, "another-sid", "t"))
    ended, _ = begin(upstream=UPSTREAM)
    begin(upstream=UpstreamSession("https://other.example", UPSTREAM.subject, UPSTREAM.sid, "t"))
    begin()
    with work() as context:
        sessions.end(context.db, ended.id, "logout", context.now)
        assert len(sessions.list_of_upstream(context.db, UPSTREAM.issuer, sid=sid, subject=subject)) == count


def test_who_took_part_in_a_session_is_who_got_tokens_in_it(work, begin, add_grant, add_family) -> None:
    session, _ = begin()
    with work() as context:
        for client_id in ("a", "b", "c"):
            clients.put(context.db, client_id, {}, context.now)
    add_family(session_id=session.id, client_id="a", subject="as a knows them")
    add_family(session_id=session.id, client_id="a", subject="as a knows them")
    add_family(session_id=session.id, client_id="b", subject="as b knows them")
    add_grant(session_id=session.id, client_id="c")  # its code was never redeemed
    with work() as context:
        grants.revoke_of_session(context.db, session.id, "logout", context.now)
        took_part = sessions.list_clients(context.db, session.id)
    assert took_part == [("a", "as a knows them"), ("b", "as b knows them")]


def test_for_whom_a_person_acts_lasts_no_longer_than_the_mandate(work, begin, person, clock) -> None:
    session, secret = begin(is_choice_made=False)
    with work() as context:
        organisations.put(context.db, "91650100MA00000001", "新疆某运输公司", "authority", context.now)
        mandate_id = organisations.add_mandate(
            context.db,
            uscc="91650100MA00000001",
            account_id=person.id,
            role=organisations.Role.HANDLER,
            now=context.now,
            valid_until=context.now + HOUR,
            granted_by=None,
            accepted_at=context.now,
        )
        act_as = organisations.find_mandate(context.db, mandate_id).act_as()
        sessions.choose(context.db, session.id, mandate_id, act_as)
        found = sessions.find_signed_in(context.db, context.vault, secret).session
        assert (found.is_choice_made, found.act_as) == (True, act_as)
        assert found.at(clock.now).act_as == act_as
        assert found.at(clock.now + HOUR).act_as is None
        sessions.release_mandate(context.db, mandate_id)
        assert sessions.find_signed_in(context.db, context.vault, secret).session.act_as is None
