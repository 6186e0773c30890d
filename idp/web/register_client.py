"""/clients: clients register themselves, look after their registration, and have their logo shown."""

from __future__ import annotations

from flask import Blueprint, Response, abort

from idp.protocol import client_configuration, registration
from idp.storage import client_logos
from idp.web import bridge, context, device
from idp.web.endpoint_kinds import protocol_endpoint

blueprint = Blueprint("register_client", __name__)
_CLIENT = f"{registration.PATH}/<client_id>"


@blueprint.post(registration.PATH)
@protocol_endpoint
def register() -> Response:
    if context.provider().settings.registration == "off":
        abort(404)
    return bridge.respond(registration.register(context.current(), bridge.message(), device.address()))


@blueprint.get(_CLIENT)
@protocol_endpoint
def read(client_id: str) -> Response:
    return bridge.respond(client_configuration.read(context.current(), bridge.message(), client_id))


@blueprint.put(_CLIENT)
@protocol_endpoint
def update(client_id: str) -> Response:
    return bridge.respond(client_configuration.update(context.current(), bridge.message(), client_id))


@blueprint.delete(_CLIENT)
@protocol_endpoint
def delete(client_id: str) -> Response:
    return bridge.respond(client_configuration.delete(context.current(), bridge.message(), client_id))


@blueprint.get(f"{_CLIENT}/logo")
def logo(client_id: str) -> Response:
    """Our copy of the picture: what its first bytes say it is, and nothing else (nosniff)."""
    found = client_logos.find(context.current().db, client_id)
    if found is None:
        abort(404)
    response = Response(found.content, content_type=found.media_type)
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response
