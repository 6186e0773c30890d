"""Messages to people: one interface, two real ways, text messages by an HTTP gateway and mail by SMTP.

The recipient decides the way: an address with ``@`` is mail, everything else a mobile number.
"""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from functools import lru_cache
from typing import Protocol

import httpx

from idp.config import Settings

_SMS_TIMEOUT = httpx.Timeout(1.0, connect=1.5, read=2.5)  # seconds, 5 together with waiting for nothing else
_SMTP_TIMEOUT = 5.0  # seconds, each step


class MessageNotSent(Exception):
    """The message did not leave; the person may try again. The text says why, without the recipient."""


class MessageSender(Protocol):
    def send(self, recipient: str, text: str, *, subject: str = "") -> None:
        """Hand one message over for delivery; ``subject`` is for mail. Raises MessageNotSent."""


@dataclass(frozen=True)
class SmsGateway:
    """An HTTP gateway for text messages: ``POST <url>/messages`` with a bearer token, ``{"to", "text"}``, 202."""

    url: str
    token: str = field(repr=False)
    ca_bundle: str = ""  # PEM file added to the system's certificate authorities

    def send(self, recipient: str, text: str, *, subject: str = "") -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        content = {"to": recipient, "text": text}
        url = f"{self.url.rstrip('/')}/messages"
        try:
            # Streamed: the status says it all, and a body that drips in cannot hold us beyond the time-out.
            with (
                httpx.Client(timeout=_SMS_TIMEOUT, trust_env=False, verify=_trust(self.ca_bundle)) as client,
                client.stream("POST", url, json=content, headers=headers) as answer,
            ):
                status = answer.status_code
        except httpx.HTTPError as error:
            raise MessageNotSent(f"text message gateway: {type(error).__name__}") from error
        if status not in {200, 201, 202}:
            raise MessageNotSent(f"text message gateway answered {status}")


@dataclass(frozen=True)
class SmtpServer:
    """Mail by SMTP; with ``starttls`` nothing is said before the channel is encrypted and the certificate verified."""

    host: str
    port: int
    sender: str
    starttls: bool = False
    ca_bundle: str = ""

    def send(self, recipient: str, text: str, *, subject: str = "") -> None:
        try:
            with smtplib.SMTP(self.host, self.port, timeout=_SMTP_TIMEOUT) as server:
                if self.starttls:
                    server.starttls(context=_trust(self.ca_bundle))
                server.send_message(self._mail(recipient, text, subject))
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise MessageNotSent(f"mail: {type(error).__name__}") from error

    def _mail(self, recipient: str, text: str, subject: str) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self.sender, recipient, subject
        mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain="tongxing.invalid")
        mail.set_content(text)
        return mail


@lru_cache(maxsize=8)
def _trust(ca_bundle: str) -> ssl.SSLContext:
    """Certificates are always verified; building a context takes long, so each is built once."""
    context = ssl.create_default_context()
    if ca_bundle:
        context.load_verify_locations(ca_bundle)
    return context


@dataclass(frozen=True)
class Messages:
    """Sends by the way the recipient asks for; a way that is not set up cannot be gone."""

    text_messages: MessageSender | None = None
    mail: MessageSender | None = None

    def send(self, recipient: str, text: str, *, subject: str = "") -> None:
        way = self.mail if "@" in recipient else self.text_messages
        if way is None:
            raise MessageNotSent("no way to send to this kind of recipient is set up")
        way.send(recipient, text, subject=subject)


def message_sender(settings: Settings) -> Messages:
    """The ways that the settings name."""
    text_messages = (
        SmsGateway(settings.sms_gateway_url, settings.sms_gateway_token, settings.outbound_ca_bundle)
        if settings.sms_gateway_url
        else None
    )
    mail = None
    if settings.smtp_host:
        mail = SmtpServer(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_from,
            settings.smtp_starttls,
            settings.outbound_ca_bundle,
        )
    return Messages(text_messages, mail)
