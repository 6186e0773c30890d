"""Revocation by RFC 7009."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select

from idp.storage.tables import revoked_tokens
from tests.clock import Clock
from tests.token_side import Caller, TokenSide, basic

METHODS = ["client_secret_basic", "client_secret_post", "none"]


def is_alive(side: TokenSide, access_token: str) -> bool:
    return side.userinfo(access_token).status_code == 200


@pytest.mark.parametrize("method", METHODS)
def test_an_access_token_given_back_is_dead_and_its_family_lives(side: TokenSide, method: str) -> None:
    caller = side.caller(token_endpoint_auth_method=method)
    tokens = side.tokens(caller, side.person())
    response = caller.revoke(tokens["access_token"])
    assert response.status_code == 200
    assert not is_alive(side, tokens["access_token"])
    assert caller.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("method", METHODS)
def test_a_refresh_token_given_back_ends_its_family(side: TokenSide, method: str) -> None:
    caller = side.caller(token_endpoint_auth_method=method)
    first = side.tokens(caller, side.person())
    second = caller.refresh(first["refresh_token"]).json
    assert caller.revoke(second["refresh_token"]).status_code == 200
    assert caller.refresh(second["refresh_token"]).json["error"] == "invalid_grant"
    assert not is_alive(side, first["access_token"])
    assert not is_alive(side, second["access_token"])


def test_a_used_up_refresh_token_ends_its_family_too(side: TokenSide) -> None:
    caller = side.caller()
    first = side.tokens(caller, side.person())
    second = caller.refresh(first["refresh_token"]).json
    assert caller.revoke(first["refresh_token"]).status_code == 200
    assert not is_alive(side, second["access_token"])


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "id_token", "nonsense", "é", ""])
def test_a_hint_is_only_a_hint(side: TokenSide, hint: str) -> None:
    caller = side.caller()
    tokens = side.tokens(caller, side.person())
    assert caller.revoke(tokens["access_token"], token_type_hint=hint).status_code == 200
    assert not is_alive(side, tokens["access_token"])
    assert caller.revoke(tokens["refresh_token"], token_type_hint=hint).status_code == 200
    assert caller.refresh(tokens["refresh_token"]).status_code == 400


@pytest.mark.parametrize("token", ["unknown", "a.b.c", "a.1.b.c", "é", "x" * 5000])
def test_what_nobody_knows_is_as_good_as_revoked(side: TokenSide, token: str) -> None:
    assert side.caller().revoke(token).status_code == 200


def test_a_refresh_token_whose_grant_is_forgotten_is_as_good_as_revoked(side: TokenSide) -> None:
    from sqlalchemy import delete

    from idp.storage.tables import grants

    caller = side.caller()
    tokens = side.tokens(caller, side.person())
    with side.work() as context:
        context.db.execute(delete(grants))
    assert caller.revoke(tokens["refresh_token"]).status_code == 200


def test_giving_back_twice_is_no_error(side: TokenSide) -> None:
    caller = side.caller()
    tokens = side.tokens(caller, side.person())
    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert [caller.revoke(token).status_code for _ in range(2)] == [200, 200]


def test_an_expired_access_token_leaves_no_trace(side: TokenSide, clock: Clock) -> None:
    caller = side.caller()
    tokens = side.tokens(caller, side.person())
    clock.advance(600)
    assert caller.revoke(tokens["access_token"]).status_code == 200
    with side.work() as context:
        assert context.db.execute(select(revoked_tokens)).first() is None


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_another_clients_token_is_refused_and_lives_on(side: TokenSide, kind: str) -> None:
    caller, other = side.caller(), side.caller("other")
    tokens = side.tokens(caller, side.person())
    response = other.revoke(tokens[kind])
    assert (response.status_code, response.json["error"]) == (400, "invalid_grant")
    assert is_alive(side, tokens["access_token"])
    assert caller.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("token", [None, ""])
def test_the_token_is_required(side: TokenSide, token: str | None) -> None:
    response = side.caller().post("/revoke", {"token": token})
    assert (response.status_code, response.json["error"]) == (400, "invalid_request")


def test_the_client_must_authenticate(side: TokenSide) -> None:
    caller = side.caller()
    tokens = side.tokens(caller, side.person())
    for headers in ({}, basic("client", "wrong"), basic("nobody", "x")):
        response = side.http.post("/revoke", data={"token": tokens["access_token"]}, headers=headers)
        assert (response.status_code, response.json["error"]) == (401, "invalid_client")
    assert is_alive(side, tokens["access_token"])


def test_the_token_is_not_taken_from_the_query(side: TokenSide) -> None:
    caller = side.caller()
    tokens = side.tokens(caller, side.person())
    response = caller.post(f"/revoke?token={tokens['access_token']}", {"token": tokens["access_token"]})
    assert response.status_code == 400
    assert is_alive(side, tokens["access_token"])


def test_get_is_not_spoken(side: TokenSide) -> None:
    assert side.http.get("/revoke").status_code == 405


def test_the_answer_is_not_kept(side: TokenSide) -> None:
    response = side.caller().revoke("x")
    assert (response.headers["Cache-Control"], response.json) == ("no-store", {})


def test_a_clients_own_token_can_be_given_back(side: TokenSide) -> None:
    caller: Caller = side.caller()
    token = caller.token("client_credentials").json["access_token"]
    assert caller.introspect(token)["active"]
    caller.revoke(token)
    assert caller.introspect(token) == {"active": False}


@pytest.mark.usefixtures("both_engines")
def test_revoking_holds_on_both_engines(side: TokenSide) -> None:
    caller = side.caller()
    tokens = side.tokens(caller, side.person())
    caller.revoke(tokens["access_token"])
    caller.revoke(tokens["access_token"])
    assert caller.introspect(tokens["access_token"]) == {"active": False}
    caller.revoke(tokens["refresh_token"])
    assert caller.introspect(tokens["refresh_token"]) == {"active": False}


ANYTHING = st.text(alphabet=st.characters(min_codepoint=0x20, exclude_categories=["Cs", "Cc"]), max_size=300)


@given(ANYTHING, ANYTHING)
@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_as_a_token_or_hint_breaks_the_endpoint(side: TokenSide, token: str, hint: str) -> None:
    response = side.caller().revoke(token, token_type_hint=hint)
    assert response.status_code == 200 if token else response.json["error"] == "invalid_request"
