"""What the frame of every page shows: names, navigation, who is signed in."""

from __future__ import annotations

from typing import Any

from flask import Flask, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from clients.kit.flask_language import current_language
from clients.portals.portal import Portal

NAMES = {"drivers": _l("Freight drivers' service portal"), "vehicles": _l("Freight vehicles' service portal")}
ICONS = {"drivers": "person", "vehicles": "truck"}
LEADS = {
    "drivers": _l("Qualification certificates and their annual credit check, for drivers of road freight vehicles."),
    "vehicles": _l("Annual review and certificates of ordinary road freight vehicles, for their operators."),
}


def add_presentation(app: Flask, portal: Portal) -> None:
    @app.context_processor
    def frame() -> dict[str, Any]:
        name = str(NAMES[portal.settings.portal])
        return {
            "brand": {"name": name, "subtitle": _("Xinjiang road transport"), "home_url": url_for("home")},
            "theme": f"portal-{portal.settings.portal}",
            "locale": current_language(),
            "language_url": url_for("language"),
            "nav_items": _navigation(),
            "footer_links": _links(portal),
            "demo": portal.settings.demo,
            **_person(portal),
        }


def _navigation() -> list[dict[str, Any]]:
    entries = [
        ("home", _("Home")),
        ("matters", _("Matters")),
        ("cases", _("My applications")),
        ("identity", _("My identity")),
    ]
    here = (request.endpoint or "").split(".")[0]
    return [{"label": label, "url": url_for(name), "current": here.startswith(name)} for name, label in entries]


def _links(portal: Portal) -> list[dict[str, str]]:
    return [{"label": item["title"], "url": item["url"]} for item in neighbours(portal)]


def neighbours(portal: Portal) -> list[dict[str, str]]:
    """The other portals, the account centre and the national hall, as tiles."""
    settings = portal.settings
    found = [
        {"title": str(NAMES[name]), "text": str(LEADS[name]), "url": url, "icon": ICONS[name]}
        for name, url in settings.portals.items()
        if name != settings.portal and name in NAMES
    ]
    found.append(
        {
            "title": _("Account centre"),
            "text": _("Who you are, your identity level, where you are signed in."),
            "url": settings.own_account_url,
            "icon": "shield",
        }
    )
    if settings.hall_url:
        found.append(
            {
                "title": _("National service hall"),
                "text": _("The national platform's services; you are signed in there without a second login."),
                "url": settings.hall_url,
                "icon": "globe",
            }
        )
    return found


def _person(portal: Portal) -> dict[str, Any]:
    session = portal.login.current()
    if session is None:
        return {"sign_in_url": portal.login.login_url()}
    company = session.claims.get("act_as") or {}
    return {
        "person_name": session.claims.get("name") or _("Signed in"),
        "acting_for": company.get("name") or company.get("uscc"),
        "account_url": url_for("identity"),
        "sign_out_url": url_for("login.logout"),
    }
