"""The door: what is refused before any view sees it, and the headers every answer carries.

Bodies and queries up to 64 KiB (settings.max_body_bytes), UTF-8 only, no NUL or other control character, no parameter
twice, no Host but our own (:mod:`idp.web.hosts`); the headers are those of OWASP ASVS 3.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl

from flask import Flask, Response, g, request
from werkzeug.exceptions import (
    BadRequest,
    RequestEntityTooLarge,
    RequestURITooLarge,
    UnsupportedMediaType,
)

from idp.web import hosts, proxy
from idp.web.context import provider
from idp.web.endpoint_kinds import is_front_channel, is_protocol, repeatable

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MAX_PARAMETERS = 1000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_BUT_LINE_BREAKS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # a text area may hold line breaks

# No form-action: Chromium applies it to every redirect after a form was posted, and a login or consent ends at the
# relying party, whose own redirects nobody here can foresee. Without inline code no form can be injected anyway.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# Of the one page that other sites show in a frame: it has nothing to click on, so nobody can be led to click on it.
FRAMED_POLICY = "default-src 'none'; script-src 'self'; base-uri 'none'; frame-ancestors *"
_ON_EVERY_ANSWER = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)


class Malformed(BadRequest):
    """The request cannot be read as text, or says something twice; ``parameter`` names it where that is safe."""

    def __init__(self, description: str, parameter: str | None = None) -> None:
        super().__init__(description)
        self.parameter = parameter


def policy_with_frames(origins: Iterable[str]) -> str:
    """The policy of a page that shows frames of exactly these origins."""
    return f"{CONTENT_SECURITY_POLICY}; frame-src {' '.join(sorted(set(origins)))}"


def install(app: Flask) -> None:
    app.before_request(_check_request)
    app.after_request(_add_headers)


def _check_request() -> None:
    settings = provider().settings
    hosts.check()
    if not proxy.is_readable(request.environ):
        raise Malformed("A header that the proxy sets cannot be read.")
    if _CONTROL.search(request.path):  # it may come back in a redirect or a link
        raise Malformed("The path holds a control character.")
    if len(request.query_string) > settings.max_body_bytes:
        raise RequestURITooLarge
    if request.content_length is not None and request.content_length > settings.max_body_bytes:
        raise RequestEntityTooLarge  # before a byte of it is read
    g.query_pairs = _pairs(request.query_string)
    _check_parameters(g.query_pairs)
    if request.method not in {"GET", "HEAD", "OPTIONS"}:
        _check_body()


def _check_body() -> None:
    body = request.get_data(cache=True)
    if request.content_length is None and len(body) >= provider().settings.max_body_bytes:
        raise RequestEntityTooLarge  # of unknown length: Werkzeug stops reading at the limit and says nothing
    if not body:
        return
    if request.mimetype == FORM:
        g.form_pairs = _pairs(body)
        _check_parameters(g.form_pairs)
    elif request.mimetype != JSON:
        raise UnsupportedMediaType("The body must be a form or JSON.")
    elif not _is_utf8(body):
        raise Malformed("The body is not UTF-8.")


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    try:
        text = raw.decode("utf-8")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except UnicodeDecodeError:
        raise Malformed("A parameter is not UTF-8.") from None
    except ValueError:
        raise Malformed("There are too many parameters.") from None


def _check_parameters(pairs: list[tuple[str, str]]) -> None:
    if not pairs:
        return
    forbidden = _CONTROL if is_protocol() else _CONTROL_BUT_LINE_BREAKS
    may_repeat, is_front = repeatable(), is_front_channel()
    seen: set[str] = set()
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise Malformed("A parameter holds a NUL character.", _shown(name))
        if is_front:
            continue  # its checks answer by redirect where they may
        if _CONTROL.search(name) or forbidden.search(value):
            raise Malformed("A parameter holds a control character.", _shown(name))
        if name in seen and name not in may_repeat:
            raise Malformed("A parameter is given twice.", _shown(name))
        seen.add(name)


def _shown(name: str) -> str | None:
    """A parameter's name where it is one: foreign text is never repeated."""
    return name if len(name) <= 64 and name.isascii() and name.replace("_", "").isalnum() else None


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\x00" not in body


def _add_headers(response: Response) -> Response:
    headers = response.headers
    present = {name.lower() for name in headers.keys()}  # noqa: SIM118  # iterating the headers gives pairs
    for name, value in _ON_EVERY_ANSWER:
        if name.lower() not in present:
            headers.add(name, value)
    if headers["Content-Security-Policy"] != FRAMED_POLICY:
        headers.setdefault("X-Frame-Options", "DENY")
    if provider().settings.is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if request.endpoint == "static" and response.status_code == 200:
        headers["Cache-Control"] = "public, max-age=3600"
    elif "cache-control" not in present:
        headers["Cache-Control"] = "no-store"
        response.vary.add("Cookie")
    if g.get("trace_id"):
        headers["X-Trace-Id"] = g.trace_id
    return response
