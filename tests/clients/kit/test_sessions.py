"""The session store on SQLite and PostgreSQL: atomic consumption, logout notices, lifetimes, sealing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, insert, select
from sqlalchemy import text as sql
from sqlalchemy.exc import SQLAlchemyError

from clients.kit.errors import LogoutReplayed, SessionEnded
from clients.kit.logout_token import LogoutNotice
from clients.kit.pending_login import LIFE, PendingLogin, new_pending_login
from clients.kit.pending_logins import hash_secret
from clients.kit.relying_party import Login
from clients.kit.sealing import SealBroken, Sealer, decode_key
from clients.kit.session import login_from_json, login_to_json
from clients.kit.session_tables import logout_notices, metadata, open_engine, pending_logins, sessions
from clients.kit.sessions import REFRESH_LEASE, SessionStore, migrate

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
ISSUER = "https://id.example"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql_url"))
    return f"sqlite:///{tmp_path / 'sessions.sqlite3'}"


@pytest.fixture
def db(database_url: str) -> Iterator[Engine]:
    migrate(database_url)
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(db: Engine) -> SessionStore:
    return SessionStore(db, Sealer(KEY), "portal")


def a_login(**changes: Any) -> Login:
    claims = {"sub": "person-1", "sid": "sid-1", "acr": "urn:tongxing:loa:2", "auth_time": int(NOW.timestamp())}
    login = Login(
        issuer=ISSUER,
        subject="person-1",
        id_token=claims,
        id_token_raw="raw.id.token",
        access_token="secret-access",
        refresh_token="secret-refresh",
        expires_at=NOW + timedelta(minutes=10),
        scope="openid",
        userinfo={"sub": "person-1", "name": "王小明", "id_number": "650102199001011234"},
    )
    return replace(login, **changes)


def a_notice(**changes: Any) -> LogoutNotice:
    notice = LogoutNotice(ISSUER, "person-1", "sid-1", "jti-1", NOW, NOW + timedelta(minutes=2))
    return replace(notice, **changes)


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What `count` threads get that do `work` at the same moment."""
    barrier, found = threading.Barrier(count), []

    def run(index: int) -> None:
        barrier.wait()
        found.append(work(index))

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


# --- pending logins ---------------------------------------------------------------------------------------------


def pending(now: datetime = NOW) -> PendingLogin:
    return new_pending_login(now, max_age=5, essential_acr=("a",), acr_values=("a", "b"))


def test_pending_login_comes_back_as_it_went_in_once(store: SessionStore) -> None:
    login = pending()
    store.pending.add(login, browser="b", next_path="/cases?x=1")
    redeemed = store.pending.consume(login.state, browser="b", now=NOW)
    assert redeemed and (redeemed.pending, redeemed.next_path) == (login, "/cases?x=1")
    assert store.pending.consume(login.state, browser="b", now=NOW) is None


def test_of_many_threads_one_redeems_a_pending_login(store: SessionStore) -> None:
    login = pending()
    store.pending.add(login, browser="b", next_path="/")
    found = at_once(8, lambda _: store.pending.consume(login.state, browser="b", now=NOW))
    assert sum(item is not None for item in found) == 1


def test_pending_login_is_bound_to_browser_client_and_time(store: SessionStore, db: Engine) -> None:
    login = pending()
    store.pending.add(login, browser="b", next_path="/")
    assert store.pending.consume(login.state, browser="other", now=NOW) is None
    assert SessionStore(db, Sealer(KEY), "other").pending.consume(login.state, browser="b", now=NOW) is None
    assert store.pending.consume("unknown", browser="b", now=NOW) is None
    assert store.pending.consume(login.state, browser="b", now=NOW + LIFE) is None
    assert store.pending.consume(login.state, browser="b", now=NOW + LIFE - timedelta(seconds=1)) is not None


# --- sessions ---------------------------------------------------------------------------------------------------


def test_session_holds_the_login_and_what_was_asked(store: SessionStore) -> None:
    token = store.add_session(a_login(), now=NOW, acr_asked=("urn:tongxing:loa:3",))
    session = store.find_session(token, now=NOW)
    assert session and session.login == a_login()
    assert (session.subject, session.acr, session.acr_asked) == (
        "person-1",
        "urn:tongxing:loa:2",
        ("urn:tongxing:loa:3",),
    )
    assert session.claims["name"] == "王小明" and session.claims["sid"] == "sid-1"
    assert session.created_at == NOW and session.expires_at == NOW + timedelta(hours=12)


