"""Sending messages, to a real mail server and to the text message gateway's simulator."""

from __future__ import annotations

import base64
import email
import email.policy
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask, Response
from pydantic import SecretStr

from federation.message_gateway import app as gateway
from federation.message_gateway.config import Settings as GatewaySettings
from federation.message_gateway.storage import migrate
from idp.accounts import messages
from idp.accounts.messages import MessageNotSent, Messages, SmsGateway, SmtpServer, message_sender
from idp.config import Settings

TOKEN = "the gateway's token"
TEXT = "【通行】您的验证码是 123456，10分钟内有效。"
Serve = Callable[..., str]


# --- text messages ---------------------------------------------------------------------------------------------------


@pytest.fixture
def gateway_url(serve: Serve, tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/gateway.sqlite3"
    migrate(url)
    key = base64.urlsafe_b64encode(bytes(32)).decode()
    return serve(
        gateway.create_app(GatewaySettings(database_url=url, master_key=SecretStr(key), token=SecretStr(TOKEN)))
    )


def test_a_text_message_arrives_at_the_gateway(gateway_url: str) -> None:
    SmsGateway(gateway_url, TOKEN).send("13812340001", TEXT)
    [message] = httpx.get(f"{gateway_url}/messages.json", params={"to": "13812340001"}).json()
    assert (message["to"], message["text"]) == ("13812340001", TEXT)


def test_a_wrong_token_is_an_error_and_nothing_is_sent(gateway_url: str) -> None:
    with pytest.raises(MessageNotSent, match="401"):
        SmsGateway(gateway_url, "another").send("13812340001", TEXT)
    assert httpx.get(f"{gateway_url}/messages.json").json() == []


@pytest.mark.parametrize("status", [302, 400, 500, 503])
def test_any_answer_but_success_is_an_error(serve: Serve, status: int) -> None:
    app = Flask("odd")
    app.add_url_rule("/messages", "take", lambda: Response("", status, {"Location": "/elsewhere"}), methods=["POST"])
    with pytest.raises(MessageNotSent, match=str(status)):
        SmsGateway(serve(app), TOKEN).send("13812340001", TEXT)


def test_a_gateway_that_is_away_is_an_error(free_port: Callable[[], int]) -> None:
    with pytest.raises(MessageNotSent, match="ConnectError"):
        SmsGateway(f"http://127.0.0.1:{free_port()}", TOKEN).send("13812340001", TEXT)


def test_a_gateway_that_is_slow_is_given_up_within_five_seconds(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    patience = messages._SMS_TIMEOUT
    assert patience.connect + patience.write + patience.read <= 5
    monkeypatch.setattr(messages, "_SMS_TIMEOUT", httpx.Timeout(5, read=patience.read / 10))
    app, is_over = Flask("slow"), threading.Event()

    def hang() -> Response:
        is_over.wait(20)
        return Response("", 202)

    app.add_url_rule("/messages", "take", hang, methods=["POST"])
    url = serve(app)
    with pytest.raises(MessageNotSent, match="ReadTimeout"):
        SmsGateway(url, TOKEN).send("13812340001", TEXT)
    is_over.set()


def test_errors_and_representations_tell_neither_recipient_nor_token(free_port: Callable[[], int]) -> None:
    sender = SmsGateway(f"http://127.0.0.1:{free_port()}", TOKEN)
    with pytest.raises(MessageNotSent) as caught:
        sender.send("13812340001", TEXT)
    assert "13812340001" not in str(caught.value) and "123456" not in str(caught.value)
    assert TOKEN not in repr(sender)


# --- mail ------------------------------------------------------------------------------------------------------------


class Inbox:
    """An SMTP server's handler that keeps what it gets."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.was_encrypted: list[bool] = []

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        self.was_encrypted.append(session.ssl is not None)
        return "250 OK"


def running(inbox: Inbox, port: int, **options: Any) -> Iterator[int]:
    controller = Controller(inbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    yield port
    controller.stop()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def smtp_port(inbox: Inbox, free_port: Callable[[], int]) -> Iterator[int]:
    yield from running(inbox, free_port())


def test_a_mail_arrives_with_its_text_and_subject(inbox: Inbox, smtp_port: int) -> None:
    SmtpServer("127.0.0.1", smtp_port, "noreply@example.org").send("wang@example.org", TEXT, subject="登录密码已修改")
    [mail] = inbox.mails
    assert (mail["To"], mail["From"], mail["Subject"]) == ("wang@example.org", "noreply@example.org", "登录密码已修改")
    assert mail.get_content().strip() == TEXT
    assert mail["Date"] and mail["Message-ID"]


def test_nobody_smuggles_headers_into_a_mail(inbox: Inbox, smtp_port: int) -> None:
    server = SmtpServer("127.0.0.1", smtp_port, "noreply@example.org")
    with pytest.raises(MessageNotSent):
        server.send("wang@example.org\r\nBcc: all@example.org", TEXT)
    with pytest.raises(MessageNotSent):
        server.send("wang@example.org", TEXT, subject="a\r\nBcc: all@example.org")
    assert inbox.mails == []


def test_a_mail_server_that_is_away_or_refuses_is_an_error(smtp_port: int, free_port: Callable[[], int]) -> None:
    with pytest.raises(MessageNotSent):
        SmtpServer("127.0.0.1", free_port(), "noreply@example.org").send("wang@example.org", TEXT)
    with pytest.raises(MessageNotSent):
        SmtpServer("127.0.0.1", smtp_port, "noreply@example.org", starttls=True).send("wang@example.org", TEXT)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that vouches for itself, with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = tmp_path / "server.pem"
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(pem))
    return path


@pytest.fixture
def tls_port(inbox: Inbox, certificate: Path, free_port: Callable[[], int]) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    yield from running(inbox, free_port(), tls_context=context, require_starttls=True)


def test_with_starttls_the_mail_travels_encrypted(inbox: Inbox, tls_port: int, certificate: Path) -> None:
    server = SmtpServer("127.0.0.1", tls_port, "noreply@example.org", starttls=True, ca_bundle=str(certificate))
    server.send("wang@example.org", TEXT)
    assert inbox.was_encrypted == [True]


def test_a_mail_server_whose_certificate_nobody_vouches_for_gets_nothing(inbox: Inbox, tls_port: int) -> None:
    with pytest.raises(MessageNotSent, match="SSLCertVerificationError"):
        SmtpServer("127.0.0.1", tls_port, "noreply@example.org", starttls=True).send("wang@example.org", TEXT)
    assert inbox.mails == []


# --- the choice of the way -------------------------------------------------------------------------------------------


def test_the_recipient_decides_the_way(gateway_url: str, inbox: Inbox, smtp_port: int, settings: Settings) -> None:
    sender = message_sender(
        replace(
            settings,
            sms_gateway_url=gateway_url,
            sms_gateway_token=TOKEN,
            smtp_host="127.0.0.1",
            smtp_port=smtp_port,
        )
    )
    sender.send("13812340001", TEXT)
    sender.send("wang@example.org", TEXT, subject="s")
    assert len(httpx.get(f"{gateway_url}/messages.json").json()) == len(inbox.mails) == 1


def test_a_way_that_is_not_set_up_is_an_error(settings: Settings) -> None:
    assert message_sender(settings) == Messages()
    for recipient in ("13812340001", "wang@example.org"):
        with pytest.raises(MessageNotSent):
            message_sender(settings).send(recipient, TEXT)
