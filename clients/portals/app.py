"""The composition root of a portal: one process, one portal, one relying party."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response, jsonify
from flask_babel import Babel
from flask_wtf.csrf import CSRFProtect
from sqlalchemy.exc import SQLAlchemyError

from clients.kit.flask_guard import add_guard
from clients.kit.flask_language import LANGUAGES, add_language_switch, choose_language, current_language
from clients.kit.flask_login import FlaskLogin, relying_party
from clients.kit.http import HttpClient
from clients.kit.relying_party import PrivateKeyJwt, RelyingParty, RelyingPartyConfig
from clients.kit.sealing import Sealer
from clients.kit.sessions import SessionStore, open_engine
from clients.portals.cases import add_cases
from clients.portals.config import Settings
from clients.portals.home import add_home
from clients.portals.matters import add_matters
from clients.portals.pages import PortalPages
from clients.portals.platform import PlatformUnavailable
from clients.portals.portal import Portal
from clients.portals.presentation import add_presentation
from clients.portals.refusals import add_refusals

ROOT = Path(__file__).parents[2]
MAX_BODY = 64 * 1024


def create_app(settings: Settings) -> Flask:
    """The portal's WSGI application. Raises SettingsError for keys that are missing or malformed."""
    app = Flask(__name__, static_folder=str(ROOT / "static"), template_folder=str(ROOT / "templates"))
    # Cookies ignore ports: every portal on a host has names of its own.
    cookie = f"tx_{settings.portal}"
    app.config.update(
        SECRET_KEY=settings.key("forms").hex(),
        SESSION_COOKIE_NAME=f"{cookie}_form",
        SESSION_COOKIE_SECURE=settings.is_secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_PARTS=1000,
        WTF_CSRF_TIME_LIMIT=None,  # a form may be filled in slowly; its token dies with the browser session
        WTF_CSRF_SSL_STRICT=False,  # our Referrer-Policy sends no Referer that could be compared
    )
    # First of all: the guard wants the body as it came, before anything parses it. Signing out leads over the provider,
    # and from there perhaps over the national platform.
    add_guard(app, settings.base_url, form_targets=[url for url in (settings.issuer, settings.national_url) if url])
    csrf = CSRFProtect(app)
    Babel(
        app,
        default_locale=LANGUAGES[0],
        default_timezone="Asia/Shanghai",
        default_translation_directories=f"{ROOT}/translations/shared;{ROOT}/translations/clients",
        default_domain="messages;messages",
        locale_selector=lambda: choose_language(f"{cookie}_lang"),
    )
    login = _login(settings, cookie, csrf)
    # The back-channel logout is a POST of the provider; /logout checks its form itself.
    csrf.exempt(login.blueprint)
    app.register_blueprint(login.blueprint)
    http = HttpClient(timeout=settings.outbound_timeout, unavailable=PlatformUnavailable)
    portal = Portal(settings, login, http)
    app.extensions["portal"] = portal
    add_language_switch(app, f"{cookie}_lang", is_secure=settings.is_secure)
    for add in (add_presentation, add_refusals, add_home, add_matters, add_cases, add_health):
        add(app, portal)
    return app


def _login(settings: Settings, cookie: str, csrf: CSRFProtect) -> FlaskLogin:
    config = RelyingPartyConfig(
        issuer=settings.issuer,
        client_id=settings.own_client_id,
        redirect_uri=f"{settings.base_url}/callback",
        scope=settings.scope,
        auth=PrivateKeyJwt(dict(settings.client_key), settings.client_key_algorithm),
        post_logout_redirect_uri=f"{settings.base_url}/signed-out",
    )
    store = SessionStore(
        open_engine(settings.database_url),
        Sealer(settings.key("sessions")),
        settings.own_client_id,
        idle=settings.session_idle_lifetime,
        absolute=settings.session_absolute_lifetime,
    )
    return relying_party(
        "login",
        RelyingParty(config, HttpClient(timeout=settings.outbound_timeout)),
        store,
        csrf_key=settings.key("sign-out"),
        cookie_name=cookie,
        secure_cookies=settings.is_secure,
        pages=PortalPages(),
        check_csrf=csrf.protect,
        ui_locales=current_language,
    )


def add_health(app: Flask, portal: Portal) -> None:
    """GET /healthz: 200 while the session database answers, else 503. Says nothing of the provider: see its own."""

    @app.get("/healthz")
    def healthz() -> tuple[Response, int]:
        try:
            portal.login.store.ping()
        except SQLAlchemyError:
            app.logger.exception("the session database does not answer")
            return jsonify(status="unavailable"), 503
        return jsonify(status="ok"), 200
