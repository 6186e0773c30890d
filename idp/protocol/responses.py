"""The one writer of authorization responses: success or error, by query, fragment or form post.

OAuth 2.0 Multiple Response Type Encoding Practices §2.1, OAuth 2.0 Form Post Response Mode §2, RFC 9207 §2: ``iss`` is
in every answer. A :class:`Target` is a redirect URI validated for its client: without one nothing is redirected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from idp.protocol.errors import ProtocolError
from idp.protocol.messages import FormPost, Reply

RESPONSE_MODES = ("query", "form_post")  # what a request may ask for


@dataclass(frozen=True)
class Target:
    """Where the answer goes. Only the check of ``redirect_uri`` makes one."""

    redirect_uri: str
    mode: str = "query"  # query, fragment, form_post
    state: str | None = field(default=None, repr=False)


def write_success(issuer: str, target: Target, parameters: Mapping[str, str], *, is_post: bool = False) -> Reply:
    """The answer with what was granted (a code). ``is_post``: the request at hand is a POST, so 303 instead of 302."""
    return _write(issuer, target, parameters, is_post)


def write_error(issuer: str, error: ProtocolError, *, is_post: bool = False) -> Reply:
    """The error answer; raises ValueError for an error without target, which only a page may show."""
    if error.target is None:
        raise ValueError("an error without a validated redirect URI is never redirected")
    parameters = {"error": str(error.error), "error_description": str(error.description)} | error.answer_parameters
    return _write(issuer, error.target, parameters, is_post)


def _write(issuer: str, target: Target, parameters: Mapping[str, str], is_post: bool) -> Reply:
    answer = dict(parameters)
    if target.state is not None:
        answer["state"] = target.state
    answer["iss"] = issuer  # RFC 9207 §2
    if target.mode == "form_post":
        return Reply(200, FormPost(target.redirect_uri, answer))
    location = _with_parameters(target.redirect_uri, answer, "#" if target.mode == "fragment" else "?")
    return Reply(303 if is_post else 302, "", (("Location", location),))


def _with_parameters(redirect_uri: str, parameters: Mapping[str, str], mark: str) -> str:
    """RFC 6749 §3.1.2: a query the redirect URI already has is kept. It never has a fragment."""
    separator = "&" if mark == "?" and "?" in redirect_uri else mark
    return f"{redirect_uri}{separator}{urlencode(parameters)}"
