"""What every request must look like, and the headers every answer carries."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes, urlsplit

from flask import Flask, Response, abort, request

from clients.portals.config import Settings


def add_guard(app: Flask, settings: Settings) -> None:
    # Browsers apply form-action to the redirects after a POST too: signing out leads over the provider, and from there
    # perhaps over the national platform.
    targets = " ".join(["'self'", *filter(None, (settings.issuer, settings.national_url))])
    policy = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action {targets}"
    )

    own_host = urlsplit(settings.base_url).netloc

    @app.before_request
    def check_request() -> None:
        # Whoever asks under another name gets nothing; a load balancer's health check may use the bare address.
        if request.host != own_host and request.endpoint != "healthz":
            abort(400)
        if _is_damaged(request.path) or _is_broken(request.query_string) or _is_broken(_urlencoded_body()):
            abort(400)
        for values in (request.args, request.form):
            for name, sent in values.lists():
                if len(sent) > 1 or any(_is_damaged(text) for text in (name, *sent)):
                    abort(400)

    @app.after_request
    def add_headers(response: Response) -> Response:
        headers = response.headers
        headers["Content-Security-Policy"] = policy
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if settings.is_secure:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        if request.endpoint != "static":
            headers["Cache-Control"] = "no-store"
            headers["Vary"] = "Cookie"
        return response


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
