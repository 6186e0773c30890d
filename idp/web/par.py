"""POST /par."""

from __future__ import annotations

from flask import Blueprint, Response

from idp.protocol.par import PATH
from idp.protocol.server import Server
from idp.web import bridge, context, cross_origin
from idp.web.endpoint_kinds import protocol_endpoint

blueprint = Blueprint("par", __name__)
cross_origin.open_to_public_clients(blueprint)
blueprint.add_url_rule(PATH, "preflight", cross_origin.preflight, methods=["OPTIONS"])


@blueprint.post(PATH, provide_automatic_options=False)
@protocol_endpoint
def push() -> Response:
    return bridge.respond(Server(context.current()).create_par_response(bridge.message()))
