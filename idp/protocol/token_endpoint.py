"""The token endpoint: the same steps for every grant, which fills only its own gap.

RFC 6749 §3.2, §5. The order of TOKEN_STEPS is the meaning: a proof of possession (RFC 9449 §5, RFC 8705 §3) is judged
when the client is known, and before the grant uses anything up, so that a refused proof can be mended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authlib.oauth2 import OAuth2Error

from idp.config import Settings
from idp.protocol import client_authentication, dpop, proof_of_possession
from idp.protocol.errors import ProtocolError
from idp.protocol.form import get
from idp.protocol.grants import GRANTS
from idp.protocol.messages import CoreRequest, Reply

if TYPE_CHECKING:
    from idp.protocol.server import Server

PATH = "/token"


def respond(server: Server, request: CoreRequest) -> Reply:
    """Run the steps, then the grant; any failure is an error of RFC 6749 §5.2."""
    try:
        for step in TOKEN_STEPS:
            step(server, request)
        grant = server.get_token_grant(request)
        grant.validate_token_request()
        status, body, headers = grant.create_token_response()
        return server.handle_response(status, body, [*headers, *dpop.nonce_headers(server.context, request)])
    except OAuth2Error as error:
        return server.handle_error_response(request, error)


def _authenticate_client(server: Server, request: CoreRequest) -> None:
    server.authenticate_client(request, client_authentication.ANY)


def _check_grant_type(server: Server, request: CoreRequest) -> None:
    if get(request, "grant_type") not in GRANTS:
        raise ProtocolError("unsupported_grant_type", "This grant_type is not supported.", parameter="grant_type")


TOKEN_STEPS = (_authenticate_client, _check_grant_type, proof_of_possession.confirm)


def server_metadata(settings: Settings) -> dict[str, Any]:
    """RFC 8414 §2."""
    return {"token_endpoint": settings.issuer + PATH, "grant_types_supported": sorted(GRANTS)}
