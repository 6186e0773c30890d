"""Which language a request is answered in: the page's own switch, else the browser's wish, else Chinese."""

from __future__ import annotations

from flask import request
from flask_babel import get_locale

LANGUAGES = ("zh", "en")
COOKIE = "tongxing_matters_locale"


def select_language() -> str:
    """The locale selector for Flask-Babel."""
    chosen = request.cookies.get(COOKIE)
    return chosen if chosen in LANGUAGES else request.accept_languages.best_match(LANGUAGES, "zh")


def language() -> str:
    """The language of this request: ``zh`` or ``en``."""
    return str(get_locale() or "zh")
