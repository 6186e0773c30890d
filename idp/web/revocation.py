"""POST /revoke."""

from __future__ import annotations

from flask import Blueprint, Response

from idp.protocol import revocation
from idp.protocol.server import Server
from idp.web import bridge, context, cross_origin
from idp.web.endpoint_kinds import protocol_endpoint

blueprint = Blueprint("revocation", __name__)
cross_origin.open_to_public_clients(blueprint)
blueprint.add_url_rule(revocation.PATH, "preflight", cross_origin.preflight, methods=["OPTIONS"])


@blueprint.post(revocation.PATH, provide_automatic_options=False)
@protocol_endpoint
def revoke() -> Response:
    return bridge.respond(Server(context.current()).create_endpoint_response("revocation", bridge.message()))