def test_cookie_has_256_random_bits(store: SessionStore) -> None:
    tokens = {store.add_session(a_login(), now=NOW) for _ in range(5)}
    assert len(tokens) == 5 and all(len(token) == 43 for token in tokens)


def test_nothing_secret_or_personal_is_stored_in_clear(store: SessionStore, db: Engine) -> None:
    login = pending()
    store.pending.add(login, browser="browser-secret", next_path="/")
    token = store.add_session(a_login(), now=NOW)
    with db.connect() as connection:
        rows = [tuple(row) for table in (sessions, pending_logins) for row in connection.execute(select(table))]
    stored = repr(rows)
    for secret in (token, "browser-secret", login.state, login.nonce, login.code_verifier):
        assert secret not in stored
    for text in ("secret-access", "secret-refresh", "raw.id.token", "650102199001011234", "王小明"):
        assert text not in stored and text.encode() not in b"".join(
            value for row in rows for value in row if isinstance(value, bytes)
        )


def test_session_ends_by_idleness_and_by_age(db: Engine) -> None:
    store = SessionStore(db, Sealer(KEY), "portal", idle=timedelta(minutes=30), absolute=timedelta(hours=2))
    token = store.add_session(a_login(), now=NOW)
    at = NOW
    for _ in range(5):
        at += timedelta(minutes=20)
        assert store.find_session(token, now=at)
    assert store.find_session(token, now=at + timedelta(minutes=20)) is None
    idle = store.add_session(a_login(), now=NOW)
    assert store.find_session(idle, now=NOW + timedelta(minutes=30)) is None


def test_session_of_another_client_or_unknown_token_is_not_found(store: SessionStore, db: Engine) -> None:
    token = store.add_session(a_login(), now=NOW)
    assert SessionStore(db, Sealer(KEY), "other").find_session(token, now=NOW) is None
    assert store.find_session("unknown", now=NOW) is None
    store.end_session(token)
    assert store.find_session(token, now=NOW) is None


def test_session_sealed_with_a_lost_key_is_gone_and_with_a_previous_one_lives(store: SessionStore, db: Engine) -> None:
    token = store.add_session(a_login(), now=NOW)
    assert SessionStore(db, Sealer(OTHER_KEY, [KEY]), "portal").find_session(token, now=NOW)
    assert SessionStore(db, Sealer(OTHER_KEY), "portal").find_session(token, now=NOW) is None
    assert store.find_session(token, now=NOW) is None


def test_ciphertext_moved_to_another_session_does_not_open(store: SessionStore, db: Engine) -> None:
    mine, other = store.add_session(a_login(), now=NOW), store.add_session(a_login(subject="person-2"), now=NOW)
    with db.begin() as connection:
        sealed = connection.execute(
            select(sessions.c.login_sealed).where(sessions.c.token_hash == hash_secret(other))
        ).scalar_one()
        connection.execute(
            sessions.update().where(sessions.c.token_hash == hash_secret(mine)).values(login_sealed=sealed)
        )
    assert store.find_session(mine, now=NOW) is None


# --- one refresh at a time --------------------------------------------------------------------------------------


def test_of_many_threads_one_may_refresh(store: SessionStore) -> None:
    session = store.find_session(store.add_session(a_login(), now=NOW), now=NOW)
    assert session
    assert sorted(at_once(8, lambda _: store.claim_refresh(session, now=NOW))) == [False] * 7 + [True]


def test_right_to_refresh_comes_free_by_saving_releasing_or_time(store: SessionStore) -> None:
    token = store.add_session(a_login(), now=NOW)
    session = store.find_session(token, now=NOW)
    assert session and store.claim_refresh(session, now=NOW)
    store.release_refresh(session)
    assert store.claim_refresh(session, now=NOW)
    assert not store.claim_refresh(session, now=NOW + REFRESH_LEASE - timedelta(seconds=1))
    assert store.claim_refresh(session, now=NOW + REFRESH_LEASE)
    assert store.save_refreshed(session, a_login(access_token="new"))
    assert not store.claim_refresh(session, now=NOW)  # it read the old version
    renewed = store.find_session(token, now=NOW)
    assert renewed and renewed.login.access_token == "new" and renewed.version == 2
    assert store.claim_refresh(renewed, now=NOW)


