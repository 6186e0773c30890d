"""The national service hall: one relying party of the national provider, like any other one.

OpenID Connect Core §3.1 by the relying-party kit. It stands under the provider's own address (``/hall``) with cookies
of its own, and knows of the provider what every outsider knows.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask
from flask_babel import Babel
from flask_wtf.csrf import CSRFProtect

from clients.kit.client_auth import PrivateKeyJwt
from clients.kit.flask_language import choose_language, current_language
from clients.kit.flask_login import FlaskLogin, relying_party
from clients.kit.http import HttpClient
from clients.kit.login import RelyingPartyConfig
from clients.kit.relying_party import RelyingParty
from clients.kit.sealing import Sealer, decode_key
from clients.kit.sessions import SessionStore, open_engine
from federation.national import hall_frame, hall_pages
from federation.national.config import HallSettings

ROOT = Path(__file__).parents[2]
COOKIE = "tx_hall"
MAX_BODY = 64 * 1024
SCOPE = "openid profile phone identity"


def create_app(settings: HallSettings, http: HttpClient | None = None) -> Flask:
    """The hall as a WSGI application, to be mounted at the path of ``settings.url``. ``http`` reaches the provider."""
    app = Flask(__name__, static_folder=str(ROOT / "static"), template_folder=str(ROOT / "templates"))
    app.config.update(
        SECRET_KEY=_key(settings, "forms").hex(),
        SESSION_COOKIE_NAME=f"{COOKIE}_form",
        SESSION_COOKIE_SECURE=_is_secure(settings),
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=MAX_BODY,
        WTF_CSRF_TIME_LIMIT=None,  # a page may stay open as long as its browser
        WTF_CSRF_SSL_STRICT=False,  # our Referrer-Policy sends no Referer that could be compared
    )
    csrf = CSRFProtect(app)
    Babel(
        app,
        default_locale=settings.default_locale,
        default_timezone="Asia/Shanghai",
        default_translation_directories=f"{ROOT}/translations/shared;{ROOT}/translations/federation",
        default_domain="messages;messages",
        locale_selector=lambda: choose_language(hall_frame.LANGUAGE_COOKIE, settings.default_locale),
    )
    login = _login(settings, http or HttpClient(), csrf)
    csrf.exempt(login.blueprint)  # the provider posts logout tokens; /logout checks its form itself
    app.register_blueprint(login.blueprint)
    hall_frame.install(app, settings, login)
    hall_pages.install(app, settings, login)
    return app


def _login(settings: HallSettings, http: HttpClient, csrf: CSRFProtect) -> FlaskLogin:
    config = RelyingPartyConfig(
        issuer=settings.issuer,
        client_id=settings.client_id,
        redirect_uri=f"{settings.url}/callback",
        scope=SCOPE,
        auth=PrivateKeyJwt(settings.private_jwk, "ES256"),
        post_logout_redirect_uri=f"{settings.url}/signed-out",
    )
    store = SessionStore(open_engine(settings.database_url), Sealer(_key(settings, "sessions")), settings.client_id)
    return relying_party(
        "login",
        RelyingParty(config, http),
        store,
        csrf_key=_key(settings, "sign-out"),
        cookie_name=COOKIE,
        secure_cookies=_is_secure(settings),
        pages=hall_pages.HallPages(),
        check_csrf=csrf.protect,
        ui_locales=current_language,
    )


def _key(settings: HallSettings, purpose: str) -> bytes:
    master = decode_key(settings.master_key.get_secret_value())
    return HKDF(SHA256(), 32, None, f"hall/{purpose}".encode()).derive(master)


def _is_secure(settings: HallSettings) -> bool:
    return settings.url.startswith("https://")
