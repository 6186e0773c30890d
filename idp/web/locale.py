"""Which language a page speaks, and what every page is given.

Order: ``ui_locales`` of the request at hand, the language of the interaction it belongs to (chosen there, or wished for
by the client), the person's language cookie, Accept-Language, the deployment's default.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Blueprint, Flask, Response, abort, g, redirect, request, url_for
from flask_babel import Babel, get_locale, refresh
from werkzeug.wrappers import Response as AnyResponse

from clients.kit.own_path import own_path
from idp.config import Settings
from idp.domain.session import SignedIn
from idp.web import browser, interactions
from idp.web.context import current, provider

blueprint = Blueprint("locale", __name__)

AREAS = ("shared", "idp", "accounts", "federation")
TIMEZONE = "Asia/Shanghai"
_COOKIE = "language"
_COOKIE_LIFETIME = timedelta(days=365)


def install(app: Flask, root: Path) -> None:
    settings: Settings = app.extensions["tongxing"].settings
    directories = [str(root / "translations" / area) for area in AREAS if (root / "translations" / area).is_dir()]
    Babel(
        app,
        default_locale=settings.default_locale,
        default_timezone=TIMEZONE,
        default_translation_directories=";".join(directories),
        default_domain=";".join(["messages"] * len(directories)),
        locale_selector=choose,
    )
    app.context_processor(_page_context)


def choose() -> str:
    """The language of this request's answer, one of settings.locales."""
    settings = provider().settings
    return (
        best_of(settings, _parameter("ui_locales").split())
        or _of_interaction(settings)
        or _of_cookie(settings)
        or g.get("wished_locale")
        or request.accept_languages.best_match(settings.locales)
        or settings.default_locale
    )


def best_of(settings: Settings, tags: Iterable[str]) -> str | None:
    """The first language of ours among BCP 47 tags; ``zh-Hans-CN`` means ``zh``."""
    primary = (tag.split("-")[0].lower() for tag in tags)
    return next((tag for tag in primary if tag in settings.locales), None)


def is_chosen() -> bool:
    """Whether the request itself or the person's cookie says a language."""
    settings = provider().settings
    return bool(best_of(settings, _parameter("ui_locales").split()) or _of_cookie(settings))


def speak(tags: str) -> None:
    """Let this request's page speak the first known language of a list, if there is one."""
    found = best_of(provider().settings, tags.split())
    if found:
        g.wished_locale = found
        refresh()


def _of_interaction(settings: Settings) -> str | None:
    text = _parameter("interaction")
    if not text:
        return None
    try:
        return best_of(settings, [interactions.read(provider().vault, text).locale])
    except interactions.InteractionLost:
        return None  # the page will say so


def _parameter(name: str) -> str:
    """As the door read it (idp.web.guard): error pages of requests that could not be read want a language too."""
    return next((value for key, value in (*g.get("query_pairs", ()), *g.get("form_pairs", ())) if key == name), "")


def _of_cookie(settings: Settings) -> str | None:
    return best_of(settings, [request.cookies.get(browser.cookie_name(settings, _COOKIE), "")])


@blueprint.post("/language")
def language() -> AnyResponse:
    """Remember the chosen language and go back to where the switch was."""
    settings = provider().settings
    chosen = request.form.get("locale", "")
    if chosen not in settings.locales:
        abort(400)
    response = redirect(_back(request.form.get("next", ""), chosen), 303, Response)
    browser.set_cookie(settings, response, _COOKIE, chosen, _COOKIE_LIFETIME)
    return response


def _back(text: str, chosen: str) -> str:
    """A path of this origin; a language wished for in it gives way to the one just chosen."""
    parts = urlsplit(own_path(text))
    query = [
        (name, _with_language(name, value, chosen)) for name, value in parse_qsl(parts.query) if name != "ui_locales"
    ]
    return parts.path + ("?" + urlencode(query) if query else "")


def _with_language(name: str, value: str, chosen: str) -> str:
    if name != "interaction":
        return value
    try:
        return interactions.with_locale(current(), value, chosen)
    except interactions.InteractionLost:
        return value


def _page_context() -> dict[str, Any]:
    """What templates/base.html shows (docs/pages.md). The person is named where this request looked them up anyway."""
    settings, locale = provider().settings, str(get_locale())
    signed_in = _known_person()
    brand = settings.brand.get(locale) or settings.brand[settings.default_locale]
    return {
        "brand": {"name": brand, "home_url": "/"},
        "theme": settings.theme,
        "locale": locale,
        "language_url": url_for("locale.language"),
        "person_name": signed_in.account.name if signed_in else None,
        "acting_for": (signed_in.session.act_as or {}).get("name") if signed_in else None,
        "account_url": "/account" if signed_in else None,
        "sign_out_url": url_for("logout.sign_out") if signed_in else None,
    }


def _known_person() -> SignedIn | None:
    known: dict[str | None, SignedIn | None] = g.get("signed_in") or {}
    return next((signed_in for signed_in in known.values() if signed_in is not None), None)
