"""Renewing a session's access token: when, by whom, and what happens when it cannot be done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clients.kit.access import EARLY, fresh_session
from clients.kit.errors import ProviderUnavailable, SessionEnded
from clients.kit.http import HttpClient
from clients.kit.relying_party import Login, RelyingParty
from clients.kit.sealing import Sealer
from clients.kit.session import Session
from clients.kit.sessions import SessionStore, migrate, open_engine
from tests.clients.kit.conftest import Journey
from tests.clients.op import TestProvider


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SessionStore]:
    url = f"sqlite:///{tmp_path / 'sessions.sqlite3'}"
    migrate(url)
    engine = open_engine(url)
    yield SessionStore(engine, Sealer(bytes(32)), "portal")
    engine.dispose()


class Kept:
    """A session whose access token runs out in `left`."""

    def __init__(self, store: SessionStore, rp: RelyingParty, login: Login, left: timedelta) -> None:
        self.store, self.rp = store, rp
        self.token = store.add_session(replace(login, expires_at=datetime.now(UTC) + left), now=datetime.now(UTC))
        found = self.read()
        assert found
        self.session = found

    def read(self) -> Session | None:
        return self.store.find_session(self.token, now=datetime.now(UTC))

    def fresh(self) -> Session:
        return fresh_session(self.session, self.read, self.rp, self.store)


@pytest.fixture
def kept(store: SessionStore, journey: Journey) -> Callable[..., Kept]:
    def make(left: timedelta, **changes: object) -> Kept:
        return Kept(store, journey.rp, replace(journey.log_in(), **changes), left)  # type: ignore[arg-type]

    return make


def test_token_that_lives_on_is_used_as_it_is(kept: Callable[..., Kept], op: TestProvider) -> None:
    session = kept(EARLY + timedelta(seconds=5))
    calls = op.calls["token"]
    assert session.fresh() == session.session
    assert op.calls["token"] == calls


def test_token_is_renewed_shortly_before_it_runs_out(kept: Callable[..., Kept]) -> None:
    session = kept(EARLY - timedelta(seconds=1))
    fresh = session.fresh()
    assert fresh.login.access_token != session.session.login.access_token
    assert fresh.version == 2 and fresh == session.read()


def test_while_somebody_else_renews_a_token_that_still_works_is_used(kept: Callable[..., Kept]) -> None:
    session = kept(EARLY - timedelta(seconds=1))
    assert session.store.claim_refresh(session.session, now=datetime.now(UTC))
    assert session.fresh() == session.session


def test_expired_token_waits_for_whoever_renews_it(kept: Callable[..., Kept], op: TestProvider) -> None:
    session = kept(timedelta(seconds=-1))
    assert session.store.claim_refresh(session.session, now=datetime.now(UTC))
    renewed = replace(session.session.login, access_token="by another", expires_at=datetime.now(UTC) + EARLY * 2)
    thread = threading.Timer(0.2, session.store.save_refreshed, (session.session, renewed))
    thread.start()
    calls = op.calls["token"]
    assert session.fresh().login.access_token == "by another"
    assert op.calls["token"] == calls
    thread.join()


def test_waiting_for_another_ends_with_the_time_out(kept: Callable[..., Kept], http: HttpClient) -> None:
    session = kept(timedelta(seconds=-1))
    assert session.store.claim_refresh(session.session, now=datetime.now(UTC))
    http.timeout = timedelta(seconds=0.2)
    with pytest.raises(ProviderUnavailable, match="another request"):
        session.fresh()


def test_session_ended_while_waiting_is_over(kept: Callable[..., Kept]) -> None:
    session = kept(timedelta(seconds=-1))
    assert session.store.claim_refresh(session.session, now=datetime.now(UTC))
    session.store.end_session(session.token)
    with pytest.raises(SessionEnded):
        session.fresh()


def test_session_ended_while_its_token_is_renewed_stays_ended(kept: Callable[..., Kept], op: TestProvider) -> None:
    session = kept(timedelta(seconds=-1))
    op.instead["token"] = lambda: session.store.end_session(session.token)
    with pytest.raises(SessionEnded):
        session.fresh()
    assert session.read() is None


def test_without_refresh_token_the_session_ends_with_its_access_token(kept: Callable[..., Kept]) -> None:
    session = kept(timedelta(seconds=-1), refresh_token=None)
    with pytest.raises(SessionEnded):
        session.fresh()
    assert session.read() is None


def test_renewed_id_token_of_another_person_ends_the_session(kept: Callable[..., Kept], op: TestProvider) -> None:
    session = kept(timedelta(seconds=-1))
    op.bend["id_token"] = lambda claims: claims.update(sub="person-2")
    with pytest.raises(SessionEnded):
        session.fresh()
    assert session.read() is None


def test_unreachable_provider_leaves_the_session_and_the_right_to_try_again(
    kept: Callable[..., Kept], op: TestProvider
) -> None:
    session = kept(timedelta(seconds=-1))
    op.instead["token"] = lambda: ("", 502)
    with pytest.raises(ProviderUnavailable):
        session.fresh()
    del op.instead["token"]
    assert session.fresh().version == 2
