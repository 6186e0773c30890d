"""What a person reads when something cannot be had: one page for each kind of refusal and failure."""

from __future__ import annotations

from flask import Flask, make_response, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from clients.kit.errors import ServiceUnavailable
from clients.portals import level
from clients.portals.pages import explain, home_link
from clients.portals.platform import (
    ApplicantNotAllowed,
    IdentityIncomplete,
    LevelTooLow,
    NotFound,
    PlatformRefusal,
    PlatformUnavailable,
    TokenNotAccepted,
)
from clients.portals.portal import Portal


def add_refusals(app: Flask, portal: Portal) -> None:
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(ServiceUnavailable, _unavailable)
    app.register_error_handler(NotFound, lambda error: _http_status(404))
    app.register_error_handler(LevelTooLow, lambda error: level.answer_too_low(portal, error.required))
    app.register_error_handler(ApplicantNotAllowed, lambda error: _applicant(portal, error))
    app.register_error_handler(IdentityIncomplete, lambda error: _identity(portal, error))
    app.register_error_handler(TokenNotAccepted, lambda error: _login_again(portal))
    app.register_error_handler(PlatformRefusal, _refused)


def _page(title: str, sentence: str, status: int, **action: str) -> ResponseReturnValue:
    shown = {**home_link(), **action}
    return make_response(
        render_template("relying_parties/problem.html", title=title, sentence=sentence, code=None, **shown), status
    )


def _unavailable(error: ServiceUnavailable) -> ResponseReturnValue:
    if isinstance(error, PlatformUnavailable):
        sentence = _("The business system does not answer at the moment. Nothing was lost; please try again later.")
    else:
        sentence = explain(error)
    response = make_response(_page(_("Please try again later"), sentence, 503))
    response.headers["Retry-After"] = "10"
    return response


def _stale_form(error: CSRFError) -> ResponseReturnValue:
    sentence = _("The form was opened before you signed in. Please go back, reload the page and send it again.")
    return _page(_("The form has expired"), sentence, 400)


def _http_error(error: HTTPException) -> ResponseReturnValue:
    return _http_status(error.code or 500)


def _http_status(status: int) -> ResponseReturnValue:
    if status == 404:
        return _page(_("Page not found"), _("There is no such page, or it is not for you."), 404)
    if status == 413:
        return _page(_("Too much at once"), _("What was sent is larger than this portal accepts."), 413)
    if status >= 500:
        return _page(_("Something went wrong"), _("The fault is ours. Please try again later."), status)
    return _page(_("This request cannot be answered"), _("Please go back and start again."), status)


def _login_again(portal: Portal) -> ResponseReturnValue:
    """The platform does not take a token that should be good: a fresh login, by a link and so never in a circle."""
    return _page(
        _("Please sign in again"),
        _("The business system did not accept your sign-in."),
        403,
        action_label=_("Sign in again"),
        action_url=portal.login.login_url(prompt="login"),
    )


def _applicant(portal: Portal, error: ApplicantNotAllowed) -> ResponseReturnValue:
    return _page(
        _("Not for this applicant"),
        error.description or _("This matter is not for the person or company you are acting for."),
        403,
        action_label=_("Choose for whom I act"),
        action_url=portal.login.login_url(prompt="select_account"),
    )


def _identity(portal: Portal, error: IdentityIncomplete) -> ResponseReturnValue:
    return _page(
        _("Your identity is not complete"),
        error.description or _("This matter needs more of your verified identity than is known."),
        403,
        action_label=_("Account centre"),
        action_url=portal.settings.own_account_url,
    )


def _refused(error: PlatformRefusal) -> ResponseReturnValue:
    sentence = error.description or _("The business system refused this request.")
    return _page(_("This is not possible"), sentence, error.status if 400 <= error.status < 500 else 502)
