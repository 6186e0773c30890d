"""Introspection by RFC 7662."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.assertions import AssertionKey
from tests.clock import Clock
from tests.statements import Statements
from tests.token_side import TokenSide, basic

Count = Callable[..., AbstractContextManager[Statements]]
RESOURCE = "http://127.0.0.1:8300"
INACTIVE = {"active": False}


def test_a_persons_access_token_tells_what_it_is(side: TokenSide, clock: Clock) -> None:
    caller, person = side.caller(), side.person()
    found = caller.introspect(side.tokens(caller, person)["access_token"])
    now = int(clock().timestamp())
    jti = found.pop("jti")
    assert len(jti) == 22
    assert found == {
        "active": True,
        "token_type": "Bearer",
        "scope": "openid profile",
        "client_id": "client",
        "sub": person.subject,
        "iss": "http://127.0.0.1:8000",
        "aud": "http://127.0.0.1:8000",
        "iat": now,
        "exp": now + 600,
        "auth_time": now - 300,
        "acr": "urn:tongxing:loa:2",
        "amr": ["pwd"],
        "sid": "session-of-the-browser",
    }


def test_a_clients_own_token_tells_what_it_is(side: TokenSide) -> None:
    caller = side.caller()
    found = caller.introspect(caller.token("client_credentials").json["access_token"])
    assert set(found) == {"active", "token_type", "scope", "client_id", "sub", "iss", "aud", "iat", "exp", "jti"}


def test_a_refresh_token_tells_its_scope_and_end(side: TokenSide, clock: Clock) -> None:
    caller, person = side.caller(), side.person()
    found = caller.introspect(side.tokens(caller, person)["refresh_token"])
    now = int(clock().timestamp())
    assert found == {
        "active": True,
        "scope": "openid profile",
        "client_id": "client",
        "sub": person.subject,
        "iss": "http://127.0.0.1:8000",
        "iat": now,
        "exp": now + 14 * 86400,
    }


def test_a_refresh_tokens_end_is_never_beyond_its_familys(side: TokenSide, clock: Clock) -> None:
    caller = side.caller()
    tokens = side.tokens(caller, side.person())
    started = int(clock().timestamp())
    for _ in range(2):
        clock.advance(10 * 86400)
        tokens = caller.refresh(tokens["refresh_token"]).json
    assert caller.introspect(tokens["refresh_token"])["exp"] == started + 30 * 86400


@pytest.mark.usefixtures("both_engines")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_it_takes_one_statement(side: TokenSide, statements: Count, kind: str) -> None:
    caller = side.caller()
    tokens = side.tokens(caller, side.person())
    with statements() as seen:
        assert caller.introspect(tokens[kind])["active"]
    assert len(seen) == 1, seen


def test_a_clients_own_token_takes_one_statement(side: TokenSide, statements: Count) -> None:
    caller = side.caller()
    token = caller.token("client_credentials").json["access_token"]
    with statements() as seen:
        assert caller.introspect(token)["active"]
    assert len(seen) == 1, seen


@pytest.mark.parametrize("token", ["unknown", "a.b.c", "a.1.b.c", "é", "x" * 5000, "."])
def test_what_nobody_issued_is_inactive_and_costs_no_statement(side: TokenSide, statements: Count, token: str) -> None:
    caller = side.caller()
    caller.introspect("warm")
    with statements() as seen:
        assert caller.introspect(token) == INACTIVE
    assert len(seen) == 0, seen


def test_an_id_token_is_inactive(side: TokenSide) -> None:
    caller = side.caller()
    assert caller.introspect(side.tokens(caller, side.person())["id_token"]) == INACTIVE


def test_an_altered_token_is_inactive(side: TokenSide) -> None:
    caller = side.caller()
    header, payload, signature = side.tokens(caller, side.person())["access_token"].split(".")
    assert caller.introspect(f"{header}.{payload}.{signature[:-4]}AAAA") == INACTIVE
    assert caller.introspect(f"{header}.{payload[:-4]}AAAA.{signature}") == INACTIVE
    assert caller.introspect(f"{header}.{payload}.") == INACTIVE


@pytest.mark.parametrize(("seconds", "is_active"), [(599, True), (600, False), (601, False)])
def test_an_expired_token_is_inactive(side: TokenSide, clock: Clock, seconds: int, is_active: bool) -> None:
    caller = side.caller()
    token = side.tokens(caller, side.person())["access_token"]
    clock.advance(seconds)
    assert caller.introspect(token)["active"] is is_active


def test_a_used_refresh_token_is_inactive_and_asking_does_no_harm(side: TokenSide) -> None:
    caller = side.caller()
    first = side.tokens(caller, side.person())
    second = caller.refresh(first["refresh_token"]).json
    assert caller.introspect(first["refresh_token"]) == INACTIVE
    assert caller.introspect(second["refresh_token"])["active"]


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_stranger_learns_nothing(side: TokenSide, kind: str) -> None:
    caller, stranger = side.caller(), side.caller("stranger")
    assert stranger.introspect(side.tokens(caller, side.person())[kind]) == INACTIVE


def test_a_resource_server_may_ask_about_tokens_meant_for_it(side: TokenSide) -> None:
    caller = side.caller()
    matters = side.caller("matters", resource_identifier=RESOURCE, grant_types=["client_credentials"])
    scope = frozenset({"openid", "matters.read"})
    token = side.tokens(caller, side.person(), scope=scope)["access_token"]
    assert matters.introspect(token)["scope"] == "matters.read openid"
    assert matters.introspect(side.tokens(caller, side.person())["access_token"]) == INACTIVE


def test_a_client_without_a_resource_identifier_is_nobodys_audience(side: TokenSide) -> None:
    caller = side.caller()
    empty = side.caller("empty", resource_identifier=None)
    assert empty.introspect(side.tokens(caller, side.person())["access_token"]) == INACTIVE


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense", ""])
def test_a_hint_is_only_a_hint(side: TokenSide, hint: str) -> None:
    caller = side.caller()
    tokens = side.tokens(caller, side.person())
    assert caller.introspect(tokens["access_token"], token_type_hint=hint)["active"]
    assert caller.introspect(tokens["refresh_token"], token_type_hint=hint)["active"]


@pytest.mark.parametrize("token", [None, ""])
def test_the_token_is_required(side: TokenSide, token: str | None) -> None:
    response = side.caller().post("/introspect", {"token": token})
    assert (response.status_code, response.json["error"]) == (400, "invalid_request")


def test_public_clients_and_nobody_are_refused(side: TokenSide) -> None:
    side.caller()
    side.caller("public", token_endpoint_auth_method="none")
    for data, headers in (
        ({}, {}),
        ({"client_id": "public"}, {}),
        ({"client_id": "client"}, {}),
        ({}, basic("client", "wrong")),
        ({}, {"Authorization": "Bearer x"}),
    ):
        response = side.http.post("/introspect", data={"token": "x"} | data, headers=headers)
        assert (response.status_code, response.json["error"]) == (401, "invalid_client")


@pytest.mark.usefixtures("both_engines")
def test_a_client_may_prove_itself_by_assertion_once(side: TokenSide) -> None:
    key = AssertionKey.new()
    caller = side.caller("jwt", token_endpoint_auth_method="private_key_jwt", jwks={"keys": [key.public_jwk]})
    form: dict[str, Any] = {"token": "x"} | key.form("jwt")
    assert caller.post("/introspect", form).json == INACTIVE
    assert caller.post("/introspect", form).status_code == 401


def test_the_answer_is_not_kept(side: TokenSide) -> None:
    response = side.caller().post("/introspect", {"token": "x"})
    assert response.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in response.headers


def test_get_is_not_spoken(side: TokenSide) -> None:
    assert side.http.get("/introspect?token=x").status_code == 405


ANYTHING = st.text(alphabet=st.characters(min_codepoint=0x20, exclude_categories=["Cs", "Cc"]), max_size=300)


@given(
    ANYTHING.filter(bool) | st.from_regex(r"[A-Za-z0-9_-]{0,30}(\.[A-Za-z0-9_-]{0,30}){2,4}", fullmatch=True), ANYTHING
)
@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_text_that_is_no_token_is_inactive(side: TokenSide, token: str, hint: str) -> None:
    assert side.caller().introspect(token, token_type_hint=hint) == INACTIVE
