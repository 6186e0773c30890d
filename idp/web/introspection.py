"""POST /introspect. Not for browsers: only confidential clients may ask."""

from __future__ import annotations

from flask import Blueprint, Response

from idp.protocol import introspection
from idp.protocol.server import Server
from idp.web import bridge, context
from idp.web.endpoint_kinds import protocol_endpoint

blueprint = Blueprint("introspection", __name__)


@blueprint.post(introspection.PATH)
@protocol_endpoint
def introspect() -> Response:
    return bridge.respond(Server(context.current()).create_endpoint_response("introspection", bridge.message()))
