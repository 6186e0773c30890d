"""The ephemeral store: values that die within minutes, one-time claims and counters.

One interface, two implementations that pass one contract suite: this module's lives in the request's transaction,
:mod:`idp.storage.ephemeral_redis` is shared by all processes and costs no statement. Losing the store loses logins in
flight and nothing else: what must survive (codes, refresh families, revocations) is in :mod:`idp.storage.grants`.
Values are sealed at rest: they hold what people typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import and_, bindparam, case, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from idp.crypto.vault import Vault
from idp.storage.db import Db
from idp.storage.tables import ephemeral


class Ephemeral(Protocol):
    """Values by kind and key; kinds never mix, so one kind of value cannot be redeemed as another. Keys are at most
    255 characters and hold nothing personal in the clear."""

    def put(self, kind: str, key: str, value: dict[str, Any], lifetime: timedelta) -> None:
        """Store or replace a value; one whose lifetime is over already is only removed."""

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """The value while it lives."""

    def consume(self, kind: str, key: str) -> dict[str, Any] | None:
        """Take the value: exactly one of several takers gets it."""

    def claim(self, kind: str, key: str, lifetime: timedelta, *, issued_at: datetime | None = None) -> bool:
        """True for the first who claims the key within its lifetime (a jti, a one-time step).

        ``issued_at``: when the proof was made that the key stands for. A store that may have forgotten claims since
        then refuses it.
        """

    def increment(self, kind: str, key: str, lifetime: timedelta) -> int:
        """Count up; the first increment starts the lifetime. Returns the new count."""

    def count(self, kind: str, key: str) -> int:
        """The count while it lives, else 0."""

    def counts(self, kind: str, keys: Sequence[str]) -> dict[str, int]:
        """The counts of several keys in one look; those that count nothing are missing."""

    def forget(self, kind: str, key: str) -> None:
        """Remove a value, claim or counter."""


_IS_KEY = and_(ephemeral.c.kind == bindparam("kind"), ephemeral.c.key == bindparam("key"))
_IS_ALIVE = and_(_IS_KEY, ephemeral.c.expires_at > bindparam("moment"))
_GET = select(ephemeral.c.value_sealed).where(_IS_ALIVE)
_CONSUME = delete(ephemeral).where(_IS_ALIVE).returning(ephemeral.c.value_sealed)
_COUNT = select(ephemeral.c.count).where(_IS_ALIVE)
_COUNTS = select(ephemeral.c.key, ephemeral.c.count).where(
    ephemeral.c.kind == bindparam("kind"),
    ephemeral.c.key.in_(bindparam("keys", expanding=True)),
    ephemeral.c.expires_at > bindparam("moment"),
)
_FORGET = delete(ephemeral).where(_IS_KEY)


def _statements(insert: Any) -> tuple[Any, Any, Any]:
    """put, claim and increment in one engine's words. A row whose time is over counts as none."""
    begun = insert(ephemeral)
    given = begun.excluded
    is_over = ephemeral.c.expires_at <= bindparam("moment")
    key = ["kind", "key"]
    everything = {name: given[name] for name in ("value_sealed", "count", "expires_at")}
    counted = {
        "count": case((is_over, 1), else_=ephemeral.c.count + 1),
        "expires_at": case((is_over, given.expires_at), else_=ephemeral.c.expires_at),
    }
    return (
        begun.on_conflict_do_update(index_elements=key, set_=everything),
        begun.on_conflict_do_update(index_elements=key, set_=everything, where=is_over).returning(ephemeral.c.key),
        begun.on_conflict_do_update(index_elements=key, set_=counted).returning(ephemeral.c.count),
    )


_BY_ENGINE = {"sqlite": _statements(sqlite.insert), "postgresql": _statements(postgresql.insert)}


class SqlEphemeral:
    """In the database, within the request's transaction."""

    def __init__(self, db: Db, vault: Vault, now: datetime) -> None:
        self._db, self._vault, self._now = db, vault, now

    def put(self, kind: str, key: str, value: dict[str, Any], lifetime: timedelta) -> None:
        put, _, _ = self._written()
        self._db.execute(put, self._row(kind, key, lifetime, seal(self._vault, kind, key, value)))

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        return self._opened(_GET, kind, key)

    def consume(self, kind: str, key: str) -> dict[str, Any] | None:
        return self._opened(_CONSUME, kind, key)

    def claim(self, kind: str, key: str, lifetime: timedelta, *, issued_at: datetime | None = None) -> bool:
        _, claim, _ = self._written()  # the database forgets nothing: issued_at does not matter here
        return self._db.execute(claim, self._row(kind, key, lifetime)).first() is not None

    def increment(self, kind: str, key: str, lifetime: timedelta) -> int:
        _, _, increment = self._written()
        return int(self._db.execute(increment, self._row(kind, key, lifetime)).scalar_one())

    def count(self, kind: str, key: str) -> int:
        return int(self._db.execute(_COUNT, {"kind": kind, "key": key, "moment": self._now}).scalar() or 0)

    def counts(self, kind: str, keys: Sequence[str]) -> dict[str, int]:
        rows = self._db.execute(_COUNTS, {"kind": kind, "keys": list(keys), "moment": self._now})
        return {key: count for key, count in rows}

    def forget(self, kind: str, key: str) -> None:
        self._db.execute(_FORGET, {"kind": kind, "key": key})

    def _written(self) -> tuple[Any, Any, Any]:
        return _BY_ENGINE[self._db.get_bind().dialect.name]

    def _row(self, kind: str, key: str, lifetime: timedelta, sealed: bytes | None = None) -> dict[str, Any]:
        ends = self._now + lifetime
        return {
            "kind": kind,
            "key": key,
            "value_sealed": sealed,
            "count": 1,
            "expires_at": ends,
            "moment": self._now,
        }

    def _opened(self, statement: Any, kind: str, key: str) -> dict[str, Any] | None:
        sealed = self._db.execute(statement, {"kind": kind, "key": key, "moment": self._now}).scalar()
        return open_sealed(self._vault, kind, key, sealed) if sealed is not None else None


def seal(vault: Vault, kind: str, key: str, value: dict[str, Any]) -> bytes:
    """A value as it is stored; it opens only under the kind and key it was stored for."""
    return vault.seal_json("ephemeral", value, f"{kind} {key}")


def open_sealed(vault: Vault, kind: str, key: str, sealed: bytes) -> dict[str, Any]:
    value: dict[str, Any] = vault.open_json("ephemeral", sealed, f"{kind} {key}")
    return value
