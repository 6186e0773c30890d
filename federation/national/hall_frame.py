"""What surrounds every page of the hall: input rules, headers, language, names, navigation, who is signed in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Flask, Response, abort, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _

from clients.kit.flask_login import FlaskLogin
from clients.kit.own_path import own_path
from federation.national.config import HallSettings

LANGUAGES = ("zh", "en")
_LANGUAGE_COOKIE = "tx_hall_lang"
_REMEMBERED = timedelta(days=365)
_MAX_QUERY = 16 * 1024
_ANSWERS_ONCE = frozenset({"/callback", "/logout"})
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def install(app: Flask, settings: HallSettings, login: FlaskLogin) -> None:
    """Register the frame of every page."""
    is_secure = settings.url.startswith("https://")
    own_host = urlsplit(settings.url).netloc
    app.before_request(lambda: _check_request(own_host))
    app.after_request(lambda response: _add_headers(response, is_secure))
    app.add_url_rule("/language", "language", lambda: _remember_language(is_secure), methods=["POST"])
    app.context_processor(lambda: _frame(settings, login))


def choose_language(default: str) -> str:
    """The language of this request: the person's choice, else their browser's, else the deployment's."""
    chosen = request.cookies.get(_LANGUAGE_COOKIE, "")
    return chosen if chosen in LANGUAGES else request.accept_languages.best_match(LANGUAGES) or default


def current_language() -> str:
    return str(get_locale() or LANGUAGES[0])


def in_language(texts: Any) -> str:
    """The text of the page's language out of {"zh": …, "en": …}."""
    return str(texts.get(current_language()) or next(iter(texts.values()), ""))


def _remember_language(is_secure: bool) -> ResponseReturnValue:
    target = own_path(request.form.get("next"))
    if target.split("?")[0] in _ANSWERS_ONCE:
        target = "/"
    # Pages name their path within the hall; the browser needs it within the host.
    response = make_response(redirect(request.script_root + target, 303))
    wanted = request.form.get("locale", "")
    if wanted in LANGUAGES:
        response.set_cookie(
            _LANGUAGE_COOKIE, wanted, max_age=_REMEMBERED, secure=is_secure, httponly=True, samesite="Lax"
        )
    return response


def _check_request(own_host: str) -> None:
    # Whoever asks under another name gets nothing; a load balancer's health check may use the bare address.
    if request.host != own_host and request.endpoint != "healthz":
        abort(400)
    if len(request.query_string) > _MAX_QUERY or "\0" in request.path:
        abort(400)
    _check_pairs(request.query_string)
    if request.mimetype == "application/x-www-form-urlencoded":
        _check_pairs(request.get_data())


def _check_pairs(raw: bytes) -> None:
    """Answers 400 unless query or form is UTF-8, free of NUL and says nothing twice."""
    try:
        names = [name for name, value in parse_qsl(raw.decode(), keep_blank_values=True, errors="strict")]
    except ValueError:
        abort(400)
    if len(names) != len(set(names)) or b"\0" in raw or b"%00" in raw:
        abort(400)


def _add_headers(response: Response, is_secure: bool) -> Response:
    headers = response.headers
    headers["Content-Security-Policy"] = _POLICY
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if request.endpoint != "static":
        headers["Cache-Control"] = "no-store"
        headers["Vary"] = "Cookie"
    return response


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
