"""GET of the metadata at both well-known addresses, and of the JWKS; cacheable, without a statement."""

from __future__ import annotations

from flask import Blueprint, Response, request

from idp.protocol import discovery
from idp.protocol.keys import JWKS_PATH
from idp.web import context, cross_origin
from idp.web.endpoint_kinds import protocol_endpoint

blueprint = Blueprint("discovery", __name__)
cross_origin.open_to_public_clients(blueprint)
for _path in (*discovery.PATHS, JWKS_PATH):
    blueprint.add_url_rule(_path, f"preflight{_path}".replace(".", "_"), cross_origin.preflight, methods=["OPTIONS"])


@blueprint.get(discovery.PATHS[0], provide_automatic_options=False)
@blueprint.get(discovery.PATHS[1], provide_automatic_options=False)
@protocol_endpoint
def configuration() -> Response:
    return _cacheable(discovery.configuration(context.provider()))


@blueprint.get(JWKS_PATH, provide_automatic_options=False)
@protocol_endpoint
def jwks() -> Response:
    return _cacheable(discovery.jwks(context.current()))


def _cacheable(document: discovery.Document) -> Response:
    response = Response(document.body, headers=list(discovery.HEADERS))
    response.set_etag(document.etag)
    return response.make_conditional(request)  # type: ignore[return-value]
