"""The composition root of the middle platform: builds every part once and puts them together."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from flask import Flask
from flask_babel import Babel
from sqlalchemy import Engine

from clients.kit.flask_guard import add_security_headers, refuse_damaged
from clients.kit.http import HttpClient
from clients.kit.provider import Provider
from clients.kit.resource import AccessTokenVerifier
from clients.kit.session_tables import open_engine
from clients.matters.cases import Cases
from clients.matters.catalogue import declare_all
from clients.matters.clerk import Clerk
from clients.matters.clocks import load_calendar
from clients.matters.config import MattersSettings, load
from clients.matters.person import People
from clients.matters.regional import load_region
from clients.matters.registers import Registers
from clients.matters.secrecy import Secrecy
from clients.matters.web.api import Api
from clients.matters.web.language import select_language
from clients.matters.web.pages import pages
from clients.matters.web.refusals import register_refusals

ROOT = Path(__file__).parents[2]
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Platform:
    """The parts of a running application that outlive a request, as ``app.extensions["matters"]``."""

    clerk: Clerk
    engine: Engine
    http: HttpClient

    def close(self) -> None:
        """Give back connections; the application cannot be used afterwards."""
        self.clerk.registers.close()
        self.http.close()
        self.engine.dispose()


def utc_now() -> datetime:
    """The time, wherever nobody gives another."""
    return datetime.now(UTC)


def create_app(
    settings: MattersSettings, clock: Callable[[], datetime] = utc_now, tls: ssl.SSLContext | None = None
) -> Flask:
    """The WSGI application. Its database must have been migrated (`clients.matters.database.migrate`).

    `tls` replaces the system's certificate authorities for the calls to the provider and the registers.
    """
    app = Flask("tongxing-matters", static_folder=str(ROOT / "static"), template_folder=str(ROOT / "templates"))
    app.config.update(MAX_CONTENT_LENGTH=settings.max_body_bytes, JSON_SORT_KEYS=False)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    _install_languages(app)
    engine = open_engine(settings.database_url)
    region = load_region(settings.region)
    catalogue = declare_all(region)
    secrecy = Secrecy(settings.master_key)
    cases = Cases(engine, secrecy)
    correction_days = region.integer("rules.correction_days").value
    clerk = Clerk(catalogue, cases, Registers(settings.registers, tls), load_calendar(), secrecy, correction_days)
    http = HttpClient(tls=tls)
    provider = Provider(settings.issuer, http)
    verifier = AccessTokenVerifier(provider, settings.url)
    api = Api(settings.issuer, verifier, People(provider), catalogue, cases, clerk, clock)
    app.register_blueprint(api.blueprint())
    app.register_blueprint(pages(catalogue, engine, settings))
    register_refusals(app)
    refuse_damaged(app)
    app.after_request(
        lambda response: add_security_headers(
            response,
            POLICY,
            is_secure=settings.url.startswith("https://"),
            vary="Authorization, Accept-Language, Cookie",
        )
    )
    app.extensions["matters"] = Platform(clerk, engine, http)

    @app.cli.command("settle-overdue", help="Move on every case whose term of acceptance or correction has passed.")
    def settle_overdue() -> None:
        click.echo(clerk.settle_overdue(clock()))

    return app


def from_environment() -> Flask:
    """The application under the settings of the process: ``flask --app clients.matters.app:from_environment …``."""
    return create_app(load())


def _install_languages(app: Flask) -> None:
    catalogues = ";".join(str(ROOT / "translations" / area) for area in ("shared", "clients"))
    Babel(
        app,
        default_locale="zh",
        locale_selector=select_language,
        default_translation_directories=catalogues,
        default_domain="messages;messages",
    )
