"""``resource``: the resource server an access token is for, one of those we know.

RFC 8707 §2 (an absolute URI without fragment, may be repeated; invalid_target).
"""

from __future__ import annotations

from idp.context import Context
from idp.protocol import audience
from idp.protocol.authorization_request import AuthorizationRequest


def check_resource(request: AuthorizationRequest, context: Context) -> None:
    asked = tuple(dict.fromkeys(request.values("resource")))
    audience.check(asked, audience.known(context.settings))
    request.resources = asked
