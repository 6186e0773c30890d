"""What a request's work is given: the provider's long-lived parts and this request's transaction and moment.

:class:`Provider` is built once by :mod:`idp.app`; :class:`Context` once per request or background job. Everything
below the web layer takes a Context (or the few parts it needs) as an explicit argument; nothing is global.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import redis
from sqlalchemy import Engine

from idp.config import Settings
from idp.crypto.keyring import KeyRing
from idp.crypto.passwords import PasswordHasher
from idp.crypto.vault import Vault
from idp.domain.client import Client
from idp.domain.opening import Opening
from idp.storage.clients import ClientCache
from idp.storage.db import Db
from idp.storage.ephemeral import Ephemeral, SqlEphemeral
from idp.storage.ephemeral_redis import RedisEphemeral


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Provider:
    """The long-lived parts. ``clock`` can be set in tests; ``parts`` holds adapters by name (authority, messages,
    upstreams), put there by :mod:`idp.app`, so that lower layers need not know them."""

    settings: Settings
    engine: Engine
    alone: Engine  # the same database, for statements that stand alone
    vault: Vault
    keys: KeyRing
    passwords: PasswordHasher
    client_cache: ClientCache
    redis: redis.Redis | None = None
    clock: Callable[[], datetime] = utc_now
    parts: dict[str, Any] = field(default_factory=dict)

    def open_db(self) -> Db:
        """A unit of work of its own; whoever opens it commits and closes it."""
        return Db(self.engine, self.alone)

    def context(self, db: Db, now: datetime | None = None) -> Context:
        """The context of one request or job that works in ``db``."""
        moment = now or self.clock()
        return Context(self, db, self._ephemeral(db, moment), moment)

    def _ephemeral(self, db: Db, now: datetime) -> Ephemeral:
        if self.redis is None:
            return SqlEphemeral(db, self.vault, now)
        return RedisEphemeral(self.redis, self.vault, f"tongxing:{self.settings.issuer}")

    @contextmanager
    def work(self) -> Iterator[Context]:
        """Work outside a request: one transaction, committed at the end, rolled back on an exception."""
        with self.open_db() as db:
            yield self.context(db)
            db.commit()


@dataclass(frozen=True)
class Context:
    """One request's or job's work: ``db`` is its transaction, ``now`` its moment."""

    provider: Provider
    db: Db
    ephemeral: Ephemeral
    now: datetime

    @property
    def settings(self) -> Settings:
        return self.provider.settings

    @property
    def vault(self) -> Vault:
        return self.provider.vault

    @property
    def keys(self) -> KeyRing:
        return self.provider.keys

    def find_client(self, client_id: str) -> Client | None:
        """An active client, from this process's short-lived copy where it has one."""
        return self.provider.client_cache.find(self.db, client_id, self.now)

    def is_open(self, client: Client, opening: Opening) -> bool:
        """Whether a test-only relaxation counts for the client here and now."""
        return client.has_opening(opening, are_allowed=self.settings.openings_allowed)
