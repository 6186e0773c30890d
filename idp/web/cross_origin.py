"""CORS for the endpoints that applications in a browser call (the rule is in idp.protocol.cross_origin)."""

from __future__ import annotations

from flask import Blueprint, Response, request

from idp.protocol.cross_origin import HEADERS, PREFLIGHT_HEADERS, is_allowed
from idp.web import context
from idp.web.endpoint_kinds import protocol_endpoint


def open_to_public_clients(blueprint: Blueprint) -> None:
    """Let the blueprint's answers be read by pages of registered public clients."""
    blueprint.after_request(_allow)


@protocol_endpoint
def preflight() -> Response:
    """The answer to OPTIONS; what it allows is decided for every answer alike."""
    return Response(status=204)


def _allow(response: Response) -> Response:
    response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin is None or not is_allowed(context.current(), origin):
        return response
    response.headers["Access-Control-Allow-Origin"] = origin
    for name, value in PREFLIGHT_HEADERS if request.method == "OPTIONS" else HEADERS:
        response.headers[name] = value
    return response
