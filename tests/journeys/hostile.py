"""What an attacker sends: requests that no browser makes, over a socket of our own.

Libraries clean what they send; here every byte of the request line, the headers and the body is the test's choice.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote_from_bytes, urlsplit

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MARK = "hostile'\"><script>alert(1)</script>"
_PATIENCE = 30.0

# What a parameter can be, percent-encoded where it goes into a query or form.
VALUES: Mapping[str, bytes] = {
    "empty": b"",
    "nul": b"a\x00b",
    "not UTF-8": b"\xff\xfe",
    "half a character": b"\xed\xa0\x80",
    "line break": b"a\r\nSet-Cookie: evil=1",
    "markup": MARK.encode(),
    "long": b"x" * 5000,
    "digits of another script": "１２３٤٥٦".encode(),
    "superscript": "²³".encode(),
    "digits": b"9" * 400,
    "negative": b"-1",
    "path": b"../../../../etc/passwd",
    "foreign address": b"//evil.example/%2e%2e",
    "broken address": b"//[",
    "template": b"{{7*7}}%(name)s{0}${7*7}",
    "astral": "𝒳👩‍👩‍👧".encode(),
    "right to left": "\u202egnp.exe".encode(),
    "JSON": b'{"a":[[[[[[]]]]]]}',
    "token": b"eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
    "dots": b"....",
}


@dataclass(frozen=True)
class Answer:
    """A raw answer; header names in small letters, repeated ones in order."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def is_page(self) -> bool:
        return self.get("content-type").startswith("text/html")

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


def encoded(name: str, value: bytes) -> bytes:
    return f"{name}={quote_from_bytes(value)}".encode()


def pairs(values: Mapping[str, str | bytes]) -> bytes:
    return b"&".join(encoded(name, v.encode() if isinstance(v, str) else v) for name, v in values.items())


def send(
    url: str,
    method: str = "GET",
    *,
    query: bytes = b"",
    body: bytes | None = None,
    content_type: str | None = FORM,
    headers: Mapping[str, str] | None = None,
    host: str | None = None,
) -> Answer:
    """One request on a connection of its own. ``url``'s path goes out as it is; ``host`` replaces the Host header."""
    parts = urlsplit(url)
    target = parts.path.encode("latin-1", "replace") or b"/"
    query = query or parts.query.encode()
    lines = [method.encode() + b" " + target + (b"?" + query if query else b"") + b" HTTP/1.1"]
    lines.append(b"Host: " + (parts.netloc if host is None else host).encode("latin-1", "replace"))
    sent = {"Accept-Language": "en", "Connection": "close"} | dict(headers or {})
    if body is not None:
        sent["Content-Length"] = sent.get("Content-Length", str(len(body)))
        if content_type is not None:
            sent["Content-Type"] = content_type
    lines += [f"{name}: {value}".encode("latin-1", "replace") for name, value in sent.items()]
    return exchange(parts.hostname or "", parts.port or 80, b"\r\n".join(lines) + b"\r\n\r\n" + (body or b""))


def exchange(host: str, port: int, raw: bytes) -> Answer:
    """Send these bytes, read until the server closes."""
    with socket.create_connection((host, port), timeout=_PATIENCE) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before it was all read
            connection.sendall(raw)
        received = b"".join(_chunks(connection))
    return _parse(received)


def _chunks(connection: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            data = connection.recv(65536)
        except ConnectionResetError:
            return
        if not data:
            return
        yield data


def _parse(received: bytes) -> Answer:
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    status = int(first.split(" ")[1]) if first.startswith("HTTP/") else 0
    split = (line.partition(":") for line in lines)
    return Answer(status, tuple((name.strip().lower(), value.strip()) for name, _, value in split), body)
