"""The one page a person sees of this service: what it is, what it offers; and whether it is well."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from clients.kit.own_path import own_path
from clients.matters.catalogue import Catalogue
from clients.matters.config import MattersSettings
from clients.matters.web.language import COOKIE, LANGUAGES, language

YEAR = 365 * 24 * 3600


def pages(catalogue: Catalogue, engine: Engine, settings: MattersSettings) -> Blueprint:
    """Index, language switch and health."""
    blueprint = Blueprint("pages", __name__)

    @blueprint.get("/")
    def index() -> str:
        return render_template(
            "clients/matters/index.html", matters=catalogue.matters, portals=settings.portals, is_up=_is_up(engine)
        )

    @blueprint.post("/language")
    def choose_language() -> ResponseReturnValue:
        response = redirect(own_path(request.form.get("next")), 303)
        chosen = request.form.get("locale")
        if chosen in LANGUAGES:
            response.set_cookie(COOKIE, chosen, max_age=YEAR, httponly=True, samesite="Lax", secure=settings.is_secure)
        return response

    @blueprint.get("/healthz")
    def healthz() -> tuple[Response, int]:
        is_up = _is_up(engine)
        return jsonify(status="ok" if is_up else "unavailable", database=is_up), 200 if is_up else 503

    @blueprint.app_context_processor
    def frame() -> dict[str, object]:
        chosen = language()
        return {
            "theme": "matters",
            "brand": {"name": _("Service Matters Platform"), "subtitle": _("Behind the portals"), "home_url": "/"},
            "locale": chosen,
            "language": chosen,
            "language_url": "/language",
            "demo": settings.demo,
        }

    return blueprint


def _is_up(engine: Engine) -> bool:
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1 FROM cases WHERE 1 = 0"))
    except SQLAlchemyError as error:
        current_app.logger.error("database unavailable: %s", type(error).__name__)
        return False
    return True
