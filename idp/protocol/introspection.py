"""Introspection: is this token good, and what does it mean? (RFC 7662 §2; RFC 9068 tokens and refresh tokens.)

Only authenticated confidential clients may ask, about tokens issued to them or meant for them as a resource server;
about every other text they learn nothing but that it is not active (§4). At most one statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authlib.oauth2 import OAuth2Error

from idp.config import Settings
from idp.context import Context
from idp.domain.client import Client
from idp.protocol import bearer, client_authentication, form, tokens
from idp.protocol.messages import JSON_HEADERS, CoreRequest, Reply
from idp.storage import grants

if TYPE_CHECKING:
    from idp.protocol.server import Server

PATH = "/introspect"
_INACTIVE = {"active": False}
_MEMBERS = ("scope", "client_id", "exp", "iat", "sub", "aud", "iss", "jti", "cnf")
_OF_PERSON = ("auth_time", "acr", "amr", "sid", "act_as")


def respond(server: Server, request: CoreRequest) -> Reply:
    """200 with ``active`` false for whatever is not good; errors only for the request itself (§2.3)."""
    try:
        form.check_form(request)
        client = server.authenticate_client(request, client_authentication.CONFIDENTIAL, "introspection")
        text = form.get(request, "token")  # token_type_hint may help a server search; ours sees the kind by itself
        return server.handle_response(200, _introspect(server.context, client, text), JSON_HEADERS)
    except OAuth2Error as error:
        return server.handle_error_response(request, error)


def _introspect(context: Context, client: Client, text: str) -> dict[str, Any]:
    access = bearer.find_access_token(context, text)
    if access is not None:
        return _access_token(context, client, access)
    refresh = tokens.read_refresh_token(context.vault, text)
    return _INACTIVE if refresh is None else _refresh_token(context, client, refresh)


def _access_token(context: Context, client: Client, token: bearer.VerifiedToken) -> dict[str, Any]:
    is_theirs = token.client_id == client.client_id or client.resource_identifier in token.audience
    if not is_theirs or not token.is_active(context):
        return _INACTIVE
    known = {name: token.claims[name] for name in _MEMBERS + _OF_PERSON if name in token.claims}
    return {"active": True, "token_type": "DPoP" if "jkt" in token.claims.get("cnf", ()) else "Bearer"} | known


def _refresh_token(context: Context, client: Client, token: tokens.RefreshToken) -> dict[str, Any]:
    grant = grants.find_live_refresh(context.db, token.grant_id, token.hash, context.now)
    if grant is None or grant.client_id != client.client_id:
        return _INACTIVE
    ends = [moment for moment in (grant.refresh_expires_at, grant.refresh_ends_at) if moment is not None]
    return {
        "active": True,
        "scope": " ".join(sorted(grant.scope)),
        "client_id": grant.client_id,
        "sub": grant.subject,
        "iss": context.settings.issuer,
        "iat": int(grant.created_at.timestamp()),
        "exp": int(min(ends).timestamp()),
    }


def server_metadata(settings: Settings) -> dict[str, Any]:
    """RFC 8414 §2."""
    methods = client_authentication.metadata_for("introspection", client_authentication.CONFIDENTIAL)
    return {"introspection_endpoint": settings.issuer + PATH} | methods
