"""Login with Tongxing for a Flask application: a blueprint with the five routes of a relying party.

    login = relying_party("drivers", RelyingParty(config, http), SessionStore(engine, sealer, client_id), csrf_key=…)
    app.register_blueprint(login.blueprint)

    @app.get("/mine")
    @login.required()
    def mine(): return f"Hello {login.current().claims['name']}"

/login, /callback, /logout (POST), /backchannel-logout (POST) and /signed-out lie under the blueprint's prefix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec

from flask import Blueprint, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from clients.kit.access import fresh_session, utc_now
from clients.kit.assurance import LEVELS, at_least, satisfies
from clients.kit.errors import KitError, SessionEnded
from clients.kit.flask_cookies import Cookies
from clients.kit.flask_pages import Pages, PlainPages
from clients.kit.flask_routes import add_routes
from clients.kit.own_path import own_path
from clients.kit.relying_party import RelyingParty
from clients.kit.session import Session
from clients.kit.sessions import SessionStore

P = ParamSpec("P")


@dataclass(frozen=True)
class FlaskLogin:
    """One relying party inside a Flask application. `blueprint` is to be registered by the application."""

    name: str
    relying_party: RelyingParty
    store: SessionStore
    cookies: Cookies
    pages: Pages
    blueprint: Blueprint
    check_csrf: Callable[[], None]
    ui_locales: Callable[[], str | None]
    acr_order: tuple[str, ...]
    clock: Callable[[], datetime]

    def current(self) -> Session | None:
        """The session of the person making this request, or None; looked up once a request."""
        found: dict[str, Session | None] = g.setdefault("_relying_party_sessions", {})
        if self.name not in found:
            found[self.name] = self.read_session()
        return found[self.name]

    def read_session(self) -> Session | None:
        token = self.cookies.session()
        return self.store.find_session(token, now=self.clock()) if token else None

    def access_token(self) -> str:
        """The current person's access token, renewed when needed. Raises SessionEnded, ProviderUnavailable."""
        session = self.current()
        if session is None:
            raise SessionEnded("nobody is logged in")
        try:
            session = fresh_session(session, self.read_session, self.relying_party, self.store, self.clock)
        except SessionEnded:
            g._relying_party_sessions[self.name] = None
            raise
        g._relying_party_sessions[self.name] = session
        return session.login.access_token

    def csrf_token(self) -> str:
        """The value of the form field `csrf_token` that /logout demands; empty when nobody is logged in."""
        return self.cookies.csrf_token()

    def login_url(self, next_path: str | None = None, **parameters: str) -> str:
        """The way to the login that comes back to `next_path` (default: the page being shown)."""
        values: dict[str, Any] = {"next": next_path or self._here(), **parameters}
        return url_for(f"{self.blueprint.name}.login", **values)

    def _here(self) -> str:
        """The path of this request; the start page when it is one of the login's own, which cannot be come back to."""
        if request.blueprint == self.blueprint.name:
            return self.blueprint.url_prefix or "/"
        return own_path(request.script_root + (request.full_path if request.query_string else request.path))

    def required(
        self, acr: str | None = None
    ) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
        """Only for people who are logged in, at level `acr` or above; others are sent to the provider first.

        A person with a session at the provider comes straight back without having seen a form.
        """

        def decorate(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
            @wraps(view)
            def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
                refusal = self.refuse(acr)
                if refusal is not None:
                    return refusal
                try:
                    return view(*args, **kwargs)
                except SessionEnded:
                    return redirect(self.login_url(), 303)

            return guarded

        return decorate

    def refuse(self, acr: str | None = None) -> ResponseReturnValue | None:
        """What to answer instead of a page for people at level `acr`; None when this person may see it."""
        session = self.current()
        if session is None:
            return redirect(self.login_url(), 303)
        if acr is None or satisfies(session.acr, acr, self.acr_order):
            return None
        step_up = self.login_url(acr_values=at_least(acr, self.acr_order))
        if acr in session.acr_asked:
            # The person was asked already and could not, or would not: say so instead of going round in circles.
            return self.pages.insufficient(acr, session.acr, step_up)
        return redirect(step_up, 303)

    def problem(self, error: KitError, status: int, next_path: str | None = None) -> ResponseReturnValue:
        return self.pages.problem(error, status, self.login_url(own_path(next_path)))


def relying_party(
    name: str,
    rp: RelyingParty,
    store: SessionStore,
    *,
    csrf_key: bytes,
    url_prefix: str | None = None,
    cookie_name: str | None = None,
    secure_cookies: bool = True,
    **options: Any,
) -> FlaskLogin:
    """Build the login named `name` (also the blueprint's name).

    `csrf_key`: secret bytes for the token of the sign-out form. Options: `pages`, `check_csrf` (replaces the built-in
    check of /logout, for applications with their own), `ui_locales`, `acr_order`, `clock`.
    """
    cookies = Cookies(cookie_name or f"{name}_session", url_prefix or "/", secure_cookies, csrf_key)
    blueprint = Blueprint(name, __name__, url_prefix=url_prefix)
    login = FlaskLogin(
        name=name,
        relying_party=rp,
        store=store,
        cookies=cookies,
        pages=options.pop("pages", None) or PlainPages(),
        blueprint=blueprint,
        check_csrf=options.pop("check_csrf", None) or cookies.check_csrf,
        ui_locales=options.pop("ui_locales", None) or (lambda: None),
        acr_order=options.pop("acr_order", LEVELS),
        clock=options.pop("clock", utc_now),
    )
    if options:
        raise TypeError(f"unknown options: {', '.join(options)}")
    add_routes(blueprint, login)
    return login
