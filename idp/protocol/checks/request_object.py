"""``request``, ``request_uri``, ``registration``: parameters that say where others are. None is supported yet.

OpenID Connect Core §3.1.2.6 and §6 (request_not_supported, request_uri_not_supported), §7.2.1
(registration_not_supported). Ignoring them would answer another request than the one the client made.
"""

from __future__ import annotations

from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import ProtocolError

NOT_SUPPORTED = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}


def check_request_object(request: AuthorizationRequest, context: Context) -> None:
    for parameter, error in NOT_SUPPORTED.items():
        if request.value(parameter) is not None:
            raise ProtocolError(error, f"{parameter} is not supported.", parameter=parameter)
