"""The ephemeral store: values that die within minutes, one-time claims and counters.

One interface, two implementations that pass one contract suite. The SQL one lives in the request's transaction; the
Redis one is shared by all processes and costs no statement. Losing the store loses logins in flight and nothing else:
what must survive (codes, refresh families, revocations) is in :mod:`idp.storage.grants`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import redis
from sqlalchemy import and_, case, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from idp.storage.db import Db
from idp.storage.tables import ephemeral


class Ephemeral(Protocol):
    """Values by kind and key; kinds never mix, so one kind of value cannot be redeemed as another."""

    def put(self, kind: str, key: str, value: dict[str, Any], lifetime: timedelta) -> None:
        """Store or replace a value."""

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """The value while it lives."""

    def consume(self, kind: str, key: str) -> dict[str, Any] | None:
        """Take the value: exactly one of several takers gets it."""

    def claim(self, kind: str, key: str, lifetime: timedelta) -> bool:
        """True for the first who claims the key within its lifetime (a jti, a one-time step)."""

    def increment(self, kind: str, key: str, lifetime: timedelta) -> int:
        """Count up; the first increment starts the lifetime. Returns the new count."""

    def count(self, kind: str, key: str) -> int:
        """The count while it lives, else 0."""

    def counts(self, kind: str, keys: Sequence[str]) -> dict[str, int]:
        """The counts of several keys in one look; those that count nothing are missing."""

    def forget(self, kind: str, key: str) -> None:
        """Remove a value, claim or counter."""


class SqlEphemeral:
    """In the database, within the request's transaction. Keys are at most 255 characters."""

    def __init__(self, db: Db, now: datetime) -> None:
        self._db, self._now = db, now
        dialect = db.get_bind().dialect.name
        self._insert = sqlite.insert if dialect == "sqlite" else postgresql.insert

    def put(self, kind: str, key: str, value: dict[str, Any], lifetime: timedelta) -> None:
        values = {"value": value, "count": 0, "expires_at": self._now + lifetime}
        statement = self._insert(ephemeral).values(kind=kind, key=key, **values)
        self._db.execute(statement.on_conflict_do_update(index_elements=["kind", "key"], set_=values))

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        query = select(ephemeral.c.value).where(self._is(kind, key), ephemeral.c.expires_at > self._now)
        value: dict[str, Any] | None = self._db.execute(query).scalar()
        return value

    def consume(self, kind: str, key: str) -> dict[str, Any] | None:
        statement = (
            delete(ephemeral)
            .where(self._is(kind, key), ephemeral.c.expires_at > self._now)
            .returning(ephemeral.c.value)
        )
        value: dict[str, Any] | None = self._db.execute(statement).scalar()
        return value

    def claim(self, kind: str, key: str, lifetime: timedelta) -> bool:
        values = {"value": {}, "count": 1, "expires_at": self._now + lifetime}
        statement = (
            self._insert(ephemeral)
            .values(kind=kind, key=key, **values)
            .on_conflict_do_update(
                index_elements=["kind", "key"], set_=values, where=ephemeral.c.expires_at <= self._now
            )
            .returning(ephemeral.c.key)
        )
        return self._db.execute(statement).first() is not None

    def increment(self, kind: str, key: str, lifetime: timedelta) -> int:
        ends = self._now + lifetime
        is_over = ephemeral.c.expires_at <= self._now
        statement = (
            self._insert(ephemeral)
            .values(kind=kind, key=key, value={}, count=1, expires_at=ends)
            .on_conflict_do_update(
                index_elements=["kind", "key"],
                set_={
                    "count": case((is_over, 1), else_=ephemeral.c.count + 1),
                    "expires_at": case((is_over, ends), else_=ephemeral.c.expires_at),
                },
            )
            .returning(ephemeral.c.count)
        )
        return int(self._db.execute(statement).scalar_one())

    def count(self, kind: str, key: str) -> int:
        query = select(ephemeral.c.count).where(self._is(kind, key), ephemeral.c.expires_at > self._now)
        return int(self._db.execute(query).scalar() or 0)

    def counts(self, kind: str, keys: Sequence[str]) -> dict[str, int]:
        query = select(ephemeral.c.key, ephemeral.c.count).where(
            ephemeral.c.kind == kind, ephemeral.c.key.in_(keys), ephemeral.c.expires_at > self._now
        )
        return {key: count for key, count in self._db.execute(query)}

    def forget(self, kind: str, key: str) -> None:
        self._db.execute(delete(ephemeral).where(self._is(kind, key)))

    @staticmethod
    def _is(kind: str, key: str) -> Any:
        return and_(ephemeral.c.kind == kind, ephemeral.c.key == key)


class RedisEphemeral:
    """In Redis: one command, or one script, per operation."""

    _COUNT = "local c = redis.call('INCR', KEYS[1]) if c == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end return c"

    def __init__(self, client: redis.Redis, prefix: str = "tongxing") -> None:
        self._redis, self._prefix = client, prefix
        self._count = client.register_script(self._COUNT)

    def put(self, kind: str, key: str, value: dict[str, Any], lifetime: timedelta) -> None:
        self._redis.set(self._name(kind, key), json.dumps(value), px=lifetime)

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        return self._value(self._redis.get(self._name(kind, key)))

    def consume(self, kind: str, key: str) -> dict[str, Any] | None:
        return self._value(self._redis.getdel(self._name(kind, key)))

    def claim(self, kind: str, key: str, lifetime: timedelta) -> bool:
        return bool(self._redis.set(self._name(kind, key), "1", px=lifetime, nx=True))

    def increment(self, kind: str, key: str, lifetime: timedelta) -> int:
        milliseconds = max(1, int(lifetime.total_seconds() * 1000))
        return int(self._count(keys=[self._name(kind, key)], args=[milliseconds]))

    def count(self, kind: str, key: str) -> int:
        return int(self._redis.get(self._name(kind, key)) or 0)

    def counts(self, kind: str, keys: Sequence[str]) -> dict[str, int]:
        found: Any = self._redis.mget([self._name(kind, key) for key in keys])
        return {key: int(count) for key, count in zip(keys, found, strict=True) if count is not None}

    def forget(self, kind: str, key: str) -> None:
        self._redis.delete(self._name(kind, key))

    def _name(self, kind: str, key: str) -> str:
        return f"{self._prefix}:{kind}:{key}"

    @staticmethod
    def _value(text: Any) -> dict[str, Any] | None:
        if text is None:
            return None
        value: dict[str, Any] = json.loads(text)
        return value
