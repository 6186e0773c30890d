"""GET and POST /userinfo."""

from __future__ import annotations

from flask import Blueprint, Response

from idp.protocol import userinfo as protocol
from idp.protocol.messages import CoreRequest
from idp.protocol.server import Server
from idp.web import bridge, context, cross_origin
from idp.web.endpoint_kinds import protocol_endpoint

blueprint = Blueprint("userinfo", __name__)
cross_origin.open_to_public_clients(blueprint)
blueprint.add_url_rule(protocol.PATH, "preflight", cross_origin.preflight, methods=["OPTIONS"])


@blueprint.route(protocol.PATH, methods=["GET", "POST"], provide_automatic_options=False)
@protocol_endpoint
def userinfo() -> Response:
    return bridge.respond(protocol.respond(Server(context.current()), CoreRequest(bridge.message())))
