"""What a person can do when the identity level is too low for a matter: step up here, or log in nationally."""

from __future__ import annotations

from typing import Any

from flask import make_response, render_template
from flask.typing import ResponseReturnValue

from clients.kit.assurance import LEVELS, at_least, rank, satisfies
from clients.kit.session import Session
from clients.portals.portal import Portal


def acr_of(level: object) -> str:
    """The acr value of a numbered level; the highest for a level we do not know."""
    return LEVELS[level] if isinstance(level, int) and 0 <= level < len(LEVELS) else LEVELS[-1]


def is_reached(session: Session, level: object) -> bool:
    return satisfies(session.acr, acr_of(level))


def choices(portal: Portal, required: str, next_path: str | None = None) -> dict[str, Any]:
    """What the page about a missing level shows; the ways lead back to `next_path` (default: this page)."""
    session = portal.login.current()
    return {
        "required_level": max(rank(required), 0),
        "reached_level": max(rank(session.acr if session else None), 0),
        # Asked before and still too low: the person is told what is missing instead of being sent round again.
        "was_asked": session is not None and required in session.acr_asked,
        "step_up_url": portal.login.login_url(next_path, acr_values=at_least(required)),
        "national_url": portal.login.login_url(next_path, acr_values=at_least(required), idp_hint="national"),
        "account_url": portal.settings.own_account_url,
    }


def answer_too_low(portal: Portal, required: str, title: str | None = None) -> ResponseReturnValue:
    page = render_template("clients/portals/level.html", matter_title=title, **choices(portal, required))
    return make_response(page, 403)
