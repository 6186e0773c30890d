"""What surrounds every page of the hall: input rules, headers, language, names, navigation, who is signed in."""

from __future__ import annotations

from typing import Any

from flask import Flask, request, url_for
from flask_babel import gettext as _

from clients.kit.flask_guard import add_guard
from clients.kit.flask_language import add_language_switch, current_language
from clients.kit.flask_login import FlaskLogin
from federation.national.config import HallSettings

LANGUAGE_COOKIE = "tx_hall_lang"


def install(app: Flask, settings: HallSettings, login: FlaskLogin) -> None:
    """Register the frame of every page."""
    add_guard(app, settings.url)
    add_language_switch(app, LANGUAGE_COOKIE, is_secure=settings.url.startswith("https://"))
    app.context_processor(lambda: _frame(settings, login))


def in_language(texts: Any) -> str:
    """The text of the page's language out of {"zh": …, "en": …}."""
    return str(texts.get(current_language()) or next(iter(texts.values()), ""))


def _frame(settings: HallSettings, login: FlaskLogin) -> dict[str, Any]:
    return {
        "brand": {
            "name": _("National government service hall"),
            "subtitle": _("Simulated for this demonstration") if settings.demo else None,
            "home_url": url_for("home"),
        },
        "theme": "national",
        "locale": current_language(),
        "language_url": url_for("language"),
        "nav_items": _navigation(),
        "demo": settings.demo,
        **_person(login),
    }


def _navigation() -> list[dict[str, Any]]:
    entries = (("home", _("Home")), ("identity", _("My identity")))
    return [{"label": label, "url": url_for(name), "current": request.endpoint == name} for name, label in entries]


def _person(login: FlaskLogin) -> dict[str, Any]:
    session = login.current()
    if session is None:
        return {"sign_in_url": login.login_url(url_for("home"))}
    return {
        "person_name": session.claims.get("name") or _("Signed in"),
        "account_url": url_for("identity"),
        "sign_out_url": url_for("login.logout"),
    }
