"""The one writer of authorization responses: success or error, by query, fragment or form post, plain or as a JWT.

OAuth 2.0 Multiple Response Type Encoding Practices §2.1, OAuth 2.0 Form Post Response Mode §2, JARM §2.3 (the modes
that end in ``jwt``), RFC 9207 §2: ``iss`` is in every answer. A :class:`Target` is a redirect URI validated for its
client: without one nothing is redirected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from idp.context import Context
from idp.domain.client import Client
from idp.protocol import jarm
from idp.protocol.errors import ProtocolError
from idp.protocol.messages import FormPost, Reply

PLAIN_MODES = ("query", "fragment", "form_post")
SIGNED_MODES = ("jwt", *(f"{mode}.jwt" for mode in PLAIN_MODES))
RESPONSE_MODES = (*PLAIN_MODES, *SIGNED_MODES)  # what a request may ask for; jwt alone goes the response type's way


@dataclass(frozen=True)
class Target:
    """Who is answered, and where. Only the check of ``redirect_uri`` makes one. ``mode`` is never ``jwt`` alone."""

    client: Client
    redirect_uri: str
    mode: str = "query"
    state: str | None = field(default=None, repr=False)


def write_success(context: Context, target: Target, parameters: Mapping[str, str], *, is_post: bool = False) -> Reply:
    """The answer with what was granted. ``is_post``: the request at hand is a POST, so 303 instead of 302. Raises
    UnusableRegistration where the client cannot be answered as it registered."""
    return _write(context, target, parameters, is_post)


def write_error(context: Context, error: ProtocolError, *, is_post: bool = False) -> Reply:
    """The error answer; raises ValueError for an error without target, which only a page may show, and
    UnusableRegistration."""
    if error.target is None:
        raise ValueError("an error without a validated redirect URI is never redirected")
    parameters = {"error": str(error.error), "error_description": str(error.description)} | error.answer_parameters
    return _write(context, error.target, parameters, is_post)


def _write(context: Context, target: Target, parameters: Mapping[str, str], is_post: bool) -> Reply:
    answer = dict(parameters)
    if target.state is not None:
        answer["state"] = target.state
    answer["iss"] = context.settings.issuer  # RFC 9207 §2; in a JWT it is its issuer as well
    way, _, is_signed = target.mode.partition(".")
    if is_signed:
        answer = {"response": jarm.response(context, target.client, answer)}
    if way == "form_post":
        return Reply(200, FormPost(target.redirect_uri, answer))
    location = _with_parameters(target.redirect_uri, answer, "#" if way == "fragment" else "?")
    return Reply(303 if is_post else 302, "", (("Location", location),))


def _with_parameters(redirect_uri: str, parameters: Mapping[str, str], mark: str) -> str:
    """RFC 6749 §3.1.2: a query the redirect URI already has is kept. It never has a fragment."""
    separator = "&" if mark == "?" and "?" in redirect_uri else mark
    return f"{redirect_uri}{separator}{urlencode(parameters)}"
