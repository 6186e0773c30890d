"""``client_id``: a registered, active client, named once. Without it there is no one to answer.

RFC 6749 §3.1.2.4 (never redirect for an unknown client), §4.1.1.
"""

from __future__ import annotations

from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import ProtocolError, invalid_request

MAX_LENGTH = 255


def check_client_id(request: AuthorizationRequest, context: Context) -> None:
    values = request.values("client_id")
    if len(values) != 1:
        raise invalid_request("client_id is required exactly once.", "client_id")
    client = context.find_client(values[0]) if len(values[0]) <= MAX_LENGTH else None
    if client is None:
        raise ProtocolError("invalid_client", "The client is not known here.", parameter="client_id")
    request.client = client
