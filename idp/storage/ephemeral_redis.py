"""The ephemeral store in Redis: one command, or one script, per operation.

Redis may lose its memory; the store then knows since when it remembers, and refuses proofs made before (they may have
been used). It must not evict by itself (``maxmemory-policy noeviction``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from idp.crypto.vault import Vault
from idp.storage.ephemeral import open_sealed, seal

TIMEOUT_SECONDS = 0.25
SKEW = timedelta(seconds=10)  # how far ahead of our clock a proof may be dated
BIRTH = "tongxing:birth"

_NOTE_BIRTH = """
if redis.call('HGET', KEYS[1], 'run_id') ~= ARGV[1] then
  redis.call('HSET', KEYS[1], 'run_id', ARGV[1], 'at', ARGV[2])
end
return redis.call('HGET', KEYS[1], 'at')
"""
_CLAIM = """
if ARGV[2] ~= '' then
  local born = redis.call('HGET', KEYS[2], 'at')
  if not born or tonumber(ARGV[2]) <= tonumber(born) then return 0 end
end
return redis.call('SET', KEYS[1], '1', 'PX', ARGV[1], 'NX') and 1 or 0
"""
_COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count
"""


class EphemeralUnavailable(redis.RedisError):
    """Redis did not answer in time. Whoever depended on it refuses: 503."""


def open_redis(url: str, clock: Callable[[], datetime]) -> redis.Redis:
    """A pool of connections. No call takes longer than a quarter of a second, none is repeated by itself.

    Each new connection notes the server's birth: a restart ends every connection, so none ever speaks to a server
    whose birth is unknown.
    """

    def connected(connection: Any) -> None:
        connection.on_connect()
        connection.send_command("INFO", "server")
        run_id = _run_id(connection.read_response())
        connection.send_command("EVAL", _NOTE_BIRTH, 1, BIRTH, run_id, str(clock().timestamp()))
        connection.read_response()

    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        redis_connect_func=connected,
    )


def _run_id(info: Any) -> str:
    """The server's name for this run of itself, from its INFO text."""
    text = info.decode() if isinstance(info, bytes) else str(info)
    return next(line.partition(":")[2] for line in text.splitlines() if line.startswith("run_id:"))


class RedisEphemeral:
    """Every method raises EphemeralUnavailable when Redis does not answer. ``prefix`` keeps providers apart that share
    one Redis."""

    def __init__(self, client: redis.Redis, vault: Vault, prefix: str = "tongxing") -> None:
        self._redis, self._vault, self._prefix = client, vault, prefix

    def put(self, kind: str, key: str, value: dict[str, Any], lifetime: timedelta) -> None:
        if lifetime <= timedelta(0):
            return self.forget(kind, key)
        with _available():
            self._redis.set(self._name(kind, key), seal(self._vault, kind, key, value), px=_milliseconds(lifetime))

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        with _available():
            return self._opened(kind, key, self._redis.get(self._name(kind, key)))

    def consume(self, kind: str, key: str) -> dict[str, Any] | None:
        with _available():
            return self._opened(kind, key, self._redis.getdel(self._name(kind, key)))

    def claim(self, kind: str, key: str, lifetime: timedelta, *, issued_at: datetime | None = None) -> bool:
        # A proof dated ahead of its making must not pass for younger than a store born in between.
        made = str((issued_at - SKEW).timestamp()) if issued_at else ""
        arguments: Any = (self._name(kind, key), BIRTH, _milliseconds(lifetime), made)
        with _available():
            return bool(self._redis.eval(_CLAIM, 2, *arguments))

    def increment(self, kind: str, key: str, lifetime: timedelta) -> int:
        arguments: Any = (self._name(kind, key), _milliseconds(lifetime))
        with _available():
            count: Any = self._redis.eval(_COUNT, 1, *arguments)
        return int(count)

    def count(self, kind: str, key: str) -> int:
        with _available():
            found: Any = self._redis.get(self._name(kind, key))
        return int(found or 0)

    def counts(self, kind: str, keys: Sequence[str]) -> dict[str, int]:
        with _available():
            found: Any = self._redis.mget([self._name(kind, key) for key in keys])
        return {key: int(count) for key, count in zip(keys, found, strict=True) if count is not None}

    def forget(self, kind: str, key: str) -> None:
        with _available():
            self._redis.delete(self._name(kind, key))

    def _name(self, kind: str, key: str) -> str:
        return f"{self._prefix}:{kind}:{key}"

    def _opened(self, kind: str, key: str, sealed: Any) -> dict[str, Any] | None:
        return open_sealed(self._vault, kind, key, sealed) if sealed is not None else None


def born_at(client: redis.Redis) -> datetime:
    """Since when this Redis remembers."""
    with _available():
        at: Any = client.hget(BIRTH, "at")
    return datetime.fromtimestamp(float(at), UTC)


@contextlib.contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        raise EphemeralUnavailable("the ephemeral store does not answer") from error


def _milliseconds(lifetime: timedelta) -> int:
    return max(1, int(lifetime.total_seconds() * 1000))
