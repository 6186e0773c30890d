"""Error pages: in words, in the person's language, with a number to quote; JSON for programs; the truth in the log."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from idp.context import Provider
from idp.crypto.passwords import PasswordsBusy
from idp.protocol.errors import ProtocolError
from idp.protocol.responses import write_error
from idp.web.context import current
from idp.web.endpoint_kinds import protocol_endpoint
from tests.authorizing import asking, text_of
from tests.conftest import AddPerson, RegisterClient, SignIn

ERRORS: dict[str, Callable[[], Any]] = {
    "busy": lambda: _raise(PasswordsBusy()),
    "database": lambda: _raise(OperationalError("SELECT secret_hash", {"p": "s3cret"}, Exception("gone"))),
    "redis": lambda: _raise(RedisConnectionError("gone")),
    "defect": lambda: _raise(ZeroDivisionError("s3cret")),
    "missing": lambda: abort(404),
    "gone": lambda: abort(410),
    "teapot": lambda: abort(418),
}


def _raise(error: Exception) -> Any:
    raise error


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """The provider with views that fail, once as pages and once for programs."""
    app = make_app()
    for name, view in ERRORS.items():
        app.add_url_rule(f"/fail/{name}", f"fail_{name}", view)
        app.add_url_rule(f"/fail-json/{name}", f"fail_json_{name}", protocol_endpoint(lambda view=view: view()))
    app.add_url_rule("/moved", "moved", lambda: abort(app.redirect("/login", 302)))
    return app


@pytest.mark.parametrize(
    ("name", "status", "retry_after"),
    [
        ("busy", 503, "3"),
        ("database", 503, "10"),
        ("redis", 503, "10"),
        ("defect", 500, None),
        ("missing", 404, None),
        ("gone", 410, None),
        ("teapot", 418, None),
    ],
)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_failure_is_a_page_with_a_number(
    http: FlaskClient, name: str, status: int, retry_after: str | None, language: str
) -> None:
    response = http.get(f"/fail/{name}", headers={"Accept-Language": language})
    assert response.status_code == status
    assert response.headers.get("Retry-After") == retry_after
    assert text_of(response, "error-code") == str(status)
    assert text_of(response, "error-trace") == response.headers["X-Trace-Id"]
    main = response.get_data(as_text=True).partition("<main")[2].partition("</main")[0]
    words = re.sub(r"<[^>]+>", " ", main)
    assert bool(re.search("[一-鿿]", words)) is (language == "zh")
    assert "s3cret" not in response.get_data(as_text=True)


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("busy", 503, "temporarily_unavailable"),
        ("database", 503, "temporarily_unavailable"),
        ("defect", 500, "server_error"),
        ("missing", 404, "invalid_request"),
    ],
)
def test_programs_get_json(http: FlaskClient, name: str, status: int, code: str) -> None:
    response = http.get(f"/fail-json/{name}")
    assert response.status_code == status and response.content_type == "application/json"
    assert response.json is not None and response.json["error"] == code
    assert set(response.json) == {"error", "error_description"}
    assert response.headers["Cache-Control"] == "no-store"


def test_method_not_allowed_says_what_is(http: FlaskClient) -> None:
    response = http.get("/token")
    assert response.status_code == 405 and response.json is not None
    assert "POST" in response.headers["Allow"]
    assert http.put("/login").status_code == 405
    assert http.get("/language").status_code == 405


def test_own_fault_is_logged_under_the_number_shown(http: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="tongxing.web"):
        response = http.get("/fail/defect")
    assert any(response.headers["X-Trace-Id"] in record.getMessage() for record in caplog.records)


def test_parameters_of_statements_stay_out_of_the_log(http: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    """Exceptions of the database carry what was bound: hashes, sealed values."""
    from idp.storage.engines import engine_options

    assert engine_options("sqlite://")["hide_parameters"] is True
    assert engine_options("postgresql+psycopg://x")["hide_parameters"] is True


def test_aborted_response_is_passed_on(http: FlaskClient) -> None:
    assert http.get("/moved").headers["Location"] == "/login"


def test_store_that_fails_at_the_commit_is_told_as_unavailable(
    app: Flask, http: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I10: no false success: the view had returned, the effect is not durable."""

    def write() -> str:
        context = current()
        context.db.execute(text("SELECT 1"))

        def fail() -> None:
            raise OperationalError("COMMIT", {}, Exception("gone"))

        monkeypatch.setattr(context.db, "commit", fail)
        return "done"

    app.add_url_rule("/write", "write", write)
    response = http.get("/write")
    assert response.status_code == 503 and "done" not in response.get_data(as_text=True)


