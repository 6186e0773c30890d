"""POST /session-end: a federated member ends the session it took part in."""

from __future__ import annotations

from flask import Blueprint, Response

from idp.protocol import session_end as protocol
from idp.protocol.server import Server
from idp.web import bridge, context
from idp.web.endpoint_kinds import protocol_endpoint

blueprint = Blueprint("session_end", __name__)


@blueprint.post(protocol.PATH)
@protocol_endpoint
def session_end() -> Response:
    return bridge.respond(protocol.respond(Server(context.current()), bridge.message()))
