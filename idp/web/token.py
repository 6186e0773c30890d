"""POST /token."""

from __future__ import annotations

from flask import Blueprint, Response

from idp.protocol.server import Server
from idp.protocol.token_endpoint import PATH
from idp.web import bridge, context, cross_origin
from idp.web.endpoint_kinds import protocol_endpoint

blueprint = Blueprint("token", __name__)
cross_origin.open_to_public_clients(blueprint)
blueprint.add_url_rule(PATH, "preflight", cross_origin.preflight, methods=["OPTIONS"])


@blueprint.post(PATH, provide_automatic_options=False)
@protocol_endpoint
def token() -> Response:
    return bridge.respond(Server(context.current()).create_token_response(bridge.message()))
