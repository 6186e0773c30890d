"""The gateway's simulator takes messages from who has the token and shows them on this machine only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from federation.message_gateway.app import create_app
from federation.message_gateway.config import Settings, SettingsError, load
from federation.message_gateway.storage import migrate
from idp.accounts.messages import MessageNotSent, SmsGateway
from tests.services import running_wsgi

TOKEN = {"Authorization": "Bearer the-token"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    url = f"sqlite:///{tmp_path / 'gateway.sqlite3'}"
    migrate(url)
    migrate(url)
    return Settings(database_url=url, master_key="A" * 43, token="the-token")


@pytest.fixture
def gateway(settings: Settings) -> FlaskClient:
    return create_app(settings).test_client()


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    with running_wsgi(create_app(settings)) as url:
        yield url


def test_a_message_is_stored_shown_and_found_by_its_recipient(gateway: FlaskClient) -> None:
    for to, text in (("13800000001", "您的验证码 123456"), ("13800000002", "<b>code</b> 654321")):
        assert gateway.post("/messages", json={"to": to, "text": text}, headers=TOKEN).status_code == 202
    listed = gateway.get("/messages.json?to=13800000001").json
    assert [message["text"] for message in listed] == ["您的验证码 123456"]
    assert [message["to"] for message in gateway.get("/messages.json").json] == ["13800000002", "13800000001"]
    page = gateway.get("/").text
    assert "您的验证码 123456" in page and "&lt;b&gt;code" in page


def test_nothing_is_taken_without_the_token(gateway: FlaskClient) -> None:
    for headers in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Bearer \xff"}):
        assert gateway.post("/messages", json={"to": "1", "text": "x"}, headers=headers).status_code == 401
    assert gateway.get("/messages.json").json == []


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", ["body"]),
        (b"\xff\xfe", ["body"]),
        (b"[]", ["body"]),
        (json.dumps({"to": "1"}).encode(), ["text"]),
        (json.dumps({"to": 1, "text": ["x"]}).encode(), ["text", "to"]),
        (json.dumps({"to": "1", "text": "a\0b"}).encode(), ["text"]),
        (json.dumps({"to": "1", "text": "x", "more": 1}).encode(), ["more"]),
        (json.dumps({"to": "1" * 65, "text": "x" * 1001}).encode(), ["text", "to"]),
    ],
)
def test_a_malformed_message_is_refused_by_name(gateway: FlaskClient, body: bytes, fields: list[str]) -> None:
    refused = gateway.post("/messages", data=body, headers=TOKEN)
    assert (refused.status_code, refused.json["fields"]) == (400, fields)


def test_other_machines_are_refused(gateway: FlaskClient) -> None:
    for path in ("/", "/messages.json", "/healthz"):
        assert gateway.get(path, environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "[", "", "10.0.0.1"]
)
def test_another_name_that_leads_here_opens_nothing(gateway: FlaskClient, host: str) -> None:
    """Or a page from anywhere could read the codes in a browser on this machine (DNS rebinding)."""
    for path in ("/", "/messages.json"):
        assert gateway.get(path, headers={"Host": host}).status_code in {400, 403}
    for own in ("localhost:8600", "127.0.0.1:8600", "[::1]:8600"):
        assert gateway.get("/", headers={"Host": own}).status_code == 200


def test_recipients_and_texts_are_not_in_the_file_in_clear(gateway: FlaskClient, settings: Settings) -> None:
    gateway.post("/messages", json={"to": "13800000001", "text": "secret words"}, headers=TOKEN)
    folder = Path(settings.database_url.removeprefix("sqlite:///")).parent
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b"13800000001" not in content and b"secret words" not in content


def test_the_providers_sender_reaches_it(address: str, gateway: FlaskClient) -> None:
    SmsGateway(address, "the-token").send("13800000003", "hello")
    assert gateway.get("/messages.json?to=13800000003").json[0]["text"] == "hello"
    with pytest.raises(MessageNotSent, match="401"):
        SmsGateway(address, "wrong").send("13800000003", "hello")


def test_no_secret_shows_in_a_repr() -> None:
    shown = repr(
        Settings(database_url="postgresql+psycopg://user:db-password@host/db", master_key="m" * 43, token="t-1")
    )
    for secret in ("db-password", "m" * 43, "t-1"):
        assert secret not in shown


def test_a_missing_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="database_url"):
        load({})
    config = tmp_path / "config.toml"
    config.write_text('[gateway]\ndatabase_url = "sqlite://"\nmaster_key = "k"\ntoken = "t"\nspeed = 1\n')
    with pytest.raises(SettingsError, match="speed"):
        load({"TONGXING_CONFIG": str(config)})
