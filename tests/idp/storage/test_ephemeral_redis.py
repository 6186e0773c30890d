"""What only Redis does: losing its memory, hanging, being away."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
import redis

from idp.storage.ephemeral_redis import BIRTH, SKEW, EphemeralUnavailable, RedisEphemeral, born_at, open_redis

MINUTE = timedelta(minutes=1)
VALUE = {"name": "张伟", "scope": "openid"}


@pytest.fixture
def both_engines():
    """One will do: nothing here touches the database."""
    return "sqlite"


@pytest.fixture
def in_redis(provider, redis_url, clock):
    client = open_redis(redis_url, clock)
    yield RedisEphemeral(client, provider.vault), client
    client.close()


def test_a_redis_that_lost_its_memory_refuses_proofs_older_than_itself(in_redis, redis_url, clock) -> None:
    ephemeral, client = in_redis
    before = clock.now
    assert ephemeral.claim("jti", "used", MINUTE, issued_at=before)
    client.flushall()  # as a restart without persistence
    client.connection_pool.disconnect()
    clock.advance(5)
    assert not ephemeral.claim("jti", "used", MINUTE, issued_at=before)
    assert born_at(client) == clock.now
    assert not ephemeral.claim("jti", "dated ahead", MINUTE, issued_at=clock.now + SKEW)
    assert ephemeral.claim("jti", "new", MINUTE, issued_at=clock.now + SKEW + timedelta(seconds=1))


def test_a_redis_that_forgot_its_birth_refuses_every_dated_proof(in_redis, clock) -> None:
    ephemeral, client = in_redis
    client.delete(BIRTH)
    assert not ephemeral.claim("jti", "a", MINUTE, issued_at=clock.now + timedelta(days=1))


def test_a_redis_that_was_restarted_counts_as_born_anew_though_it_kept_its_data(in_redis, clock) -> None:
    ephemeral, client = in_redis
    client.hset(BIRTH, "run_id", "an earlier run")
    client.connection_pool.disconnect()
    clock.advance(60)
    assert not ephemeral.claim("jti", "a", MINUTE, issued_at=clock.now)


def test_a_new_connection_to_the_same_run_does_not_make_it_young(in_redis, clock) -> None:
    ephemeral, client = in_redis
    born = born_at(client)
    clock.advance(60)
    client.connection_pool.disconnect()
    assert ephemeral.claim("jti", "a", MINUTE, issued_at=clock.now)
    assert born_at(client) == born


def test_providers_that_share_a_redis_do_not_see_each_others_values(provider, redis_url, clock) -> None:
    client = open_redis(redis_url, clock)
    one, other = (RedisEphemeral(client, provider.vault, prefix) for prefix in ("region", "national"))
    one.put("interaction", "a", VALUE, MINUTE)
    assert other.get("interaction", "a") is None
    client.close()


def test_values_are_sealed_in_redis(in_redis) -> None:
    ephemeral, client = in_redis
    ephemeral.put("interaction", "a", VALUE, MINUTE)
    stored = b"".join(client.get(key) for key in client.keys("tongxing:interaction:*"))
    assert stored
    assert "张伟".encode() not in stored
    assert b"openid" not in stored


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.put("k", "a", VALUE, MINUTE),
        lambda store: store.get("k", "a"),
        lambda store: store.consume("k", "a"),
        lambda store: store.claim("k", "a", MINUTE),
        lambda store: store.increment("k", "a", MINUTE),
        lambda store: store.count("k", "a"),
        lambda store: store.counts("k", ["a"]),
        lambda store: store.forget("k", "a"),
    ],
)
def test_without_redis_every_use_fails_and_soon(provider, clock, free_port, use, monkeypatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("redis.retry.sleep", waited.append)
    client = open_redis(f"redis://127.0.0.1:{free_port()}/0", clock)
    with pytest.raises(EphemeralUnavailable):
        use(RedisEphemeral(client, provider.vault))
    assert waited == [], "tried again"
    client.close()


def test_a_redis_that_hangs_is_given_up_after_a_quarter_of_a_second(redis_url, provider, clock) -> None:
    client = open_redis(redis_url.partition("?")[0], clock)
    ephemeral = RedisEphemeral(client, provider.vault)
    assert ephemeral.increment("k", "a", MINUTE) == 1
    with redis.Redis.from_url(redis_url) as other:
        other.client_pause(60_000, all=False)  # whatever may write hangs
        began = time.monotonic()
        try:
            with pytest.raises(EphemeralUnavailable):
                ephemeral.increment("k", "a", MINUTE)
        finally:
            other.client_unpause()
        waited = time.monotonic() - began
    # By the clock on the wall only what a busy machine cannot break; how long exactly says the connection.
    assert 0.25 <= waited < 60
    assert client.connection_pool.connection_kwargs["socket_timeout"] == 0.25
    client.close()
