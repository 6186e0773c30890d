"""Token-protected views in Flask: `@protected(verifier, "matters.read")` puts the token into `current_token()`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, cast

from flask import Flask, Response, g, jsonify, request
from flask.typing import ResponseReturnValue

from clients.kit import certificate
from clients.kit.access import utc_now
from clients.kit.errors import AccessDenied, ProviderUnavailable
from clients.kit.resource import AccessToken, AccessTokenVerifier, challenge

P = ParamSpec("P")


def current_token() -> AccessToken:
    """The verified token of this request; only inside a protected view."""
    return cast(AccessToken, g.access_token)


def protected(
    verifier: AccessTokenVerifier, *scopes: str, acr: str | None = None
) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Only with an access token that holds all `scopes` and, if given, an assurance of at least `acr`.

    Refusals are raised as AccessDenied and ProviderUnavailable; `answer_refusals(app)` turns them into responses.
    """

    def decorate(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            token = verifier.verify_request(
                _authorization(),
                request.headers.getlist("DPoP"),
                method=request.method,
                path=request.path,
                now=utc_now(),
                certificate=verifier.forwarded.read(
                    request.environ.get("REMOTE_ADDR", ""), request.headers.get(certificate.HEADER)
                ),
            )
            verifier.check_scope(token, *scopes)
            if acr is not None:
                verifier.check_acr(token, acr)
            g.access_token = token
            return view(*args, **kwargs)

        return guarded

    return decorate


def _authorization() -> str | None:
    values = request.headers.getlist("Authorization")
    if len(values) > 1:
        raise AccessDenied("invalid_request", "More than one Authorization header", status=400)
    return values[0] if values else None


def answer_refusals(app: Flask) -> None:
    """Register the handlers that answer refusals with status, challenge and a JSON body."""

    @app.errorhandler(AccessDenied)
    def refuse(error: AccessDenied) -> Response:
        response = jsonify({"error": error.error or "unauthorized", "error_description": error.description})
        response.status_code = error.status
        response.headers["WWW-Authenticate"] = challenge(error)
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.errorhandler(ProviderUnavailable)
    def unavailable(error: ProviderUnavailable) -> Response:
        response = jsonify(
            error="temporarily_unavailable", error_description="Access tokens cannot be checked at the moment"
        )
        response.status_code = 503
        response.headers["Retry-After"] = "5"
        return response