def test_failed_request_leaves_nothing_in_the_database(
    app: Flask, http: FlaskClient, register_client: RegisterClient
) -> None:
    from idp.storage import clients

    def half() -> str:
        clients.put(current().db, "half-made", {}, current().now)
        raise ZeroDivisionError

    app.add_url_rule("/half", "half", half)
    assert http.get("/half").status_code == 500
    with app.extensions["tongxing"].work() as context:
        assert clients.find(context.db, "half-made") is None


def test_client_error_keeps_what_was_written_before_it(app: Flask, http: FlaskClient) -> None:
    """A protocol error commits: counters and revocations must persist."""
    from idp.storage import clients

    def refused() -> str:
        clients.put(current().db, "kept", {}, current().now)
        abort(403)

    app.add_url_rule("/refused", "refused", refused)
    assert http.get("/refused").status_code == 403
    with app.extensions["tongxing"].work() as context:
        assert clients.find(context.db, "kept") is not None


def test_database_away_is_a_page_and_comes_back_by_itself(
    http: FlaskClient, register_client: RegisterClient, add_person: AddPerson, sign_in: SignIn, app: Flask
) -> None:
    register_client(is_first_party=True)
    sign_in(add_person(password=None))
    engine = app.extensions["tongxing"].alone

    from sqlalchemy import event

    def refuse(*_: Any) -> None:
        raise OperationalError("connect", {}, Exception("gone"))

    event.listen(engine, "before_cursor_execute", refuse)
    assert http.get("/authorize", query_string=asking()).status_code == 503
    event.remove(engine, "before_cursor_execute", refuse)
    assert http.get("/authorize", query_string=asking()).status_code == 302


def test_error_without_a_target_cannot_be_redirected(provider: Provider) -> None:
    with provider.work() as context, pytest.raises(ValueError, match="redirect"):
        write_error(context, ProtocolError("invalid_request", "x"))


def test_ephemeral_store_away_stops_new_sign_ins_only(
    make_app: Callable[..., Flask],
    new_http: Callable[[Flask], FlaskClient],
    free_port: Callable[[], int],
    register_client: RegisterClient,
    add_person: AddPerson,
    sign_in: SignIn,
) -> None:
    """Redis is speed: without it a new sign-in waits, whoever is signed in goes on, and no page is ours to blame."""
    app = make_app(redis_url=f"redis://127.0.0.1:{free_port()}")
    provider, http = app.extensions["tongxing"], new_http(app)
    register_client(provider=provider, is_first_party=True)
    refused = http.get("/authorize", query_string=asking())
    assert refused.status_code == 503 and refused.headers["Retry-After"] == "10"
    assert text_of(refused, "error-code") == "503"
    sign_in(add_person(provider=provider, password=None), http=http)
    assert "code=" in http.get("/authorize", query_string=asking()).headers["Location"]


@pytest.mark.parametrize(
    ("sent", "code", "title"),
    [
        ({"request_uri": "urn:ietf:params:oauth:request_uri:gone"}, "invalid_request_uri", "This sign-in is over"),
        ({"request": "x.y.z"}, "invalid_request_object", "This request is not valid"),
        ({"request": "x.y.z", "request_uri": "urn:x:y"}, "invalid_request", "This request is not valid"),
        ({"redirect_uri": "https://evil.example"}, "invalid_request", "We cannot send you back there"),
        ({"client_id": "nobody"}, "invalid_client", "This service is not known here"),
    ],
)
def test_request_that_must_not_be_answered_is_told_to_the_person_in_words_of_its_own(
    http: FlaskClient, register_client: RegisterClient, sent: dict[str, str], code: str, title: str
) -> None:
    """Without a redirect URI that is the client's there is nobody else to tell."""
    register_client()
    response = http.get("/authorize", query_string={"client_id": "client", "ui_locales": "en"} | sent)
    assert response.status_code == 400
    assert text_of(response, "error-code") == code
    assert text_of(response, "error-parameter") in sent
    chinese = http.get("/authorize", query_string={"client_id": "client"} | sent).get_data(as_text=True)
    shown = http.get("/authorize", query_string={"client_id": "client"} | sent, headers={"Accept-Language": "en"})
    assert title in shown.get_data(as_text=True) and title not in chinese
