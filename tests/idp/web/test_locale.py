"""Languages: who decides which one a page speaks, and the switch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.authorizing import asking, csrf_token, location, page
from tests.conftest import RegisterClient

COOKIE = "tx_language"


def language_of(response: Any) -> str:
    return "zh" if '<html lang="zh-CN"' in response.get_data(as_text=True) else "en"


def switch(http: FlaskClient, to: str, next: str) -> Any:
    token = csrf_token(http.get("/login"))
    return http.post("/language", data={"csrf_token": token, "locale": to, "next": next})


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "zh"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("zh-Hans-CN", "zh"),
        ("fr", "zh"),
        ("fr, en;q=0.5", "en"),
        ("*", "zh"),
        (";;;=q", "zh"),
    ],
)
def test_browsers_language_counts_and_chinese_is_the_default(
    http: FlaskClient, accept: str | None, expected: str
) -> None:
    headers = {"Accept-Language": accept} if accept is not None else {}
    assert language_of(http.get("/login", headers=headers)) == expected


def test_default_is_a_setting(make_app: Callable[..., Flask], new_http: Callable[[Flask], FlaskClient]) -> None:
    assert language_of(new_http(make_app(default_locale="en")).get("/login")) == "en"


def test_cookie_beats_the_browser_and_ui_locales_beat_the_cookie(http: FlaskClient) -> None:
    assert switch(http, "en", "/login").status_code == 303
    assert language_of(http.get("/login", headers={"Accept-Language": "zh"})) == "en"
    assert language_of(http.get("/login?ui_locales=zh-CN")) == "zh"
    assert language_of(http.get("/login?ui_locales=tlh")) == "en"
    http.set_cookie(COOKIE, "tlh", domain="127.0.0.1")
    assert language_of(http.get("/login")) == "zh"


def test_clients_wish_holds_for_all_pages_of_the_sign_in_until_the_person_chooses(
    http: FlaskClient, register_client: RegisterClient
) -> None:
    register_client()
    to_login = location(http.get("/authorize", query_string=asking(ui_locales="fr-CA en")))
    assert language_of(http.get(to_login)) == "en"
    back = location(switch(http, "zh", to_login))
    assert language_of(http.get(back)) == "zh"
    handle = parse_qs(urlsplit(back).query)["interaction"][0]
    path, resumed = page(http.get("/authorize", query_string={"interaction": handle}))
    assert path == "/login"
    assert language_of(http.get(path, query_string={"interaction": resumed})) == "zh", "the choice stays"


@pytest.mark.parametrize(
    ("next", "expected"),
    [
        ("/account?page=2", "/account?page=2"),
        ("/account?ui_locales=en&page=2", "/account?page=2"),
        ("/authorize?interaction=made-up", "/authorize?interaction=made-up"),
        ("", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/ok\n//evil.example", "/"),
        ("///evil.example", "/"),
        ("//[", "/"),
    ],
)
def test_switch_leads_back_within_this_service_only(http: FlaskClient, next: str, expected: str) -> None:
    assert location(switch(http, "en", next)) == expected


def test_unknown_language_is_refused(http: FlaskClient) -> None:
    assert switch(http, "tlh", "/").status_code == 400
