"""The login's own pages in the portal's look: what went wrong, signed out, level not reached."""

from __future__ import annotations

from flask import make_response, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clients.kit.errors import (
    KitError,
    LoginRefused,
    ProviderUnavailable,
    ResponseInvalid,
    ServiceUnavailable,
    SessionEnded,
)


class PortalPages:
    """Implements `clients.kit.flask_pages.Pages`."""

    def problem(self, error: KitError, status: int, retry_url: str) -> ResponseReturnValue:
        code = error.error if isinstance(error, LoginRefused) else None
        page = render_template(
            "relying_parties/problem.html",
            title=_("Signing in did not work"),
            sentence=explain(error),
            code=code,
            action_label=_("Sign in again"),
            action_url=retry_url,
        )
        response = make_response(page, status)
        if isinstance(error, ServiceUnavailable):
            response.headers["Retry-After"] = "10"
        return response

    def signed_out(self, provider_url: str | None, is_complete: bool) -> ResponseReturnValue:
        done = _(
            "You are signed out of this portal and of the sign-in service, which is now signing you out of the other "
            "services you used."
        )
        unsure = _(
            "You are signed out of this portal. The sign-in service did not answer, so you may still be signed in "
            "there. On a shared computer, close the browser."
        )
        return render_template(
            "relying_parties/signed_out.html",
            sentence=done if is_complete else unsure,
            is_complete=is_complete,
            provider_url=provider_url,
        )

    def insufficient(self, required: str, reached: str | None, retry_url: str) -> ResponseReturnValue:
        page = render_template(
            "relying_parties/problem.html",
            title=_("A higher identity level is needed"),
            sentence=_("This page needs a higher identity level than you have now."),
            code=None,
            action_label=_("Raise my level"),
            action_url=retry_url,
        )
        return make_response(page, 403)


def explain(error: KitError) -> str:
    """One plain sentence in the page's language."""
    if isinstance(error, ProviderUnavailable):
        return _("The sign-in service does not answer at the moment. Please try again in a few minutes.")
    if isinstance(error, LoginRefused):
        return _refused(error.error)
    if isinstance(error, ResponseInvalid):
        return _("This sign-in was begun in another browser or took too long. Please start again.")
    if isinstance(error, SessionEnded):
        return _("You were signed out while you were signing in. Please start again.")
    return _("The sign-in could not be completed. Please start again.")


def _refused(code: str) -> str:
    """What the provider's error codes mean to a person (OpenID Connect Core §3.1.2.6)."""
    known = {
        "access_denied": _("You cancelled the sign-in. Nothing has been passed on to this portal."),
        "unmet_authentication_requirements": _("The identity level that this page needs could not be confirmed."),
        "temporarily_unavailable": _("The sign-in service is busy at the moment. Please try again in a few minutes."),
    }
    return known.get(code) or _("The sign-in could not be completed. Please start again.")


def home_link() -> dict[str, str]:
    return {"action_label": _("To the start page"), "action_url": url_for("home")}
