"""``response_type``: ``code``, and the client registered it.

RFC 6749 §3.1.1 (a missing one is invalid_request, an unknown one unsupported_response_type), RFC 9700 §2.1.2.
"""

from __future__ import annotations

from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import ProtocolError, invalid_request
from idp.protocol.response_types import RESPONSE_TYPES


def check_response_type(request: AuthorizationRequest, context: Context) -> None:
    asked = request.value("response_type")
    if asked is None:
        raise invalid_request("response_type is required.", "response_type")
    if asked not in RESPONSE_TYPES:
        raise ProtocolError(
            "unsupported_response_type", "This response_type is not supported.", parameter="response_type"
        )
    is_allowed = request.client.check_response_type(asked) and request.client.check_grant_type("authorization_code")
    if not is_allowed:
        raise ProtocolError(
            "unauthorized_client", "The client is not registered for this response_type.", parameter="response_type"
        )
