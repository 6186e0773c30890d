"""The input rules hold in the protocol itself, also where no door stands before it."""

from __future__ import annotations

from typing import Any

import pytest

from idp.context import Context
from idp.protocol import userinfo
from idp.protocol.messages import CoreRequest, Reply, Request
from idp.protocol.server import Server
from tests.token_side import TokenSide, basic

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def ask(side: TokenSide, headers: dict[str, str], *form: tuple[str, str], query: tuple[Any, ...] = ()) -> Reply:
    with side.work() as context:
        message = Request("POST", "http://127.0.0.1:8000/token", FORM | headers, query, form)
        return Server(context).create_token_response(message)


@pytest.fixture
def header(side: TokenSide) -> dict[str, str]:
    return basic("client", side.caller().secret or "")


def test_one_clean_form_is_answered(side: TokenSide, header: dict[str, str]) -> None:
    assert ask(side, header, ("grant_type", "client_credentials")).status == 200


@pytest.mark.parametrize("name", ["grant_type", "scope", "你好", "a" * 100])
def test_a_parameter_given_twice_is_refused(side: TokenSide, header: dict[str, str], name: str) -> None:
    reply = ask(side, header, ("grant_type", "client_credentials"), (name, "a"), (name, "a"))
    assert (reply.status, reply.body["error"]) == (400, "invalid_request")  # type: ignore[index]


def test_another_media_type_is_refused(side: TokenSide, header: dict[str, str]) -> None:
    reply = ask(side, header | {"Content-Type": "text/plain"}, ("grant_type", "client_credentials"))
    assert reply.status == 400


def test_a_secret_in_the_query_is_refused(side: TokenSide, header: dict[str, str]) -> None:
    reply = ask(side, header, ("grant_type", "client_credentials"), query=(("client_secret", "x"),))
    assert reply.status == 400


def test_an_access_token_given_twice_is_refused(side: TokenSide) -> None:
    form = (("access_token", "a"), ("access_token", "b"))
    message = Request("POST", "http://127.0.0.1:8000/userinfo", FORM, (), form)
    with side.work() as context:
        reply = userinfo.respond(Server(context), CoreRequest(message))
    assert reply.status == 400


def test_the_server_has_no_request_to_fall_back_to(side: TokenSide) -> None:
    context: Context
    with side.work() as context, pytest.raises(TypeError):
        Server(context).create_token_response()
