"""The hall's pages: services of the nation and of the region, my identity with its level and who vouched for it, and
what is shown when a login did not work or has ended.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Flask, jsonify, make_response, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from clients.kit.assurance import rank
from clients.kit.errors import KitError, LoginRefused, ProviderUnavailable, ResponseInvalid, ServiceUnavailable
from clients.kit.flask_login import FlaskLogin
from clients.kit.session import Session
from federation.identifiers import mask, mask_mobile, normalise_mobile
from federation.national.config import HallSettings
from federation.national.hall_frame import in_language

FEDERATED = "fed"
"""The authentication method reference of a login that another provider vouched for."""


def install(app: Flask, settings: HallSettings, login: FlaskLogin) -> None:
    """Register the pages and what is shown instead of them."""

    @app.get("/")
    def home() -> ResponseReturnValue:
        session = login.current()
        return render_template(
            "federation/home.html",
            person=described(settings, session) if session else None,
            login_url=login.login_url(url_for("home")),
            region_login_url=login.login_url(url_for("home"), idp_hint=settings.upstream_name),
            region_name=in_language(settings.upstream_label),
            national_services=_national_services(settings),
            provincial_services=_provincial_services(settings),
        )

    @app.get("/identity")
    @login.required()
    def identity() -> ResponseReturnValue:
        session = login.current()
        person = described(settings, session) if session else None
        return render_template("federation/identity.html", person=person, account_url=f"{settings.issuer}/account")

    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        try:
            login.store.ping()
        except SQLAlchemyError:
            app.logger.exception("the hall's session database does not answer")
            return jsonify(status="unavailable"), 503
        return jsonify(status="ok")

    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _http_error)


def described(settings: HallSettings, session: Session) -> dict[str, Any]:
    """The person as the hall knows them; numbers masked."""
    claims = session.claims
    number, phone, loa = claims.get("id_number"), claims.get("phone_number"), claims.get("loa")
    is_federated = FEDERATED in (claims.get("amr") or ())
    return {
        "name": claims.get("name"),
        "id_number": mask(number) if isinstance(number, str) else None,
        "phone": mask_mobile(normalise_mobile(phone)) if isinstance(phone, str) else None,
        "level": max(rank(session.acr), 0),
        "loa": _loa(settings, loa) if isinstance(loa, dict) else None,
        "signed_in_by": in_language(settings.upstream_label) if is_federated else _("the national platform"),
        "is_federated": is_federated,
        "since": session.login.authenticated_at,
        "until": session.expires_at,
    }


def _loa(settings: HallSettings, loa: dict[str, Any]) -> dict[str, Any]:
    methods = {
        "name_and_id_number": _("ID number and name, checked with the authority"),
        "upstream": _("the word of another platform"),
        "face": _("face comparison"),
        "counter": _("at a service counter"),
        "phone_code": _("a code sent to the mobile phone"),
    }
    return {
        "level": loa.get("level"),
        "source": _source_name(settings, str(loa.get("source", ""))),
        "method": methods.get(str(loa.get("method")), loa.get("method")),
        "verified_at": loa.get("verified_at"),
    }


def _source_name(settings: HallSettings, source: str) -> str:
    names = {"authority": _("the national population register"), "local": _("the national platform")}
    if settings.upstream_issuer and source == settings.upstream_issuer:
        return in_language(settings.upstream_label)
    return names.get(source) or urlsplit(source).netloc or source


def _national_services(settings: HallSettings) -> list[dict[str, str]]:
    return [
        {
            "title": _("My verified identity"),
            "text": _("Your name, your level, and who vouched for it."),
            "url": url_for("identity"),
            "icon": "shield",
        },
        {
            "title": _("My account and sessions"),
            "text": _("Where you are signed in, and which services know what of you."),
            "url": f"{settings.issuer}/account",
            "icon": "person",
        },
    ]


def _provincial_services(settings: HallSettings) -> list[dict[str, str]]:
    return [
        {
            "title": in_language(service.title),
            "text": in_language(service.text) if service.text else "",
            "url": service.url,
            "icon": service.icon,
        }
        for service in settings.provincial_services
    ]


class HallPages:
    """Implements :class:`clients.kit.flask_pages.Pages`."""

    def problem(self, error: KitError, status: int, retry_url: str) -> ResponseReturnValue:
        code = error.error if isinstance(error, LoginRefused) else None
        response = make_response(
            _problem(_("Signing in did not work"), explain(error), _("Sign in again"), retry_url, code), status
        )
        if isinstance(error, ServiceUnavailable):
            response.headers["Retry-After"] = "10"
        return response

    def signed_out(self, provider_url: str | None, is_complete: bool) -> ResponseReturnValue:
        done = _(
            "You are signed out of the hall and of the national platform, which is now signing you out of the other "
            "services you used, those of your region included."
        )
        unsure = _(
            "You are signed out of the hall. The national platform did not answer, so you may still be signed in "
            "there. On a shared computer, close the browser."
        )
        return render_template(
            "relying_parties/signed_out.html",
            sentence=done if is_complete else unsure,
            is_complete=is_complete,
            provider_url=provider_url,
        )

    def insufficient(self, required: str, reached: str | None, retry_url: str) -> ResponseReturnValue:
        sentence = _("This page needs a higher identity level than you have now.")
        return _problem(_("A higher identity level is needed"), sentence, _("Sign in again"), retry_url), 403


def explain(error: KitError) -> str:
    """One plain sentence in the page's language."""
    if isinstance(error, ProviderUnavailable):
        return _("The sign-in service does not answer at the moment. Please try again in a few minutes.")
    if isinstance(error, LoginRefused) and error.error == "access_denied":
        return _("You cancelled the sign-in. Nothing was passed on to the hall.")
    if isinstance(error, ResponseInvalid):
        return _("This sign-in was begun in another browser or took too long. Please start again.")
    return _("The sign-in could not be completed. Please start again.")


def _problem(title: str, sentence: str, action_label: str, action_url: str, code: str | None = None) -> str:
    return render_template(
        "relying_parties/problem.html",
        title=title,
        sentence=sentence,
        code=code,
        action_label=action_label,
        action_url=action_url,
    )


def _stale_form(_error: CSRFError) -> ResponseReturnValue:
    sentence = _("The form was opened before you signed in. Please go back, reload the page and send it again.")
    return _problem(_("The form has expired"), sentence, _("To the start page"), url_for("home")), 400


def _http_error(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    texts = {
        404: (_("Page not found"), _("There is no such page.")),
        413: (_("Too much at once"), _("What was sent is larger than the hall accepts.")),
    }
    fallback = (_("This request cannot be answered"), _("Please go back and start again."))
    if status >= 500:
        fallback = (_("Something went wrong"), _("The fault is ours. Please try again later."))
    title, sentence = texts.get(status, fallback)
    return _problem(title, sentence, _("To the start page"), url_for("home")), status
