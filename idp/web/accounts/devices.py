"""Where the person is signed in: list, sign out here, there, or everywhere."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, flash, redirect, request
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from idp.context import Context
from idp.domain.session import Session, SignedIn
from idp.protocol.logout import end_session
from idp.storage import sessions
from idp.web import logout
from idp.web.accounts.centre import source_name
from idp.web.accounts.visitor import centre_page, for_person

blueprint = Blueprint("account_sessions", __name__)
_PAGE = "/account/sessions"
_Marks = tuple[tuple[str, str], ...]  # what the browser says of itself → its name; the first that fits counts
_BROWSERS: _Marks = (
    ("Edg", "Edge"),
    ("MicroMessenger", "WeChat"),
    ("Firefox", "Firefox"),
    ("OPR", "Opera"),
    ("HeadlessChrome", "Chromium"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
    ("curl", "curl"),
)
_SYSTEMS: _Marks = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@blueprint.get(_PAGE)
@for_person
def show(context: Context, signed_in: SignedIn) -> str:
    alive = _alive(context, signed_in)
    return centre_page(_PAGE, "accounts/sessions.html", sessions=[_shown(context, signed_in, one) for one in alive])


@blueprint.post(f"{_PAGE}/end")
@for_person
def end(context: Context, signed_in: SignedIn) -> AnyResponse:
    """Sign one other session out; the own one through the ordinary way out."""
    session_id = request.form.get("session", "")
    chosen = next((one for one in _alive(context, signed_in) if one.id == session_id), None)
    if chosen is None:
        flash(gettext("That device is signed out already."), "info")
    elif chosen.id == signed_in.session.id:
        return logout.sign_out()
    else:
        end_session(context, chosen, reason="ended_by_person")
        flash(gettext("Signed out there. The services used there are being told."), "success")
    return redirect(_PAGE, 303)


@blueprint.post(f"{_PAGE}/end-all")
@for_person
def end_all(context: Context, signed_in: SignedIn) -> AnyResponse:
    """Everywhere, here last."""
    end_others(context, signed_in, "ended_everywhere")
    return logout.sign_out()


def end_others(context: Context, signed_in: SignedIn, reason: str) -> int:
    """End the person's other sessions; how many there were."""
    others = [
        one
        for one in sessions.list_alive(context.db, signed_in.account.id, context.now)
        if one.id != signed_in.session.id
    ]
    for one in others:
        end_session(context, one, reason=reason)
    return len(others)


def _alive(context: Context, signed_in: SignedIn) -> list[Session]:
    idle = context.settings.session_idle_lifetime
    listed = sessions.list_alive(context.db, signed_in.account.id, context.now)
    return [one for one in listed if one.is_alive(context.now, idle) or one.id == signed_in.session.id]


def _shown(context: Context, signed_in: SignedIn, session: Session) -> dict[str, Any]:
    return {
        "id": session.id,
        "device": device_name(session.user_agent),
        "address": session.address,
        "source": source_name(context, session.source),
        "signed_in_at": session.auth_time,
        "last_seen_at": session.last_seen_at,
        "acting_for": (session.act_as or {}).get("name"),
        "is_current": session.id == signed_in.session.id,
    }


def device_name(user_agent: str) -> str:
    """Browser and system in a person's words, as far as the browser says."""
    found = [
        next((name for mark, name in marks if re.search(rf"\b{mark}", user_agent)), "")
        for marks in (_BROWSERS, _SYSTEMS)
    ]
    return " · ".join(filter(None, found)) or gettext("Unknown device")
