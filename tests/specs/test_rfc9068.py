"""Access tokens by RFC 9068, and how they are shown to us as a resource (RFC 6750, RFC 9110 §11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from idp.context import Provider
from idp.crypto import jose
from idp.protocol import audience
from idp.protocol import tokens as issued
from tests.clock import Clock
from tests.token_side import TokenSide, bearer

ISSUER = "http://127.0.0.1:8000"
MATTERS = "http://127.0.0.1:8300"


# --- §2: what a token holds -----------------------------------------------------------------------------------------


def test_a_persons_token_holds_all_that_is_required(side: TokenSide, clock: Clock) -> None:
    caller, person = side.caller(), side.person()
    token = side.read(side.tokens(caller, person)["access_token"])
    now = int(clock().timestamp())
    assert set(token.header) == {"alg", "kid", "typ"}
    assert (token.header["alg"], token.header["typ"]) == ("RS256", "at+jwt")
    claims = dict(token.claims)
    assert len(claims.pop("jti")) == 22
    assert len(claims.pop("gid")) == 22
    assert claims == {
        "iss": ISSUER,
        "sub": person.subject,
        "aud": ISSUER,
        "exp": now + 600,
        "iat": now,
        "client_id": "client",
        "scope": "openid profile",
        "auth_time": now - 300,
        "acr": "urn:tongxing:loa:2",
        "amr": ["pwd"],
        "sid": "session-of-the-browser",
    }


def test_a_clients_own_token_says_nothing_of_a_login(side: TokenSide) -> None:
    token = side.read(side.caller().token("client_credentials").json["access_token"])
    assert set(token.claims) == {"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope"}


def test_who_acts_for_a_company_carries_it(side: TokenSide) -> None:
    act_as = {"uscc": "91650100MA7AAAAA1X", "name": "天山运输", "role": "handler", "mandate_id": "m"}
    tokens = side.tokens(side.caller(), side.person(), act_as=act_as, scope=frozenset({"openid", "matters.read"}))
    assert side.read(tokens["access_token"]).claims["act_as"] == act_as


def test_every_token_has_its_own_identifier(side: TokenSide) -> None:
    caller = side.caller()
    seen = {side.read(caller.token("client_credentials").json["access_token"]).claims["jti"] for _ in range(20)}
    assert len(seen) == 20


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("openid", ISSUER),
        ("openid profile", ISSUER),
        ("matters.read", MATTERS),
        ("matters.read matters.submit", MATTERS),
        ("openid matters.read", [MATTERS, ISSUER]),
        ("profile", MATTERS),  # the default resource
    ],
)
def test_the_audience_follows_from_the_scope(side: TokenSide, scope: str, expected: Any) -> None:
    tokens = side.tokens(side.caller(), side.person(), scope=frozenset(scope.split()))
    assert side.read(tokens["access_token"]).claims["aud"] == expected


def test_two_resource_servers_are_two_audiences(provider: Provider) -> None:
    from dataclasses import replace

    settings = replace(
        provider.settings, resource_scopes={"a.read": "https://a.example", "b.read": "https://b.example"}
    )
    assert audience.of_scope(settings, {"a.read", "b.read"}) == ("https://a.example", "https://b.example")
    assert audience.of_scope(settings, {"a.read", "b.read", "openid"})[-1] == ISSUER


def test_without_any_resource_the_audience_is_ourselves(provider: Provider) -> None:
    from dataclasses import replace

    settings = replace(provider.settings, resource_scopes={}, default_resource="")
    assert audience.of_scope(settings, ()) == (ISSUER,)


def test_the_first_algorithm_of_the_settings_signs(
    make_app: Callable[..., Flask], side: TokenSide, new_http: Callable[[Flask], Any]
) -> None:
    from tests import schema

    caller = side.caller()
    app = make_app(key_algorithms=("ES256", "RS256"))
    schema.load_keys(app.extensions["tongxing"])
    caller.http = new_http(app)
    token = caller.token("client_credentials").json["access_token"]
    assert side.read(token, "ES256").header["alg"] == "ES256"


def test_lifetimes_are_the_settings_ones(
    make_app: Callable[..., Flask], side: TokenSide, new_http: Callable[[Flask], Any]
) -> None:
    from datetime import timedelta

    caller = side.caller()
    caller.http = new_http(make_app(access_token_lifetime=timedelta(seconds=77)))
    body = caller.token("client_credentials").json
    claims = side.read(body["access_token"]).claims
    assert body["expires_in"] == claims["exp"] - claims["iat"] == 77


# --- RFC 6750: showing it -------------------------------------------------------------------------------------------


@pytest.fixture
def token(side: TokenSide) -> str:
    return str(side.tokens(side.caller(), side.person())["access_token"])


def challenge(response: TestResponse) -> tuple[int, str]:
    return response.status_code, response.headers["WWW-Authenticate"]


def test_header_on_get_header_on_post_and_body_are_the_three_ways(side: TokenSide, token: str) -> None:
    answers = [
        side.http.get("/userinfo", headers=bearer(token)),
        side.http.post("/userinfo", headers=bearer(token)),
        side.http.post("/userinfo", data={"access_token": token}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.data for answer in answers}) == 1


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer", "bEaReR"])
def test_the_scheme_name_is_case_insensitive(side: TokenSide, token: str, scheme: str) -> None:
    assert side.http.get("/userinfo", headers={"Authorization": f"{scheme} {token}"}).status_code == 200


def test_never_in_the_query(side: TokenSide, token: str) -> None:
    for response in (
        side.http.get(f"/userinfo?access_token={token}"),
        side.http.get(f"/userinfo?access_token={token}", headers=bearer(token)),
        side.http.post(f"/userinfo?access_token={token}", data={"access_token": token}),
    ):
        status, header = challenge(response)
        assert status == 400
        assert 'error="invalid_request"' in header


def test_never_twice(side: TokenSide, token: str) -> None:
    status, header = challenge(side.http.post("/userinfo", data={"access_token": token}, headers=bearer(token)))
    assert status == 400
    assert 'error="invalid_request"' in header
    body = f"access_token={token}&access_token={token}"
    form = "application/x-www-form-urlencoded"
    assert side.http.post("/userinfo", data=body, content_type=form).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Basic Y2xpZW50Ong="},
        {"Authorization": "Token abc"},
    ],
)
def test_who_shows_nothing_is_told_the_schemes_and_no_error(side: TokenSide, headers: dict[str, str]) -> None:
    for response in (side.http.get("/userinfo", headers=headers), side.http.post("/userinfo", headers=headers)):
        assert challenge(response) == (401, 'Bearer realm="userinfo"')
        assert response.headers.getlist("WWW-Authenticate")[1:] == [
            'DPoP realm="userinfo", algs="PS256 ES256 EdDSA Ed25519"'
        ]


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "x y", "é".encode().decode("latin-1"), "." * 300, "x" * 5000])
def test_what_is_no_token_of_ours_is_invalid(side: TokenSide, text: str) -> None:
    status, header = challenge(side.http.get("/userinfo", headers={"Authorization": f"Bearer {text}"}))
    assert status == 401
    assert header.startswith('Bearer realm="userinfo", error="invalid_token"')


def test_other_tokens_of_ours_are_no_access_tokens(side: TokenSide) -> None:
    tokens = side.tokens(side.caller(), side.person())
    for kind in ("id_token", "refresh_token"):
        assert side.userinfo(tokens[kind]).status_code == 401


def forged(side: TokenSide, provider: Provider, **changes: Any) -> str:
    """A token signed with our own key that says something else."""
    claims = dict(side.read(side.tokens(side.caller(), side.person())["access_token"]).claims) | changes
    return jose.sign(provider.keys, "RS256", claims, issued.ACCESS_TOKEN, provider.clock())


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": f"{ISSUER}/"},
        {"exp": 1},
        {"cnf": {"jkt": "thumbprint"}},
        {"cnf": {"x5t#S256": "thumbprint"}},
        {"gid": "unknown-grant"},
        {"aud": MATTERS},
        {"aud": [MATTERS]},
    ],
)
def test_a_token_not_meant_so_is_invalid(side: TokenSide, provider: Provider, changes: dict[str, Any]) -> None:
    status, header = challenge(side.userinfo(forged(side, provider, **changes)))
    assert status == 401
    assert 'error="invalid_token"' in header


def test_the_forgery_of_these_tests_is_good_without_a_change(side: TokenSide, provider: Provider) -> None:
    assert side.userinfo(forged(side, provider)).status_code == 200


@pytest.mark.parametrize("scope", ["profile", "matters.read", "profile email offline_access"])
def test_without_openid_the_scope_is_insufficient(side: TokenSide, scope: str) -> None:
    tokens = side.tokens(side.caller(), side.person(), scope=frozenset(scope.split()))
    status, header = challenge(side.userinfo(tokens["access_token"]))
    assert status == 403
    assert 'error="insufficient_scope"' in header
    assert 'scope="openid"' in header


def test_a_clients_own_token_is_insufficient(side: TokenSide) -> None:
    token = side.caller().token("client_credentials").json["access_token"]
    assert challenge(side.userinfo(token))[0] == 403


def test_a_token_dies_with_its_client(side: TokenSide, token: str) -> None:
    from idp.storage import clients

    with side.work() as context:
        clients.put(context.db, "client", {}, context.now, is_active=False)
    side.provider.client_cache.clear()
    assert side.userinfo(token).status_code == 401


@pytest.mark.parametrize("seconds", [600, 601, 86400])
def test_a_token_dies_with_its_time(side: TokenSide, clock: Clock, token: str, seconds: int) -> None:
    clock.advance(seconds)
    assert side.userinfo(token).status_code == 401