def test_new_tokens_are_not_saved_over_newer_ones_or_into_an_ended_session(store: SessionStore) -> None:
    token = store.add_session(a_login(), now=NOW)
    session = store.find_session(token, now=NOW)
    assert session and store.save_refreshed(session, a_login(access_token="new"))
    assert not store.save_refreshed(session, a_login(access_token="late"))
    current = store.find_session(token, now=NOW)
    assert current and current.login.access_token == "new"
    store.end_session(token)
    assert not store.save_refreshed(current, a_login())


# --- logout notices ---------------------------------------------------------------------------------------------


def test_notice_with_sid_ends_that_session_only(store: SessionStore) -> None:
    mine = store.add_session(a_login(), now=NOW)
    elsewhere = store.add_session(a_login(id_token={**a_login().id_token, "sid": "sid-2"}), now=NOW)
    assert store.end_by_notice(a_notice()) == 1
    assert store.find_session(mine, now=NOW) is None and store.find_session(elsewhere, now=NOW)


def test_notice_with_subject_only_ends_all_sessions_of_the_person(store: SessionStore) -> None:
    tokens = [store.add_session(a_login(id_token={**a_login().id_token, "sid": f"sid-{n}"}), now=NOW) for n in range(3)]
    other = store.add_session(a_login(subject="person-2"), now=NOW)
    assert store.end_by_notice(a_notice(sid=None)) == 3
    assert [store.find_session(token, now=NOW) for token in tokens] == [None] * 3
    assert store.find_session(other, now=NOW)


def test_notice_of_another_issuer_or_for_another_client_ends_nothing(store: SessionStore, db: Engine) -> None:
    token = store.add_session(a_login(), now=NOW)
    assert store.end_by_notice(a_notice(issuer="https://other.example")) == 0
    assert SessionStore(db, Sealer(KEY), "other").end_by_notice(a_notice()) == 0
    assert store.find_session(token, now=NOW)


def test_notice_is_accepted_once_per_client_whoever_is_first(store: SessionStore) -> None:
    def deliver(_: int) -> str:
        try:
            store.end_by_notice(a_notice())
        except LogoutReplayed:
            return "replayed"
        return "accepted"

    assert sorted(at_once(6, deliver)) == ["accepted"] + ["replayed"] * 5


def test_repeated_notice_still_ends_what_a_crash_left(store: SessionStore, db: Engine) -> None:
    token = store.add_session(a_login(), now=NOW)
    with db.begin() as connection:  # as if the process had died after claiming the jti
        connection.execute(
            insert(logout_notices).values(
                jti_hash=hash_secret(f"{ISSUER}\njti-1"),
                client_id="portal",
                issuer=ISSUER,
                sid="other",
                subject=None,
                issued_at=NOW,
                expires_at=NOW + timedelta(hours=1),
            )
        )
    with pytest.raises(LogoutReplayed):
        store.end_by_notice(a_notice())
    assert store.find_session(token, now=NOW) is None


def test_login_that_arrives_after_its_own_logout_is_refused(store: SessionStore) -> None:
    store.end_by_notice(a_notice())
    with pytest.raises(SessionEnded):
        store.add_session(a_login(), now=NOW)
    assert store.add_session(a_login(id_token={**a_login().id_token, "sid": "sid-2"}), now=NOW)


def test_logout_of_a_person_refuses_logins_from_before_and_admits_later_ones(store: SessionStore) -> None:
    store.end_by_notice(a_notice(sid=None, issued_at=NOW + timedelta(seconds=5)))
    with pytest.raises(SessionEnded):
        store.add_session(a_login(), now=NOW)
    later = int((NOW + timedelta(seconds=6)).timestamp())
    assert store.add_session(a_login(id_token={"sub": "person-1", "sid": "s", "auth_time": later}), now=NOW)


