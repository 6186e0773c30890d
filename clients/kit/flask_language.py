"""The language of a relying party's pages: what the person chose, else what the service says; and the switch."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask, Response, make_response, redirect, request
from flask_babel import get_locale

from clients.kit.own_path import own_path

LANGUAGES = ("zh", "en")
ANSWERS_ONCE = frozenset({"/callback", "/logout"})
"""Paths that cannot be asked for again in another language."""
REMEMBERED = timedelta(days=365)


def current_language() -> str:
    return str(get_locale() or LANGUAGES[0])


def choose_language(cookie_name: str, default: str = LANGUAGES[0]) -> str:
    """The language for this request: the switch's choice, else ``default`` (the browser's wish is not asked: these are
    Chinese services, and whoever wants English says so)."""
    chosen = request.cookies.get(cookie_name, "")
    return chosen if chosen in LANGUAGES else default


def add_language_switch(app: Flask, cookie_name: str, *, is_secure: bool) -> None:
    """POST /language {locale, next}: remember the choice in a cookie and go back."""

    @app.post("/language")
    def language() -> Response:
        target = own_path(request.form.get("next"))
        if target.split("?")[0] in ANSWERS_ONCE:
            target = "/"
        # Pages name their path within the application; the browser needs it within the host.
        response = make_response(redirect(request.script_root + target, 303))
        wanted = request.form.get("locale", "")
        if wanted in LANGUAGES:
            response.set_cookie(
                cookie_name, wanted, max_age=REMEMBERED, secure=is_secure, httponly=True, samesite="Lax"
            )
        return response
