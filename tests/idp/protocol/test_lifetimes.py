from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from idp.config import Settings
from idp.domain.client import Client
from idp.protocol import lifetimes
from tests.clock import Clock
from tests.token_side import TokenSide


def test_a_client_shortens_what_it_gets(side: TokenSide, clock: Clock) -> None:
    caller = side.caller(access_token_lifetime=60, id_token_lifetime=30)
    given = side.tokens(caller, side.person())
    assert given["expires_in"] == 60
    access, login = side.read(given["access_token"]).claims, side.read(given["id_token"]).claims
    assert (access["exp"] - access["iat"], login["exp"] - login["iat"]) == (60, 30)
    assert caller.token("client_credentials").json["expires_in"] == 60
    clock.advance(60)
    assert side.userinfo(given["access_token"]).status_code == 401


def test_a_client_lengthens_nothing(side: TokenSide) -> None:
    caller = side.caller(access_token_lifetime=10**6, id_token_lifetime=10**6, refresh_idle_lifetime=10**9)
    given = side.tokens(caller, side.person())
    assert given["expires_in"] == 600
    claims = side.read(given["id_token"]).claims
    assert claims["exp"] - claims["iat"] == 600


@pytest.mark.parametrize("value", [None, 0, -1, "60", 1.5, [60], {}, 10**30])
def test_what_is_no_lifetime_changes_nothing(value: Any) -> None:
    client = Client("c", {"access_token_lifetime": value})
    assert lifetimes.access_token(Settings(), client) == timedelta(minutes=10)


def test_refresh_tokens_end_idle_and_absolutely_as_the_client_says(side: TokenSide, clock: Clock) -> None:
    caller = side.caller(refresh_idle_lifetime=100, refresh_absolute_lifetime=250)
    started, given = clock().timestamp(), side.tokens(caller, side.person())
    assert caller.introspect(given["refresh_token"])["exp"] == started + 100
    for _ in range(2):
        clock.advance(99)
        given = caller.refresh(given["refresh_token"]).json
    assert caller.introspect(given["refresh_token"])["exp"] == started + 250
    clock.advance(52)
    assert caller.refresh(given["refresh_token"]).json["error"] == "invalid_grant"
    given = side.tokens(caller, side.person())
    clock.advance(100)
    assert caller.refresh(given["refresh_token"]).json["error"] == "invalid_grant"


def test_a_code_lives_a_minute_at_most() -> None:
    assert lifetimes.code(Settings(code_lifetime=timedelta(minutes=10))) == timedelta(seconds=60)
    assert lifetimes.code(Settings(code_lifetime=timedelta(seconds=30))) == timedelta(seconds=30)
