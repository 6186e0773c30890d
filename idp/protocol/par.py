"""The pushed authorization request endpoint: a request is checked before the browser is sent anywhere.

RFC 9126 §2 (the client authenticates as at the token endpoint; the checks are those of the authorization endpoint), §3
(request objects), RFC 9449 §10.1 (a proof, or dpop_jkt, binds the code that comes of it; both must name one key).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authlib.oauth2 import OAuth2Error

from idp.config import Settings
from idp.context import Context
from idp.domain.client import Client
from idp.protocol import client_authentication, dpop, pushed_requests, resolution
from idp.protocol.authorize import check_authorization_request
from idp.protocol.errors import invalid_request
from idp.protocol.form import find
from idp.protocol.messages import JSON_HEADERS, CoreRequest, Pairs, Reply

if TYPE_CHECKING:
    from idp.protocol.server import Server

PATH = "/par"
_CREDENTIALS = {"client_id", "client_secret", "client_assertion", "client_assertion_type"}


def respond(server: Server, request: CoreRequest) -> Reply:
    """201 with the reference, or an error as the token endpoint gives it (§2.3)."""
    try:
        client = server.authenticate_client(request, client_authentication.ANY)
        reference = _push(server.context, request, client)
    except OAuth2Error as error:
        return server.handle_error_response(request, error)
    lifetime = server.context.settings.pushed_request_lifetime
    body = {"request_uri": reference, "expires_in": int(lifetime.total_seconds())}
    return Reply(201, body, (*JSON_HEADERS, *dpop.nonce_headers(server.context, request)))


def _push(context: Context, request: CoreRequest, client: Client) -> str:
    if find(request, "request_uri") is not None:
        raise invalid_request("request_uri cannot be pushed.", "request_uri")
    jkt = dpop.read_proof(context, request)  # first: a refused proof can be mended, and nothing is used up
    parameters, origin = resolution.resolve_pushed(context, client, _parameters(request, client))
    asked = check_authorization_request(context, _bound(parameters, jkt), origin)
    return pushed_requests.add(context, asked)


def _bound(parameters: Pairs, jkt: str | None) -> Pairs:
    """A proof of possession says what ``dpop_jkt`` would (RFC 9449 §10.1); both must name one key."""
    if jkt is None:
        return parameters
    named = {value for name, value in parameters if name == "dpop_jkt" and value}
    if named - {jkt}:
        raise dpop.invalid_proof("The DPoP proof is of another key than dpop_jkt names.")
    return parameters if named else (*parameters, ("dpop_jkt", jkt))


def _parameters(request: CoreRequest, client: Client) -> Pairs:
    """The authorization request in the form: everything but what authenticated the client."""
    sent = (pair for pair in request.message.form if pair[0] not in _CREDENTIALS)
    return (("client_id", client.client_id), *sent)


def server_metadata(settings: Settings) -> dict[str, Any]:
    """RFC 9126 §5."""
    return {
        "pushed_authorization_request_endpoint": settings.issuer + PATH,
        "require_pushed_authorization_requests": settings.require_pushed_authorization_requests,
    }
