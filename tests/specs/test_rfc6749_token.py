"""The token endpoint by RFC 6749 (§3.2, §4.1.3, §4.4, §5, §6) with RFC 7636 §4.6 and RFC 9700 §4.8, §4.14."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from idp.domain.account import AccountStatus, Role
from idp.storage import accounts, grants, organisations
from tests.clock import Clock
from tests.statements import Statements
from tests.token_side import Caller, Code, TokenSide, basic

Count = Callable[..., AbstractContextManager[Statements]]


def error(response: TestResponse) -> tuple[int, str]:
    return response.status_code, response.json["error"]


GRANT_ERROR = (400, "invalid_grant")
REQUEST_ERROR = (400, "invalid_request")


# --- §3.2, §5: the endpoint itself ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_post_is_spoken_here(side: TokenSide, method: str) -> None:
    caller = side.caller()
    response = side.http.open("/token", method=method, headers=basic("client", caller.secret or ""))
    assert response.status_code == 405


def test_a_grant_in_the_query_is_no_token_request(side: TokenSide) -> None:
    caller = side.caller()
    response = side.http.post("/token?grant_type=client_credentials", headers=basic("client", caller.secret or ""))
    assert error(response) == REQUEST_ERROR


@pytest.mark.parametrize("body", [{"json": {"grant_type": "client_credentials"}}, {"data": {}}, {"data": b""}])
def test_what_is_no_form_is_no_token_request(side: TokenSide, body: dict[str, Any]) -> None:
    caller = side.caller()
    response = side.http.post("/token", headers=basic("client", caller.secret or ""), **body)
    assert error(response) == REQUEST_ERROR


def test_another_media_type_is_refused(side: TokenSide) -> None:
    caller = side.caller()
    response = side.http.post(
        "/token",
        data={"grant_type": (b"client_credentials", "file")},
        content_type="multipart/form-data",
        headers=basic("client", caller.secret or ""),
    )
    assert 400 <= response.status_code < 500


@pytest.mark.parametrize("name", ["grant_type", "code", "redirect_uri", "code_verifier", "scope", "client_id", "extra"])
def test_a_parameter_given_twice_is_refused(side: TokenSide, name: str) -> None:
    caller = side.caller()
    body = f"grant_type=client_credentials&{name}=a&{name}=a"
    response = side.http.post(
        "/token",
        data=body,
        content_type="application/x-www-form-urlencoded",
        headers=basic("client", caller.secret or ""),
    )
    assert error(response) == REQUEST_ERROR


@pytest.mark.parametrize("grant_type", ["", None])
def test_grant_type_is_required(side: TokenSide, grant_type: str | None) -> None:
    assert error(side.caller().post("/token", {"grant_type": grant_type})) == REQUEST_ERROR


@pytest.mark.parametrize(
    "grant_type",
    [
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        'x"\\<é>',
        "authorization_code ",
        "__init__",
    ],
)
def test_other_grant_types_are_unsupported_and_not_repeated(side: TokenSide, grant_type: str) -> None:
    response = side.caller().token(grant_type)
    assert error(response) == (400, "unsupported_grant_type")
    assert grant_type not in response.json["error_description"]


@pytest.mark.parametrize("grant_type", ["authorization_code", "refresh_token", "client_credentials"])
def test_a_grant_type_the_client_is_not_registered_for_is_refused(side: TokenSide, grant_type: str) -> None:
    registered = {"authorization_code", "refresh_token", "client_credentials"} - {grant_type}
    caller = side.caller(grant_types=sorted(registered))
    response = caller.token(grant_type, code="x", redirect_uri="y", refresh_token="z")
    assert error(response) == (400, "unauthorized_client")


def test_unknown_parameters_are_ignored(side: TokenSide) -> None:
    assert side.caller().token("client_credentials", colour="blue", 你好="世界").status_code == 200


def test_success_and_failure_are_json_that_nobody_keeps(side: TokenSide) -> None:
    caller = side.caller()
    for response in (caller.token("client_credentials"), caller.token("nothing")):
        assert response.content_type == "application/json"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Pragma"] == "no-cache"


def test_error_texts_keep_to_the_allowed_characters(side: TokenSide) -> None:
    caller = side.caller()
    for response in (caller.token("nothing"), caller.token("authorization_code"), caller.refresh("x")):
        text = response.json["error_description"]
        assert all(" " <= character <= "~" and character not in '"\\' for character in text)


# --- §4.1.3: the code -----------------------------------------------------------------------------------------------


def exchange(caller: Caller, code: Code, /, **changes: Any) -> TestResponse:
    return caller.token("authorization_code", **code.parameters(**changes))


def test_a_code_gives_a_complete_token_response(side: TokenSide) -> None:
    caller = side.caller()
    response = exchange(caller, side.code(caller, side.person()))
    assert response.status_code == 200
    body = response.json
    assert set(body) == {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"}
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 600, "openid profile")


def test_without_openid_there_is_no_id_token(side: TokenSide) -> None:
    body = side.tokens(side.caller(), side.person(), scope=frozenset({"matters.read"}))
    assert "id_token" not in body


def test_without_the_refresh_grant_there_is_no_refresh_token(side: TokenSide) -> None:
    body = side.tokens(side.caller(grant_types=["authorization_code"]), side.person())
    assert "refresh_token" not in body


@pytest.mark.usefixtures("both_engines")
def test_an_exchange_is_one_statement(side: TokenSide, statements: Count) -> None:
    caller = side.caller()
    caller.token("client_credentials")  # the client is in the process's cache
    code = side.code(caller, side.person())
    with statements() as seen:
        assert exchange(caller, code).status_code == 200
    assert len(seen) == 1, seen


WRONG: dict[str, tuple[dict[str, Any], tuple[int, str]]] = {
    "no code": ({"code": None}, REQUEST_ERROR),
    "empty code": ({"code": ""}, REQUEST_ERROR),
    "another code": ({"code": secrets.token_urlsafe(32)}, GRANT_ERROR),
    "a strange code": ({"code": "é'\"; DROP TABLE grants; --"}, GRANT_ERROR),
    "no redirect_uri": ({"redirect_uri": None}, REQUEST_ERROR),
    "another redirect_uri": ({"redirect_uri": "http://127.0.0.1:9009/other"}, GRANT_ERROR),
    "redirect_uri with a slash more": ({"redirect_uri": "http://127.0.0.1:9009/callback/"}, GRANT_ERROR),
    "redirect_uri with a query more": ({"redirect_uri": "http://127.0.0.1:9009/callback?a=b"}, GRANT_ERROR),
    "redirect_uri in capitals": ({"redirect_uri": "HTTP://127.0.0.1:9009/callback"}, GRANT_ERROR),
    "redirect_uri not ASCII": ({"redirect_uri": "http://127.0.0.1:9009/回"}, GRANT_ERROR),
    "no verifier": ({"code_verifier": None}, GRANT_ERROR),
    "another verifier": ({"code_verifier": secrets.token_urlsafe(48)}, GRANT_ERROR),
    "a short verifier": ({"code_verifier": "a" * 42}, GRANT_ERROR),
    "a long verifier": ({"code_verifier": "a" * 129}, GRANT_ERROR),
    "a verifier with other characters": ({"code_verifier": "é" * 50}, GRANT_ERROR),
    "a verifier with a line end": ({"code_verifier": "a" * 43 + "%0A"}, GRANT_ERROR),
}


@pytest.mark.parametrize(("changes", "expected"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_parameter_gives_its_error(side: TokenSide, changes: dict[str, Any], expected: tuple[int, str]) -> None:
    caller = side.caller()
    assert error(exchange(caller, side.code(caller, side.person()), **changes)) == expected


@pytest.mark.parametrize(
    "changes", [{"redirect_uri": "http://127.0.0.1:9009/other"}, {"code_verifier": "b" * 43}, {"code_verifier": None}]
)
def test_a_code_shown_with_the_wrong_binding_is_burnt(side: TokenSide, changes: dict[str, Any]) -> None:
    caller = side.caller()
    code = side.code(caller, side.person())
    assert error(exchange(caller, code, **changes)) == GRANT_ERROR
    assert error(exchange(caller, code)) == GRANT_ERROR
    with side.work() as context:
        found = grants.find(context.db, code.grant.id)
        assert found is not None
        assert found.is_revoked


def test_what_is_missing_burns_nothing(side: TokenSide) -> None:
    caller = side.caller()
    code = side.code(caller, side.person())
    assert error(exchange(caller, code, redirect_uri=None)) == REQUEST_ERROR
    assert exchange(caller, code).status_code == 200


def test_the_challenge_itself_is_no_verifier(side: TokenSide) -> None:
    """`plain` is not spoken: RFC 7636 §4.2 would compare the two as they are."""
    caller = side.caller()
    code = side.code(caller, side.person())
    assert error(exchange(caller, code, code_verifier=code.grant.code_challenge)) == GRANT_ERROR


def test_a_verifier_without_a_challenge_is_refused(side: TokenSide) -> None:
    caller = side.caller()
    code = side.code(caller, side.person(), code_challenge=None)
    assert error(exchange(caller, code)) == GRANT_ERROR


def test_without_challenge_and_verifier_the_code_counts(side: TokenSide) -> None:
    """For clients with the opening; /authorize refuses all others."""
    caller = side.caller()
    code = side.code(caller, side.person(), code_challenge=None)
    assert exchange(caller, code, code_verifier=None).status_code == 200


@pytest.mark.parametrize(("seconds", "is_good"), [(0, True), (59, True), (60, False), (61, False), (3600, False)])
def test_a_code_lives_sixty_seconds(side: TokenSide, clock: Clock, seconds: int, is_good: bool) -> None:
    caller = side.caller()
    code = side.code(caller, side.person())
    clock.advance(seconds)
    assert exchange(caller, code).status_code == (200 if is_good else 400)


def test_another_clients_code_is_refused_and_stays_good_for_its_own(side: TokenSide) -> None:
    caller, thief = side.caller(), side.caller("thief")
    code = side.code(caller, side.person())
    assert error(exchange(thief, code)) == GRANT_ERROR
    assert exchange(caller, code).status_code == 200


@pytest.mark.usefixtures("both_engines")
def test_a_code_used_twice_revokes_what_it_gave(side: TokenSide) -> None:
    caller = side.caller()
    code = side.code(caller, side.person())
    first = exchange(caller, code).json
    assert side.userinfo(first["access_token"]).status_code == 200
    assert error(exchange(caller, code)) == GRANT_ERROR
    assert side.userinfo(first["access_token"]).status_code == 401
    assert caller.introspect(first["access_token"]) == {"active": False}
    assert error(caller.refresh(first["refresh_token"])) == GRANT_ERROR
    with side.work() as context:
        found = grants.find(context.db, code.grant.id)
        assert found is not None
        assert found.revoked_reason == "code_replayed"


def test_a_used_code_in_other_hands_revokes_too(side: TokenSide) -> None:
    caller, thief = side.caller(), side.caller("thief")
    code = side.code(caller, side.person())
    first = exchange(caller, code).json
    assert error(exchange(thief, code)) == GRANT_ERROR
    assert side.userinfo(first["access_token"]).status_code == 401


def test_a_replay_after_refreshing_revokes_the_refreshed_tokens(side: TokenSide) -> None:
    caller = side.caller()
    code = side.code(caller, side.person())
    second = caller.refresh(exchange(caller, code).json["refresh_token"]).json
    exchange(caller, code)
    assert side.userinfo(second["access_token"]).status_code == 401
    assert error(caller.refresh(second["refresh_token"])) == GRANT_ERROR


def race(count: int, attempt: Callable[[int], int]) -> Counter[int]:
    """How often each status came back when all go at once."""
    statuses: list[int] = []
    barrier = threading.Barrier(count)

    def go(number: int) -> None:
        barrier.wait()
        statuses.append(attempt(number))

    threads = [threading.Thread(target=go, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(statuses)


@pytest.mark.usefixtures("both_engines")
def test_of_eight_who_bring_one_code_one_wins(side: TokenSide, app: Flask, new_http: Callable[[Flask], Any]) -> None:
    caller = side.caller()
    code = side.code(caller, side.person())
    browsers = [new_http(app) for _ in range(8)]
    data = {"grant_type": "authorization_code", **code.parameters()}
    header = basic("client", caller.secret or "")
    found = race(8, lambda number: browsers[number].post("/token", data=data, headers=header).status_code)
    assert found == {200: 1, 400: 7}


@pytest.mark.usefixtures("both_engines")
def test_of_eight_who_bring_one_refresh_token_one_wins_and_the_family_dies(
    side: TokenSide, app: Flask, new_http: Callable[[Flask], Any]
) -> None:
    caller = side.caller()
    tokens = side.tokens(caller, side.person())
    browsers = [new_http(app) for _ in range(8)]
    data = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    header = basic("client", caller.secret or "")
    found = race(8, lambda number: browsers[number].post("/token", data=data, headers=header).status_code)
    assert found == {200: 1, 400: 7}
    assert side.userinfo(tokens["access_token"]).status_code == 401


def test_a_frozen_persons_code_and_tokens_are_dead(side: TokenSide) -> None:
    caller, person = side.caller(), side.person()
    waiting = side.code(caller, person)
    tokens = side.tokens(caller, person)
    with side.work() as context:
        accounts.set_status(context.db, person.id, AccountStatus.FROZEN, context.now)
    assert error(exchange(caller, waiting)) == GRANT_ERROR
    assert error(caller.refresh(tokens["refresh_token"])) == GRANT_ERROR
    assert side.userinfo(tokens["access_token"]).status_code == 401
    assert caller.introspect(tokens["access_token"]) == {"active": False}
    assert caller.introspect(tokens["refresh_token"]) == {"active": False}


def test_a_public_client_is_bound_by_its_name(side: TokenSide) -> None:
    one = side.caller("one", token_endpoint_auth_method="none")
    two = side.caller("two", token_endpoint_auth_method="none")
    code = side.code(one, side.person())
    assert error(exchange(two, code)) == GRANT_ERROR
    assert exchange(one, code).status_code == 200


# --- §6: refreshing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_each_refresh_gives_the_next_token_to_public_and_confidential_clients(side: TokenSide, method: str) -> None:
    caller = side.caller(token_endpoint_auth_method=method)
    seen = [side.tokens(caller, side.person())["refresh_token"]]
    for _ in range(4):
        response = caller.refresh(seen[-1])
        assert response.status_code == 200
        seen.append(response.json["refresh_token"])
    assert len(set(seen)) == 5


@pytest.mark.usefixtures("both_engines")
def test_a_refresh_is_one_statement(side: TokenSide, statements: Count) -> None:
    caller = side.caller()
    tokens = side.tokens(caller, side.person())
    with statements() as seen:
        assert caller.refresh(tokens["refresh_token"]).status_code == 200
    assert len(seen) == 1, seen


def test_a_used_refresh_token_ends_the_family(side: TokenSide) -> None:
    caller = side.caller()
    first = side.tokens(caller, side.person())
    second = caller.refresh(first["refresh_token"]).json
    third = caller.refresh(second["refresh_token"]).json
    assert error(caller.refresh(first["refresh_token"])) == GRANT_ERROR
    assert error(caller.refresh(third["refresh_token"])) == GRANT_ERROR
    for tokens in (first, second, third):
        assert side.userinfo(tokens["access_token"]).status_code == 401


def test_the_families_of_one_person_and_client_are_apart(side: TokenSide) -> None:
    caller, person = side.caller(), side.person()
    one, two = side.tokens(caller, person), side.tokens(caller, person)
    caller.refresh(one["refresh_token"])
    caller.refresh(one["refresh_token"])
    assert caller.refresh(two["refresh_token"]).status_code == 200


def test_another_client_cannot_refresh_and_does_no_harm(side: TokenSide) -> None:
    caller, other = side.caller(), side.caller("other")
    tokens = side.tokens(caller, side.person())
    assert error(other.refresh(tokens["refresh_token"])) == GRANT_ERROR
    assert error(other.refresh(tokens["refresh_token"], scope="openid")) == GRANT_ERROR
    assert caller.refresh(tokens["refresh_token"]).status_code == 200


def test_a_made_up_refresh_token_does_no_harm(side: TokenSide, statements: Count) -> None:
    """A generation nobody issued must not kill a family: the mac tells, without a look-up."""
    caller = side.caller()
    tokens = side.tokens(caller, side.person())
    grant_id, _, secret, mac = tokens["refresh_token"].split(".")
    with statements() as seen:
        for text in (
            f"{grant_id}.1.{secrets.token_urlsafe(32)}.{mac}",
            f"{grant_id}.2.{secret}.{mac}",
            f"{grant_id}.1.{secret}.",
            f"{grant_id}.1.{secret}",
            f"{grant_id}.-1.{secret}.{mac}",
        ):
            assert error(caller.refresh(text)) == GRANT_ERROR
    assert len(seen) == 0, seen
    assert caller.refresh(tokens["refresh_token"]).status_code == 200


@given(st.text(alphabet=st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), min_size=1, max_size=700))
@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_text_as_a_refresh_token_breaks_the_endpoint(side: TokenSide, text: str) -> None:
    caller = side.caller()
    response = caller.refresh(text)
    assert error(response) in {GRANT_ERROR, REQUEST_ERROR}


def test_refresh_token_is_required(side: TokenSide) -> None:
    assert error(side.caller().token("refresh_token")) == REQUEST_ERROR


def test_an_access_token_is_no_refresh_token(side: TokenSide) -> None:
    caller = side.caller()
    assert error(caller.refresh(side.tokens(caller, side.person())["access_token"])) == GRANT_ERROR


def test_idle_refresh_tokens_end_and_use_keeps_them_alive(side: TokenSide, clock: Clock) -> None:
    caller, person = side.caller(), side.person()
    used, idle = side.tokens(caller, person), side.tokens(caller, person)
    clock.advance(timedelta(days=13))
    again = caller.refresh(used["refresh_token"])
    assert again.status_code == 200
    clock.advance(timedelta(days=2))
    assert error(caller.refresh(idle["refresh_token"])) == GRANT_ERROR
    assert caller.refresh(again.json["refresh_token"]).status_code == 200


def test_no_use_keeps_a_family_alive_beyond_its_absolute_end(side: TokenSide, clock: Clock) -> None:
    caller = side.caller()
    token = side.tokens(caller, side.person())["refresh_token"]
    for _ in range(29):
        clock.advance(timedelta(days=1))
        token = caller.refresh(token).json["refresh_token"]
    clock.advance(timedelta(days=1))
    assert error(caller.refresh(token)) == GRANT_ERROR


def test_a_narrower_scope_is_given_and_does_not_stick(side: TokenSide) -> None:
    caller = side.caller()
    tokens = side.tokens(caller, side.person(), scope=frozenset({"openid", "profile", "matters.read"}))
    narrow = caller.refresh(tokens["refresh_token"], scope="matters.read").json
    assert narrow["scope"] == "matters.read"
    assert "id_token" not in narrow
    claims = side.read(narrow["access_token"]).claims
    assert (claims["scope"], claims["aud"]) == ("matters.read", "http://127.0.0.1:8300")
    assert side.userinfo(narrow["access_token"]).status_code == 403
    assert caller.refresh(narrow["refresh_token"]).json["scope"] == "matters.read openid profile"


@pytest.mark.parametrize("scope", ["email", "openid email", "OPENID", "openid,profile", "scope openid"])
def test_a_wider_scope_is_refused_and_costs_no_token(side: TokenSide, scope: str) -> None:
    caller = side.caller()
    tokens = side.tokens(caller, side.person())
    assert error(caller.refresh(tokens["refresh_token"], scope=scope)) == (400, "invalid_scope")
    assert caller.refresh(tokens["refresh_token"]).status_code == 200


def test_a_scope_taken_from_the_client_is_gone_with_the_next_refresh(side: TokenSide) -> None:
    from idp.storage import clients

    caller = side.caller()
    tokens = side.tokens(caller, side.person(), scope=frozenset({"openid", "profile", "matters.read"}))
    with side.work() as context:
        metadata = dict(caller.client.metadata) | {"scope": "openid profile"}
        clients.put(context.db, "client", metadata, context.now, secret_hash=caller.client.secret_hash)
    side.provider.client_cache.clear()
    again = caller.refresh(tokens["refresh_token"]).json
    assert again["scope"] == "openid profile"
    assert error(caller.refresh(again["refresh_token"], scope="matters.read")) == (400, "invalid_scope")


def test_an_empty_scope_counts_as_left_out(side: TokenSide) -> None:
    caller = side.caller()
    tokens = side.tokens(caller, side.person())
    assert caller.refresh(tokens["refresh_token"], scope="").json["scope"] == "openid profile"


def test_narrowing_stays_within_two_statements(side: TokenSide, statements: Count) -> None:
    caller = side.caller()
    tokens = side.tokens(caller, side.person())
    with statements() as seen:
        assert caller.refresh(tokens["refresh_token"], scope="openid").status_code == 200
    assert len(seen) <= 2, seen


@pytest.fixture
def acting(side: TokenSide) -> Callable[..., dict[str, Any]]:
    """Tokens of a person who acts for a company."""

    def give(caller: Caller, lasts: timedelta | None = None) -> dict[str, Any]:
        person = side.person()
        with side.work() as context:
            organisations.put(context.db, "91650100MA7AAAAA1X", "天山运输有限公司", "authority", context.now)
            organisations.add_mandate(
                context.db,
                uscc="91650100MA7AAAAA1X",
                account_id=person.id,
                role=Role.HANDLER,
                now=context.now,
                valid_until=context.now + lasts if lasts else None,
                granted_by=None,
                accepted_at=context.now,
            )
            (mandate,) = organisations.list_mandates(context.db, person.id)
        return side.tokens(
            caller, person, act_as=mandate.act_as(), scope=frozenset({"openid", "organisation", "matters.read"})
        )

    return give


def test_the_mandate_is_asked_at_each_refresh(
    side: TokenSide, clock: Clock, acting: Callable[..., dict[str, Any]], statements: Count
) -> None:
    caller = side.caller()
    tokens = acting(caller, lasts=timedelta(days=2))
    clock.advance(timedelta(days=1))
    caller.token("client_credentials")
    with statements() as seen:
        again = caller.refresh(tokens["refresh_token"])
    assert len(seen) <= 2, seen
    assert again.status_code == 200
    assert side.read(again.json["access_token"]).claims["act_as"]["name"] == "天山运输有限公司"
    clock.advance(timedelta(days=1))
    assert error(caller.refresh(again.json["refresh_token"])) == GRANT_ERROR


# --- §4.4: a client for itself --------------------------------------------------------------------------------------


def test_a_client_for_itself_gets_what_it_is_registered_for(side: TokenSide, statements: Count) -> None:
    caller = side.caller()
    caller.token("client_credentials")
    with statements() as seen:
        response = caller.token("client_credentials")
    assert len(seen) == 0, seen
    body = response.json
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    assert body["scope"] == "matters.read matters.submit"
    claims = side.read(body["access_token"]).claims
    assert (claims["sub"], claims["client_id"]) == ("client", "client")


def test_a_part_of_it_can_be_asked_for(side: TokenSide) -> None:
    assert side.caller().token("client_credentials", scope="matters.read").json["scope"] == "matters.read"


@pytest.mark.parametrize(
    "scope", ["openid", "profile", "identity", "offline_access", "matters.read openid", "unknown", "matters.rea", "é"]
)
def test_scopes_about_people_or_not_registered_are_refused(side: TokenSide, scope: str) -> None:
    assert error(side.caller().token("client_credentials", scope=scope)) == (400, "invalid_scope")


def test_a_public_client_has_nothing_for_itself(side: TokenSide) -> None:
    caller = side.caller(token_endpoint_auth_method="none")
    assert error(caller.token("client_credentials")) == (400, "unauthorized_client")


def test_a_client_without_scopes_of_its_own_gets_a_token_without_scope(side: TokenSide) -> None:
    body = side.caller(scope="openid profile").token("client_credentials").json
    assert set(body) == {"access_token", "token_type", "expires_in"}
    assert "scope" not in side.read(body["access_token"]).claims
