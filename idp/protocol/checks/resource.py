"""``resource``: the resource server an access token is for, one of those we know.

RFC 8707 §2 (an absolute URI without fragment, may be repeated; invalid_target).
"""

from __future__ import annotations

from idp.config import Settings
from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import ProtocolError


def known_resources(settings: Settings) -> frozenset[str]:
    """Every audience an access token may have."""
    return frozenset({settings.issuer, settings.default_resource, *settings.resource_scopes.values()} - {""})


def check_resource(request: AuthorizationRequest, context: Context) -> None:
    asked = tuple(dict.fromkeys(request.values("resource")))
    if not known_resources(context.settings).issuperset(asked):
        raise ProtocolError("invalid_target", "The resource is not known here.", parameter="resource")
    request.resources = asked


def audience_of(settings: Settings, request: AuthorizationRequest) -> tuple[str, ...]:
    """The audiences of the access token: what was asked for, else the servers of the scopes; with openid ourselves
    too, whose userinfo endpoint it opens."""
    servers = {settings.resource_scopes[scope] for scope in request.scope if scope in settings.resource_scopes}
    audiences = request.resources or tuple(sorted(servers))
    needs_userinfo = "openid" in request.scope or not audiences
    return tuple(dict.fromkeys((*audiences, *((settings.issuer,) if needs_userinfo else ()))))
