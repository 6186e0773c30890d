"""The start page, and the panel that tells people as whom this portal knows them."""

from __future__ import annotations

from typing import Any

from flask import Flask, render_template
from flask.typing import ResponseReturnValue

from clients.kit.assurance import rank
from clients.kit.errors import ServiceUnavailable
from clients.kit.session import Session
from clients.portals.masking import masked
from clients.portals.platform import PlatformRefusal
from clients.portals.portal import Portal
from clients.portals.presentation import LEADS, NAMES, neighbours


def add_home(app: Flask, portal: Portal) -> None:
    @app.get("/")
    @portal.within_time
    def home() -> ResponseReturnValue:
        settings = portal.settings
        return render_template(
            "clients/portals/home.html",
            title=NAMES[settings.portal],
            lead=LEADS[settings.portal],
            matters=_offered(portal),
            neighbours=neighbours(portal),
            login_url=portal.login.login_url("/"),
            national_login_url=portal.login.login_url("/", idp_hint="national"),
            register_url=portal.login.login_url("/", prompt="create"),
        )

    @app.get("/identity")
    @portal.personal
    def identity() -> ResponseReturnValue:
        session = portal.login.current()
        return render_template(
            "clients/portals/identity.html",
            **_panel(session) if session else {},
            switch_url=portal.login.login_url("/identity", prompt="select_account"),
            account_centre_url=portal.settings.own_account_url,
        )


def _offered(portal: Portal) -> list[dict[str, Any]] | None:
    """The matters, or None while they cannot be had: the start page works without them."""
    try:
        return portal.public_platform().matters(portal.settings.portal)
    except (ServiceUnavailable, PlatformRefusal):
        return None


def _panel(session: Session) -> dict[str, Any]:
    claims = session.claims
    verified = claims.get("loa")
    return {
        "name": claims.get("name"),
        "id_number": masked(claims.get("id_number"), "resident_id"),
        "phone": masked(claims.get("phone_number"), "mobile"),
        "level": max(rank(session.acr), 0),
        "verified": verified if isinstance(verified, dict) else {},
        "company": claims.get("act_as") if isinstance(claims.get("act_as"), dict) else None,
        "since": session.login.authenticated_at,
        "until": session.expires_at,
    }
