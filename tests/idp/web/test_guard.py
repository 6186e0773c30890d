"""The door: bad input is 4xx, never 5xx, and leaves nothing behind; every answer carries the headers."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.authorizing import asking, csrf_token, text_of
from tests.conftest import ISSUER, AddPerson, RegisterClient, SignIn
from tests.specs.conftest import Standing, standing  # noqa: F401 - a fixture
from tests.statements import counted

FORM = "application/x-www-form-urlencoded"
PAGES = ("/login", "/authorize", "/logout", "/language", "/consent", "/sign-out", "/authorize/cancel")
PROTOCOL = ("/token", "/par", "/introspect", "/revoke", "/userinfo")
HOSTILE = [
    b"a=%FF",
    b"a=%ED%A0%80",
    b"%C0%80=x",
    b"a=\xff\xfe",
    b"a=%00",
    b"a%00=x",
    b"client_id=client%00",
    b"&".join(b"n%d=1" % number for number in range(1001)),
]


@pytest.mark.parametrize("body", HOSTILE)
@pytest.mark.parametrize("path", [*PAGES, *PROTOCOL])
def test_unreadable_form_is_refused_and_nothing_is_stored(standing: Standing, path: str, body: bytes) -> None:  # noqa: F811
    with counted(standing.provider.engine, standing.provider.alone) as seen:
        response = standing.http.post(path, data=body, content_type=FORM)
    assert response.status_code == 400
    assert len(seen) == 0
    if path in PROTOCOL:
        assert response.json is not None and response.json["error"] == "invalid_request"
        assert "no-store" in response.headers["Cache-Control"]
    else:
        assert text_of(response, "error-code") == "invalid_request"


@pytest.mark.parametrize("query", HOSTILE[:-1])
@pytest.mark.parametrize("path", ["/login", "/authorize", "/logout", "/jwks", "/.well-known/openid-configuration"])
def test_unreadable_query_is_refused(standing: Standing, path: str, query: bytes) -> None:  # noqa: F811
    environ = {"QUERY_STRING": query.decode("latin-1")}
    assert standing.http.get(path, environ_overrides=environ).status_code == 400


@pytest.mark.parametrize("path", ["/token", "/par", "/login", "/authorize", "/introspect"])
def test_body_over_64_kib_is_refused_before_it_is_read(standing: Standing, path: str) -> None:  # noqa: F811
    class Unread(BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("read")

        readinto = readline = read  # type: ignore[assignment]

    environ = {"wsgi.input": Unread(), "CONTENT_LENGTH": "65537", "CONTENT_TYPE": FORM}
    response = standing.http.post(path, environ_overrides=environ)
    assert response.status_code == 413


def test_body_of_unknown_length_is_cut_off(standing: Standing) -> None:  # noqa: F811
    environ = {"wsgi.input": BytesIO(b"a=" + b"x" * 70_000), "wsgi.input_terminated": True, "CONTENT_TYPE": FORM}
    environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    assert standing.http.post("/token", environ_overrides=environ).status_code == 413


def test_query_over_64_kib_is_refused(standing: Standing) -> None:  # noqa: F811
    assert standing.http.get("/authorize?state=" + "x" * 65_536).status_code == 414


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "text/plain", "application/xml", ""])
@pytest.mark.parametrize("path", ["/login", "/token"])
def test_other_kinds_of_body_are_refused(standing: Standing, path: str, content_type: str) -> None:  # noqa: F811
    response = standing.http.post(path, data=b"--x\r\n\r\n--x--", content_type=content_type)
    assert response.status_code == 415


def test_json_that_is_not_utf8_is_refused(standing: Standing) -> None:  # noqa: F811
    for body in b'{"a": "\xff"}', b'{"a": "\x00"}':
        assert standing.http.post("/token", data=body, content_type="application/json").status_code == 400


@pytest.mark.parametrize("path", ["/token", "/par", "/introspect", "/revoke"])
def test_repeated_parameter_of_a_protocol_endpoint_is_invalid_request(standing: Standing, path: str) -> None:  # noqa: F811
    response = standing.http.post(path, data={"client_id": ["a", "a"]})
    assert response.status_code == 400
    assert response.json is not None and response.json["error"] == "invalid_request"


def test_repeated_parameter_of_a_page_is_refused_and_named(standing: Standing) -> None:  # noqa: F811
    response = standing.http.get("/login?next=/account&next=/account")
    assert response.status_code == 400
    assert text_of(response, "error-parameter") == "next"
    response = standing.http.get("/login?%22evil=1&%22evil=1")
    assert text_of(response, "error-parameter") is None


def test_control_characters_are_refused_but_a_text_may_have_lines(standing: Standing) -> None:  # noqa: F811
    token = csrf_token(standing.http.get("/login"))
    for text, status in ("a\r\n\tb", 303), ("a\x01b", 400), ("a\x7fb", 400):
        form = {"csrf_token": token, "locale": "zh", "next": "/", "note": text}
        assert standing.http.post("/language", data=form).status_code == status
    assert standing.http.post("/token", data={"scope": "a\nb"}).status_code == 400


@pytest.mark.parametrize(
    ("host", "is_known"),
    [
        ("127.0.0.1:8000", True),
        ("127.0.0.1", False),
        ("127.0.0.1:8001", False),
        ("evil.example", False),
        ("127.0.0.1:8000.evil.example", False),
        ("127.0.0.1:8000@evil.example", False),
        ("", False),
        ("[::1", False),
    ],
)
def test_unknown_host_is_refused(standing: Standing, host: str, is_known: bool) -> None:  # noqa: F811
    response = standing.http.get("/jwks", headers={"Host": host})
    assert (response.status_code == 200) is is_known
    assert response.status_code in (200, 400)
    assert "evil" not in response.get_data(as_text=True)


@pytest.mark.parametrize("host", ["login.example", "login.example:443", "LOGIN.example"])
def test_host_may_carry_its_default_port(
    make_app: Callable[..., Flask], new_http: Callable[[Flask], FlaskClient], host: str
) -> None:
    app = make_app(issuer="https://login.example")
    assert new_http(app).get("/jwks", headers={"Host": host}).status_code == 200


def test_forwarded_headers_count_only_behind_the_configured_number_of_proxies(
    make_app: Callable[..., Flask], new_http: Callable[[Flask], FlaskClient]
) -> None:
    from flask import request

    for proxies, expected in (0, "127.0.0.1"), (1, "203.0.113.9"):
        app = make_app(trusted_proxies=proxies)
        app.add_url_rule("/who", "who", lambda: request.remote_addr)
        headers = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9", "X-Forwarded-Host": "evil.example"}
        assert new_http(app).get("/who", headers=headers).get_data(as_text=True) == expected


@pytest.mark.parametrize("path", ["/login", "/jwks", "/nowhere", "/authorize", "/static/tongxing.css", "/token"])
def test_every_answer_carries_the_security_headers(standing: Standing, path: str) -> None:  # noqa: F811
    with standing.http.get(path) as response:
        headers = response.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Strict-Transport-Security" not in headers, "this deployment speaks http"
    is_public = path in ("/jwks", "/static/tongxing.css")
    assert ("no-store" in headers["Cache-Control"]) is not is_public


@given(
    some.sampled_from([*PAGES, *PROTOCOL]),
    some.dictionaries(
        some.sampled_from([*asking(), "prompt", "claims", "interaction", "decision", "next"]), some.text()
    ),
    some.booleans(),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_a_form_or_query_can_hold_is_our_fault(
    standing: Standing,  # noqa: F811
    path: str,
    parameters: dict[str, str],
    is_post: bool,
) -> None:
    if is_post:
        data = "&".join(f"{name}={_quoted(value)}" for name, value in parameters.items())
        response = standing.http.post(path, data=data, content_type=FORM)
    else:
        query = "&".join(f"{name}={_quoted(value)}" for name, value in parameters.items())
        response = standing.http.get(path, environ_overrides={"QUERY_STRING": query})
    assert response.status_code < 500


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, errors="surrogatepass")


def test_unknown_host_may_ask_whether_we_are_healthy(http: FlaskClient) -> None:
    assert http.get("/healthz", base_url="http://10.0.0.7").status_code == 200


def test_programs_need_no_form_token_and_people_do(http: FlaskClient, register_client: RegisterClient) -> None:
    register_client()
    assert http.post("/token", data={"grant_type": "x"}).status_code == 401
    refused = http.post("/language", data={"locale": "en", "next": "/"})
    assert refused.status_code == 400 and "Set-Cookie" not in str(refused.headers.get("Location"))
    assert http.post("/language", data={"csrf_token": "x", "locale": "en"}).status_code == 400


def test_form_token_of_another_browser_is_refused(
    app: Flask, http: FlaskClient, new_http: Callable[[Flask], FlaskClient]
) -> None:
    other = new_http(app)
    token = csrf_token(other.get("/login"))
    http.get("/login")
    assert http.post("/language", data={"csrf_token": token, "locale": "en", "next": "/"}).status_code == 400
    assert other.post("/language", data={"csrf_token": token, "locale": "en", "next": "/"}).status_code == 303


def test_issuer_is_the_only_origin_ever_named(http: FlaskClient, register_client: RegisterClient) -> None:
    register_client()
    response = http.post("/authorize", data=asking(), headers={"X-Forwarded-Host": "evil.example"})
    assert response.headers["Location"].startswith("/authorize?interaction=") or ISSUER in response.headers["Location"]


# --- HEAD (RFC 9110 §9.2.1) -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "others"),
    [
        ("/authorize", {"POST"}),
        ("/logout", {"POST"}),
        ("/upstream/national/start", set()),
        ("/upstream/national/callback", set()),
        ("/upstream/national/switch", {"POST"}),
    ],
)
def test_head_is_not_allowed_where_get_acts(http: FlaskClient, path: str, others: set[str]) -> None:
    allowed = {"GET", "OPTIONS"} | others
    refused = http.head(path)
    assert refused.status_code == 405 and set(refused.headers["Allow"].split(", ")) == allowed
    assert "Location" not in refused.headers
    assert set(http.options(path).headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("path", ["/login", "/account", "/healthz", "/jwks", "/static/shared.css"])
def test_head_answers_like_get_everywhere_else(http: FlaskClient, path: str) -> None:
    assert http.head(path).status_code == http.get(path).status_code != 405


def test_a_head_ends_no_session(http: FlaskClient, add_person: AddPerson, sign_in: SignIn) -> None:
    sign_in(add_person())
    assert http.head("/logout").status_code == 405
    assert http.get("/account").status_code == 200