def test_login_and_logout_at_the_same_moment_leave_no_session(store: SessionStore) -> None:
    for index in range(10):
        login = a_login(id_token={**a_login().id_token, "sid": f"race-{index}"})
        notice = a_notice(sid=f"race-{index}", jti=f"race-{index}")

        def act(which: int, login: Login = login, notice: LogoutNotice = notice) -> str | None:
            try:
                return store.add_session(login, now=NOW) if which else str(store.end_by_notice(notice))
            except SessionEnded:
                return None

        for token in at_once(2, act):
            assert token is None or store.find_session(token, now=NOW) is None


def test_purge_removes_what_is_over_and_nothing_else(store: SessionStore, db: Engine) -> None:
    live = store.add_session(a_login(), now=NOW + timedelta(hours=13))
    store.add_session(a_login(), now=NOW)
    store.pending.add(pending(), browser="b", next_path="/")
    store.end_by_notice(a_notice(sid="x"))
    assert store.purge_expired(now=NOW + timedelta(hours=13)) == 3
    assert store.find_session(live, now=NOW + timedelta(hours=13))
    with db.connect() as connection:
        assert connection.execute(select(pending_logins)).all() == []
        assert connection.execute(select(logout_notices)).all() == []


def test_housekeeping_runs_at_most_every_ten_minutes(store: SessionStore) -> None:
    def is_left(login: PendingLogin) -> bool:
        return store.pending.consume(login.state, browser="b", now=login.created_at) is not None

    store.keep_house(now=NOW + timedelta(hours=1))
    old = pending()
    store.pending.add(old, browser="b", next_path="/")
    store.keep_house(now=NOW + timedelta(hours=1, minutes=9))
    assert is_left(old)
    store.pending.add(old, browser="b", next_path="/")
    store.keep_house(now=NOW + timedelta(hours=1, minutes=10))
    assert not is_left(old)


# --- sealing, shapes, migrations --------------------------------------------------------------------------------


def test_seal_is_bound_to_its_place_and_key() -> None:
    sealed = Sealer(KEY).seal("文字", "here")
    assert Sealer(KEY).unseal(sealed, "here") == "文字"
    assert Sealer(KEY).seal("文字", "here") != sealed
    for sealer, place, value in (
        (Sealer(KEY), "there", sealed),
        (Sealer(OTHER_KEY), "here", sealed),
        (Sealer(KEY), "here", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (Sealer(KEY), "here", b""),
        (Sealer(KEY), "here", sealed[:12]),
    ):
        with pytest.raises(SealBroken):
            sealer.unseal(value, place)


@pytest.mark.parametrize("text", ["", "AAAA", "=" * 44, "é" * 43, "A" * 42, "A" * 44])
def test_key_that_is_not_256_bits_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decode_key(text)
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(b"short")


def test_key_may_be_written_in_either_base64_alphabet() -> None:
    assert decode_key("-_" * 21 + "8") == decode_key("+/" * 21 + "8=")


def test_login_survives_storage() -> None:
    assert login_from_json(login_to_json(a_login())) == a_login()


def test_times_without_zone_are_not_stored(store: SessionStore) -> None:
    with pytest.raises(Exception, match="without zone"):
        store.add_session(a_login(), now=NOW.replace(tzinfo=None))


def test_migrations_make_exactly_the_tables_the_code_uses(database_url: str) -> None:
    migrate(database_url)
    migrate(database_url)
    engine = open_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "alembic_version_portals"})
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


def test_migrations_can_be_undone(database_url: str) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import inspect

    migrate(database_url)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[3] / "migrations" / "portals"))
    config.attributes["sqlalchemy.url"] = database_url
    command.downgrade(config, "base")
    engine = open_engine(database_url)
    assert inspect(engine).get_table_names() == ["alembic_version_portals"]
    engine.dispose()


def test_what_was_bound_stays_out_of_the_text_of_a_databases_error(db: Engine) -> None:
    """Errors are logged; what is bound may be a person's."""
    with pytest.raises(SQLAlchemyError) as failure, db.connect() as connection:
        connection.execute(sql("SELECT 1 FROM nothing WHERE name = :name"), {"name": "张伟"})
    assert "nothing" in str(failure.value) and "张伟" not in str(failure.value)
