"""Revocation: a client gives a token back (RFC 7009 §2).

An access token is denied by its identifier until it would have expired; a refresh token, live or used up, ends its
whole family with every access token of it (§2.1).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from authlib.oauth2 import OAuth2Error

from idp.config import Settings
from idp.context import Context
from idp.domain.client import Client
from idp.protocol import bearer, client_authentication, form, tokens
from idp.protocol.errors import invalid_grant
from idp.protocol.messages import JSON_HEADERS, CoreRequest, Reply
from idp.storage import access_tokens, grants

if TYPE_CHECKING:
    from idp.protocol.server import Server

PATH = "/revoke"


def respond(server: Server, request: CoreRequest) -> Reply:
    """200 also for a token that is not known: it is as good as revoked (§2.2)."""
    try:
        form.check_form(request)
        client = server.authenticate_client(request, client_authentication.ANY, "revocation")
        _revoke(server.context, client, form.get(request, "token"))
        return server.handle_response(200, {}, JSON_HEADERS)
    except OAuth2Error as error:
        return server.handle_error_response(request, error)


def _revoke(context: Context, client: Client, text: str) -> None:
    """The kind of a token shows in its text; ``token_type_hint`` is not needed, a wrong one does no harm (§2.1)."""
    access = bearer.find_access_token(context, text)
    refresh = tokens.read_refresh_token(context.vault, text) if access is None else None
    if access is not None:
        _check_owner(client, access.client_id)
        access_tokens.revoke(context.db, access.jti, datetime.fromtimestamp(access.claims["exp"], UTC))
    elif refresh is not None:
        grant = grants.find(context.db, refresh.grant_id)
        if grant is not None:
            _check_owner(client, grant.client_id)
            grants.revoke(context.db, grant.id, "revoked_by_client", context.now)


def _check_owner(client: Client, owner: str) -> None:
    """A client may give back its own tokens only (§2.1)."""
    if owner != client.client_id:
        raise invalid_grant()


def server_metadata(settings: Settings) -> dict[str, Any]:
    """RFC 8414 §2."""
    methods = client_authentication.metadata_for("revocation", client_authentication.ANY)
    return {"revocation_endpoint": settings.issuer + PATH} | methods
