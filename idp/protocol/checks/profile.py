"""The client's profile: how its requests must come, and where they may be answered.

RFC 9126 §5, §6 (require_pushed_authorization_requests), RFC 9101 §10.5 (require_signed_request_object), FAPI 2.0
Security Profile §5.3.2.2 (pushed requests, https redirect URIs), FAPI 2.0 Message Signing §5.3.1 (signed request
objects). What a profile says of PKCE, response types and modes is checked with these parameters.
"""

from __future__ import annotations

from idp.config import Settings
from idp.context import Context
from idp.domain.client import Client
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.client_metadata.uris import is_protected
from idp.protocol.errors import invalid_request


def check_profile(request: AuthorizationRequest, context: Context) -> None:
    client, settings = request.client, context.settings
    if client.profile.must_use_https and not is_protected(
        request.redirect_uri, is_native=client.metadata.get("application_type") == "native"
    ):
        request.target = None  # an answer there could be read by others
        raise invalid_request("The client may be answered at https addresses only.", "redirect_uri")
    if must_push(client, settings) and not request.origin.is_pushed:
        raise invalid_request("The client must push its authorization requests.")
    if must_sign_request(client, settings) and not request.origin.is_signed:
        raise invalid_request("The client must send a signed request object.", "request")


def must_push(client: Client, settings: Settings) -> bool:
    """Whether requests of the client must come by RFC 9126."""
    return settings.require_pushed_authorization_requests or client.must_push


def must_sign_request(client: Client, settings: Settings) -> bool:
    """Whether requests of the client must come in signed request objects."""
    return settings.require_signed_request_object or client.must_sign_request
