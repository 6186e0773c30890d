"""What every request to a page must look like, and the headers every answer carries, for any Flask relying party."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote_to_bytes, urlsplit

from flask import Flask, Response, abort, request

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def add_guard(app: Flask, base_url: str, *, form_targets: Sequence[str] = ()) -> None:
    """Refuse damaged requests with 400 and add the security headers.

    ``base_url`` is the public address. ``form_targets``: origins that a form of ours may lead to, the redirects after
    its POST included (browsers apply form-action to them); none: no limit.
    """
    targets = "; form-action 'self' " + " ".join(form_targets) if form_targets else ""
    is_secure = base_url.startswith("https://")
    refuse_damaged(app)
    refuse_other_hosts(app, base_url)
    app.before_request(_check_path)
    app.after_request(lambda response: add_security_headers(response, _POLICY + targets, is_secure=is_secure))


def refuse_damaged(app: Flask) -> None:
    """Answer 400 to a query or form that is not UTF-8, holds a NUL or says something twice.

    Before anything else reads it: a form that was parsed once cannot be told any more from one that was whole.
    """
    app.before_request_funcs.setdefault(None, []).insert(0, _check_request)


def refuse_other_hosts(app: Flask, base_url: str) -> None:
    """Answer 400 to whoever asks under another name than that of ``base_url``.

    A load balancer's health check may use the bare address.
    """
    parts = urlsplit(base_url)
    default_port = _DEFAULT_PORTS[parts.scheme]
    own_host = parts.netloc.lower().removesuffix(default_port)

    @app.before_request
    def check_host() -> None:
        if request.host.lower().removesuffix(default_port) != own_host and request.path != "/healthz":
            abort(400)


def add_security_headers(response: Response, policy: str, *, is_secure: bool, vary: str = "Cookie") -> Response:
    """Content security policy and its companions; nothing personal is kept by anybody on the way."""
    headers = response.headers
    headers["Content-Security-Policy"] = policy
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if request.endpoint != "static":
        headers.setdefault("Cache-Control", "no-store")
        headers.add("Vary", vary)
    return response


def _check_path() -> None:
    if _is_damaged(request.path):
        abort(400)


def _check_request() -> None:
    if _is_broken(request.query_string) or _is_broken(_urlencoded_body()):
        abort(400)
    for values in (request.args, request.form):
        for name, sent in values.lists():
            if len(sent) > 1 or any(_is_damaged(text) for text in (name, *sent)):
                abort(400)


def _urlencoded_body() -> bytes:
    """The raw form, kept for the parsing that follows; empty for other kinds of body."""
    return request.get_data() if request.mimetype == "application/x-www-form-urlencoded" else b""


def _is_broken(encoded: bytes) -> bool:
    """True for percent-encoded bytes that are no UTF-8, which the parser would silently keep as they are."""
    try:
        unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError:
        return True
    return False


def _is_damaged(text: str) -> bool:
    """NUL, or bytes that were no UTF-8 (decoding put U+FFFD or a surrogate in their place)."""
    return any(character in "\0\ufffd" or "\ud800" <= character <= "\udfff" for character in text)
