"""The unit of work itself: one transaction, a reading side that cannot write, connections that outlive a restart."""

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
            other.begin_reading()
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


def test_reading_writes_nothing_and_holds_no_lock(provider) -> None:
    with provider.open_db() as reader, provider.open_db() as writer:
        reader.begin_reading()
        reader.execute(DENIED)
        writer.execute(DENY, {"jti": "a"})
        writer.commit()
        assert list(reader.execute(DENIED).scalars()) == ["a"], "each statement sees the newest"
        with pytest.raises(DBAPIError):
            reader.execute(DENY, {"jti": "b"})
    assert denied(provider) == ["a"]


def test_after_the_end_of_reading_writing_is_possible(provider) -> None:
    with provider.open_db() as db:
        db.begin_reading()
        db.execute(DENIED)
        assert not db.in_transaction()
        db.commit()
        db.execute(DENY, {"jti": "a"})
        assert db.in_transaction()
        db.begin_reading()  # too late: there is a transaction to finish first
        db.execute(DENY, {"jti": "b"})
        db.commit()
    assert denied(provider) == ["a", "b"]


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
        db.begin_reading()
        assert list(db.execute(DENIED).scalars()) == ["a", "b"]


def test_what_was_bound_stands_in_no_error_text(provider) -> None:
    with provider.open_db() as db, pytest.raises(DBAPIError) as caught:
        db.execute(text("SELECT :secret FROM no_such_table"), {"secret": "13812345678"})
    assert "13812345678" not in str(caught.value)
