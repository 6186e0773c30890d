"""The unit of work itself: one transaction or statements alone, and connections that outlive a restart."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

DENY = text("INSERT INTO revoked_tokens (jti, expires_at) VALUES (:jti, '2030-01-01 00:00:00')")
DENIED = text("SELECT jti FROM revoked_tokens ORDER BY jti")


def denied(provider) -> list[str]:
    with provider.open_db() as db:
        return list(db.execute(DENIED).scalars())


def test_nothing_is_there_before_the_commit_and_all_after(provider) -> None:
    with provider.open_db() as db:
        db.execute(DENY, {"jti": "a"})
        with provider.open_db() as other:
            other.begin_alone()
            assert other.execute(DENIED).all() == []
        db.execute(DENY, {"jti": "b"})
        db.commit()
    assert denied(provider) == ["a", "b"]


def test_what_is_not_committed_is_undone_and_work_can_go_on_after_either(provider) -> None:
    with provider.open_db() as db:
        db.execute(DENY, {"jti": "a"})
        db.rollback()
        db.execute(DENY, {"jti": "b"})
        db.commit()
        db.execute(DENY, {"jti": "c"})
    with pytest.raises(RuntimeError), provider.work() as context:
        context.db.execute(DENY, {"jti": "d"})
        raise RuntimeError
    assert denied(provider) == ["b"]


def test_a_savepoint_undoes_only_itself(provider) -> None:
    with provider.open_db() as db:
        db.execute(DENY, {"jti": "a"})
        with pytest.raises(RuntimeError), db.begin_nested():
            db.execute(DENY, {"jti": "b"})
            raise RuntimeError
        db.commit()
    assert denied(provider) == ["a"]


def test_statements_that_stand_alone_hold_no_lock_and_see_the_newest(provider) -> None:
    with provider.open_db() as alone, provider.open_db() as other:
        alone.begin_alone()
        alone.execute(DENIED)
        other.execute(DENY, {"jti": "a"})
        other.commit()
        assert list(alone.execute(DENIED).scalars()) == ["a"]


def test_a_statement_that_stands_alone_is_durable_when_it_returns(provider) -> None:
    with pytest.raises(RuntimeError), provider.open_db() as alone:
        alone.begin_alone()
        alone.execute(DENY, {"jti": "a"})
        assert not alone.in_transaction()
        assert denied(provider) == ["a"]
        raise RuntimeError
    assert denied(provider) == ["a"]


def test_standing_alone_ends_with_the_commit_and_never_begins_in_a_transaction(provider) -> None:
    with provider.open_db() as db:
        db.begin_alone()
        db.execute(DENIED)
        db.commit()
        db.execute(DENY, {"jti": "a"})
        assert db.in_transaction()
        db.begin_alone()  # too late: there is a transaction to finish first
        db.execute(DENY, {"jti": "b"})
        db.rollback()
    assert denied(provider) == []


def test_writers_wait_for_each_other_and_do_not_fail(provider) -> None:
    with provider.open_db() as db:
        db.execute(DENY, {"jti": "a"})
        other = threading.Thread(target=lambda: _deny(provider, "b"))
        other.start()
        time.sleep(0.2)  # long enough for the other to meet the lock where there is one
        db.commit()
        other.join()
    assert denied(provider) == ["a", "b"]


def _deny(provider, jti: str) -> None:
    with provider.work() as context:
        context.db.execute(DENY, {"jti": jti})


def test_no_request_meets_a_connection_the_server_has_closed(provider, both_engines, postgresql_server) -> None:
    if both_engines == "sqlite":
        return  # no server, no restart
    _deny(provider, "a")
    assert denied(provider) == ["a"]
    postgresql_server.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname LIKE 'test%'"
    )
    _deny(provider, "b")
    with provider.open_db() as db:
        db.begin_alone()
        assert list(db.execute(DENIED).scalars()) == ["a", "b"]


def test_what_was_bound_stands_in_no_error_text(provider) -> None:
    with provider.open_db() as db, pytest.raises(DBAPIError) as caught:
        db.execute(text("SELECT :secret FROM no_such_table"), {"secret": "13812345678"})
    assert "13812345678" not in str(caught.value)
