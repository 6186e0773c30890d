"""The pages of a login that did not work out, or ended; an application gives its own in its own look."""

from __future__ import annotations

from typing import Protocol

from flask import make_response, url_for
from flask.typing import ResponseReturnValue
from markupsafe import escape

from clients.kit.errors import KitError, LoginRefused, ProviderUnavailable, ResponseInvalid


class Pages(Protocol):
    """What `relying_party()` asks an application to draw."""

    def problem(self, error: KitError, status: int, retry_url: str) -> ResponseReturnValue:
        """A login or logout failed. `retry_url` starts the login again."""
        ...

    def signed_out(self, provider_url: str | None, is_complete: bool) -> ResponseReturnValue:
        """The local session is over. `provider_url` is the provider's own signed-out page; `is_complete` is False
        when the provider could not be told, so that its session may still be alive."""
        ...

    def insufficient(self, required: str, reached: str | None, retry_url: str) -> ResponseReturnValue:
        """A step-up was asked for and the person came back below `required`."""
        ...


class PlainPages:
    """Pages without any look, for integrators who have none yet. English only."""

    def problem(self, error: KitError, status: int, retry_url: str) -> ResponseReturnValue:
        return _page("Signing in did not work", explain(error), retry_url, status)

    def signed_out(self, provider_url: str | None, is_complete: bool) -> ResponseReturnValue:
        told = "You are signed out." if is_complete else "You are signed out here; the provider could not be told."
        return _page("Signed out", told, url_for(".login"), 200)

    def insufficient(self, required: str, reached: str | None, retry_url: str) -> ResponseReturnValue:
        return _page("More proof of identity needed", f"This page needs the level {required}.", retry_url, 403)


def explain(error: KitError) -> str:
    """One plain English sentence for a person."""
    if isinstance(error, ProviderUnavailable):
        return "The sign-in service does not answer at the moment. Please try again in a few minutes."
    if isinstance(error, LoginRefused) and error.error == "access_denied":
        return "You cancelled the sign-in."
    if isinstance(error, ResponseInvalid):
        return "This sign-in was begun in another window or took too long. Please start again."
    return "The sign-in could not be completed. Please start again."


def _page(title: str, sentence: str, url: str, status: int) -> ResponseReturnValue:
    body = (
        f'<!doctype html><html lang="en"><title>{escape(title)}</title><h1>{escape(title)}</h1>'
        f'<p>{escape(sentence)}</p><p><a href="{escape(url)}">Sign in</a></p></html>'
    )
    return make_response(body, status)
