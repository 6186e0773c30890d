"""The test environment itself: services start, fixtures give what they promise, nothing reaches beyond this machine."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import httpx
import pytest
from pytest_socket import SocketConnectBlockedError
from sqlalchemy import text

from idp.storage import sessions

ROOT = Path(__file__).parents[1]


def test_tests_cannot_reach_beyond_this_machine() -> None:
    with socket.socket() as outside, pytest.warns(UserWarning), pytest.raises(SocketConnectBlockedError):
        outside.connect(("192.0.2.1", 80))


def test_nothing_is_installed_where_everything_is_there(tmp_path: Path) -> None:
    for name in ("apt-get", "id"):  # nobody's rights and no package manager: a package called missing is an error
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(  # noqa: S603 - our own script
        [ROOT / "scripts/require", "test"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_each_test_gets_a_migrated_database_of_its_own(both_engines, new_database, db, engine) -> None:
    assert engine.dialect.name == both_engines
    assert db.execute(text("select count(*) from accounts")).scalar() == 0
    assert new_database() != new_database()


def test_the_test_client_speaks_to_the_issuer_and_is_signed_in(http, provider, add_person, sign_in, db) -> None:
    account = add_person(nickname="小张")
    session = sign_in(account)
    cookie = http.get_cookie("tx_session", domain="127.0.0.1")
    found = sessions.find_signed_in(db, provider.vault, cookie.value)
    assert found.session == session
    assert found.account == account
    assert http.get("/nowhere").status_code == 404


def test_statements_count_work_and_not_transaction_frames(statements, db) -> None:
    with statements() as seen:
        db.execute(text("select 1"))
        with db.begin_nested():
            db.execute(text("select 2"))
        db.commit()
    assert seen.texts == ["select 1", "select 2"]


def test_a_client_can_be_registered_and_found(register_client, work) -> None:
    client, secret = register_client("shop", client_name="Shop")
    with work() as context:
        found = context.find_client("shop")
    assert found == client
    assert client.check_client_secret(secret)


@pytest.fixture
def hello_url(make_app, free_port, serve) -> str:
    """A provider under an address of its own, with one more page."""
    port = free_port()
    app = make_app(issuer=f"http://127.0.0.1:{port}")
    app.add_url_rule("/hello", view_func=lambda: "<title>你好</title>")
    return f"{serve(app, port)}/hello"


def test_an_application_runs_on_a_real_server(hello_url) -> None:
    assert httpx.get(hello_url).text == "<title>你好</title>"


def test_the_browser_shows_a_page(hello_url, page) -> None:
    page.goto(hello_url)
    assert page.title() == "你好"


def test_redis_answers(ephemeral_store, provider) -> None:
    assert (provider.redis is not None) == (ephemeral_store == "redis")
    if provider.redis:
        assert provider.redis.ping()
