"""What a proxy says about a request is believed of the configured ones, in the configured number, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some

from idp.config import SettingsError, from_table, load
from idp.web import proxy
from tests.conftest import ISSUER

PEER = "127.0.0.1"
HEADERS = {
    "Forwarded": "for=198.51.100.9;host=evil.example;proto=https",
    "X-Forwarded-For": "198.51.100.9",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Client-Certificate": "certificate",
}

Ask = Callable[..., Any]


@pytest.fixture
def ask(make_app: Callable[..., Flask], new_http: Callable[[Flask], FlaskClient]) -> Ask:
    """`ask(headers, peer=…, any setting=…)` is what a view then knows of its request, or the refusing status."""

    def asked(headers: dict[str, str], peer: str = PEER, **configured: Any) -> Any:
        app = make_app(**configured)
        app.add_url_rule("/known", "known", _known)
        response = new_http(app).get("/known", headers=headers, environ_overrides={"REMOTE_ADDR": peer})
        return response.json if response.status_code == 200 else response.status_code

    return asked


def _known() -> dict[str, Any]:
    return {
        "address": request.remote_addr,
        "scheme": request.scheme,
        "host": request.host,
        "certificate": request.environ.get(proxy.CERTIFICATE),
        "left": sorted(name for name in request.headers.keys() if name in HEADERS),  # noqa: SIM118
    }


UNTOUCHED = {"address": PEER, "scheme": "http", "host": "127.0.0.1:8000", "certificate": None, "left": []}


def test_a_configured_proxy_is_believed(ask: Ask) -> None:
    believed = {"address": "198.51.100.9", "scheme": "https", "certificate": "certificate"}
    assert ask(HEADERS, trusted_proxies=1) == UNTOUCHED | believed


@pytest.mark.parametrize(
    ("peer", "configured"),
    [
        (PEER, {}),
        (PEER, {"trusted_proxies": 0}),
        ("192.0.2.1", {"trusted_proxies": 1}),
        ("", {"trusted_proxies": 1}),
        (PEER, {"trusted_proxies": 1, "proxy_addresses": ()}),
        (PEER, {"trusted_proxies": 1, "proxy_addresses": ("10.0.0.0/8", "unix")}),
        ("10.1.2.3", {"trusted_proxies": 1, "proxy_addresses": ("10.1.2.4", "fd00::/8")}),
        ("unix", {"trusted_proxies": 1, "proxy_addresses": ("unix",)}),
    ],
)
def test_of_anybody_else_the_headers_count_as_not_sent(ask: Ask, peer: str, configured: dict[str, Any]) -> None:
    assert ask(HEADERS, peer, **configured) == UNTOUCHED | {"address": peer}


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("10.1.2.3", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),  # a socket for both versions
        ("fd00::7", "fd00::/8"),
        ("", "unix"),
    ],
)
def test_proxies_are_addresses_networks_and_the_socket(ask: Ask, peer: str, address: str) -> None:
    answer = ask({"X-Forwarded-For": "198.51.100.9"}, peer, trusted_proxies=1, proxy_addresses=(address,))
    assert answer["address"] == "198.51.100.9"


OUTER = {"trusted_proxies": 2, "proxy_addresses": (PEER, "10.0.0.0/8")}


@pytest.mark.parametrize(
    ("forwarded", "configured", "expected"),
    [
        ("198.51.100.9", {"trusted_proxies": 1}, "198.51.100.9"),
        ("2001:DB8::7", {"trusted_proxies": 1}, "2001:db8::7"),
        ("::ffff:198.51.100.9", {"trusted_proxies": 1}, "198.51.100.9"),
        ("1.2.3.4, 198.51.100.9", {"trusted_proxies": 1}, "198.51.100.9"),  # what the caller wrote does not count
        ("rubbish,, 198.51.100.9", {"trusted_proxies": 1}, "198.51.100.9"),
        ("198.51.100.9, 10.0.0.1", OUTER, "198.51.100.9"),
        ("1.2.3.4, 198.51.100.9, 10.0.0.1", OUTER, "198.51.100.9"),
        ("198.51.100.9", OUTER, 400),  # one proxy was gone around
        ("1.2.3.4, 198.51.100.9", OUTER, 400),  # and its word made up
        ("", {"trusted_proxies": 1}, 400),
        ("unknown", {"trusted_proxies": 1}, 400),
        ("198.51.100.9,", {"trusted_proxies": 1}, 400),
        ("198.51.100.9:1234", {"trusted_proxies": 1}, 400),
        ("198.51.100.999", {"trusted_proxies": 1}, 400),
        ("198.51.100.9, x", OUTER, 400),
    ],
)
def test_the_caller_stands_as_many_proxies_back_as_configured(
    ask: Ask, forwarded: str, configured: dict[str, Any], expected: str | int
) -> None:
    answer = ask({"X-Forwarded-For": forwarded}, **configured)
    assert answer == expected if isinstance(expected, int) else answer["address"] == expected


@pytest.mark.parametrize(
    ("forwarded", "configured", "expected"),
    [
        ("https", {"trusted_proxies": 1}, "https"),
        ("HTTP", {"trusted_proxies": 1}, "http"),
        ("javascript, https", {"trusted_proxies": 1}, "https"),
        ("https, http", OUTER, "https"),
        ("https", OUTER, "https"),
        ("", {"trusted_proxies": 1}, 400),
        ("javascript", {"trusted_proxies": 1}, 400),
        ("https, wss", OUTER, 400),
    ],
)
def test_the_scheme_is_one_of_two(ask: Ask, forwarded: str, configured: dict[str, Any], expected: str | int) -> None:
    answer = ask({"X-Forwarded-Proto": forwarded}, **configured)
    assert answer == expected if isinstance(expected, int) else answer["scheme"] == expected


@pytest.mark.parametrize("forwarded", ["", "a b", "evil.example/path", "evil.example:port", "[::1", "a@b", "a,b", "é"])
def test_a_forwarded_host_that_is_none_is_a_bad_request(ask: Ask, forwarded: str) -> None:
    assert ask({"X-Forwarded-Host": forwarded}, trusted_proxies=1) == 400
    assert ask({"X-Forwarded-Host": forwarded}, trusted_proxies=0) == UNTOUCHED


@pytest.mark.parametrize("path", ["/token", "/login"])
def test_the_refusal_is_an_answer_like_any_other(
    make_app: Callable[..., Flask], new_http: Callable[[Flask], FlaskClient], path: str
) -> None:
    response = new_http(make_app(trusted_proxies=1)).post(path, headers={"X-Forwarded-For": "?"})
    assert response.status_code == 400
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert path != "/token" or response.json["error"] == "invalid_request"


TEXT = some.text(some.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40)


@given(some.dictionaries(some.sampled_from(sorted(HEADERS)), TEXT), some.sampled_from([PEER, "192.0.2.1", "?"]))
@hypothesis_settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_a_header_can_hold_is_our_fault(behind_proxy: FlaskClient, headers: Any, peer: str) -> None:
    response = behind_proxy.get("/jwks", headers=headers, environ_overrides={"REMOTE_ADDR": peer})
    assert response.status_code in ((200, 400) if peer == PEER else (200,))


@pytest.fixture
def behind_proxy(make_app: Callable[..., Flask], new_http: Callable[[Flask], FlaskClient]) -> FlaskClient:
    return new_http(make_app(trusted_proxies=1))


def test_an_address_that_is_none_is_told_at_the_start() -> None:
    for wrong in "proxy.example", "10.0.0.1/8", "":
        with pytest.raises(SettingsError, match="proxy_addresses"):
            from_table({"trusted_proxies": 1, "proxy_addresses": [wrong]})


def test_addresses_come_from_the_file_or_the_environment() -> None:
    assert from_table({"proxy_addresses": ["10.0.0.0/8"]}).proxy_addresses == ("10.0.0.0/8",)
    assert load({"TONGXING_PROXY_ADDRESSES": "10.0.0.1,unix"}).proxy_addresses == ("10.0.0.1", "unix")
    assert load({}).issuer == ISSUER
