"""``registration``: metadata of a client that introduces itself, which only self-issued providers take.

OpenID Connect Core §3.1.2.6 (registration_not_supported), §7.2.1. Ignoring it would answer another request than the one
the client made.
"""

from __future__ import annotations

from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import ProtocolError


def check_registration(request: AuthorizationRequest, context: Context) -> None:
    if request.value("registration") is not None:
        raise ProtocolError("registration_not_supported", "registration is not supported.", parameter="registration")
