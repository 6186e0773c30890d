"""Errors in the person's language, with a number to quote; JSON for programs. Nothing is hidden: what is our fault is
logged under the same number.
"""

from __future__ import annotations

import json
import logging
import secrets

from flask import Flask, Response, g, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable
from werkzeug.wrappers import Response as AnyResponse

from idp.crypto.passwords import PasswordsBusy
from idp.outbound import OutboundBusy
from idp.protocol.errors import ProtocolError
from idp.web.endpoint_kinds import is_protocol
from idp.web.guard import Malformed
from idp.web.interactions import InteractionLost

log = logging.getLogger("tongxing.web")

BUSY_SECONDS = 3
UNAVAILABLE_SECONDS = 10
_CODES = {413: "invalid_request", 429: "temporarily_unavailable", 503: "temporarily_unavailable"}
_STORE_FAILURES = (OperationalError, InterfaceError, PoolTimeout, RedisError)


def install(app: Flask) -> None:
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(Malformed, _malformed)
    app.register_error_handler(InteractionLost, _interaction_lost)
    app.register_error_handler(ProtocolError, protocol_page)
    app.register_error_handler(PasswordsBusy, _busy)
    app.register_error_handler(OutboundBusy, _calls_busy)
    for failure in _STORE_FAILURES:
        app.register_error_handler(failure, _store_unavailable)


def trace_id() -> str:
    """This request's number, made at first need."""
    if "trace_id" not in g:
        g.trace_id = secrets.token_hex(8)
    return str(g.trace_id)


def protocol_page(error: ProtocolError) -> Response:
    """A protocol error that must not be answered by a redirect, shown to the person."""
    title, message = _protocol_words(error)
    page = render_template(
        "idp/error.html",
        title=title,
        message=message,
        error_code=error.error,
        parameter=error.parameter,
        trace_id=trace_id(),
    )
    log.info("refused %s parameter=%s trace=%s", error.error, error.parameter, trace_id())
    return Response(page, error.status_code)


def _protocol_words(error: ProtocolError) -> tuple[str, str]:
    """By the error where it says enough, else by the parameter."""
    words = {
        "client_id": (
            _("This service is not known here"),
            _("The service that sent you here is not registered with us, so we cannot sign you in to it."),
        ),
        "redirect_uri": (
            _("We cannot send you back there"),
            _("The address to which the service wants you sent back is not registered. To protect you, we stop here."),
        ),
        "invalid_request_object": (
            _("This request is not valid"),
            _("The service's request is not signed as it must be, or was sent before. Go back to it and try again."),
        ),
        "invalid_request_uri": (
            _("This sign-in is over"),
            _("It took too long or was finished before. Go back to the service and start again."),
        ),
        "id_token_hint": (
            _("This sign-out request is not valid"),
            _("The service did not prove properly that you were signed in to it. You have not been signed out."),
        ),
        "post_logout_redirect_uri": (
            _("We cannot send you back there"),
            _("The address to which the service wants you sent after signing out is not registered."),
        ),
    }
    fallback = (
        _("This request is not valid"),
        _("The service that sent you here made a mistake. Go back to it and try again."),
    )
    return words.get(str(error.error)) or words.get(error.parameter or "", fallback)


def _http_error(error: HTTPException) -> AnyResponse:
    status = error.code or 500
    if error.response is not None or status < 400:
        return error.get_response()
    original = error.original_exception if isinstance(error, InternalServerError) else None
    if _is_store_failure(original):
        return _store_unavailable(original)
    if status >= 500:
        log.error("status %s at %s trace=%s", status, request.path, trace_id(), exc_info=original)
    return _answer(error, status)


def _is_store_failure(error: BaseException | None) -> bool:
    """Also at the commit, when the view has long returned."""
    return isinstance(error, _STORE_FAILURES) or (isinstance(error, DBAPIError) and error.connection_invalidated)


def _answer(
    error: HTTPException, status: int, *, title: str | None = None, message: str | None = None, retry_after: int = 0
) -> Response:
    if is_protocol():
        code = _CODES.get(status, "server_error" if status >= 500 else "invalid_request")
        description = error.description if isinstance(error, Malformed) else error.name
        body = {"error": code, "error_description": description}
        response = Response(json.dumps(body), status, content_type="application/json")
    else:
        page = render_template(
            "errors/http.html", status=status, title=title, message=message, trace_id=trace_id(), back_url=None
        )
        response = Response(page, status)
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _malformed(error: Malformed) -> AnyResponse:
    if is_protocol():
        return _answer(error, 400)
    refusal = ProtocolError("invalid_request", "The request is malformed.", parameter=error.parameter)
    return protocol_page(refusal)


def _stale_form(error: CSRFError) -> AnyResponse:
    return _answer(
        error,
        400,
        title=_("This form can no longer be used"),
        message=_("It was opened in another window or your browser keeps no cookies. Go back, reload and try again."),
    )


def _interaction_lost(_error: InteractionLost) -> AnyResponse:
    page = render_template(
        "idp/error.html",
        title=_("This sign-in is over"),
        message=_("It took too long or was begun in another browser. Go back to the service and start again."),
        error_code="interaction_expired",
        parameter="interaction",
        trace_id=trace_id(),
    )
    return Response(page, 400)


def _busy(_error: PasswordsBusy) -> AnyResponse:
    return _answer(
        ServiceUnavailable(),
        503,
        title=_("Very many people are signing in"),
        message=_("Please wait a few seconds and try again. Nothing was lost."),
        retry_after=BUSY_SECONDS,
    )


def _calls_busy(_error: OutboundBusy) -> AnyResponse:
    """Too many requests wait for documents of clients; this one can come again."""
    return _answer(ServiceUnavailable(), 503, retry_after=BUSY_SECONDS)


def _store_unavailable(error: BaseException | None) -> AnyResponse:
    log.error("a store does not answer: %s trace=%s", type(error).__name__, trace_id(), exc_info=error)
    return _answer(ServiceUnavailable(), 503, retry_after=UNAVAILABLE_SECONDS)
