"""UserInfo: what the person consented that this client may know, current as of now.

OpenID Connect Core §5.3 (request, response, errors), §5.4, §5.5; RFC 6750 §3.1. One statement, a second one only
where the assurance of an identity is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authlib.oauth2 import OAuth2Error

from idp.config import Settings
from idp.context import Context
from idp.protocol import bearer, claims
from idp.protocol.messages import JSON_HEADERS, CoreRequest, Reply
from idp.storage import access_tokens, accounts
from idp.storage.access_tokens import TokenPerson

if TYPE_CHECKING:
    from idp.protocol.server import Server

PATH = "/userinfo"


def respond(server: Server, request: CoreRequest) -> Reply:
    """The claims as JSON, or the error with its WWW-Authenticate challenge (§5.3.3)."""
    try:
        return server.handle_response(200, _claims(server.context, request), JSON_HEADERS)
    except OAuth2Error as error:
        return server.handle_error_response(request, error)


def _claims(context: Context, request: CoreRequest) -> dict[str, Any]:
    token = bearer.find_access_token(context, bearer.presented_token(request))
    if token is None or token.is_bound:
        raise _invalid_token()
    if "openid" not in token.scope:
        raise bearer.challenge(
            "insufficient_scope", "The access token has no scope openid.", status_code=403, scope="openid"
        )
    if token.grant_id is None or context.settings.issuer not in token.audience:
        raise _invalid_token()
    person = access_tokens.find_person(context.db, context.vault, token.jti, token.grant_id)
    if person is None:
        raise _invalid_token()
    return _about(context, person, token)


def _about(context: Context, person: TokenPerson, token: bearer.VerifiedToken) -> dict[str, Any]:
    client = context.find_client(token.client_id)
    if client is None:
        raise _invalid_token()
    names = claims.names_for(token.scope, claims.requested(person.requested_claims, "userinfo"), client)
    proofs = accounts.list_proofs(context.db, person.account.id) if "loa" in names else ()
    values = claims.values_of(person.account, names, context.now, act_as=person.act_as, proofs=proofs)
    return {"sub": person.subject} | values


def _invalid_token() -> OAuth2Error:
    return bearer.challenge("invalid_token", "The access token is invalid, expired or revoked.")


def server_metadata(settings: Settings) -> dict[str, Any]:
    """OpenID Connect Discovery §3."""
    return {"userinfo_endpoint": settings.issuer + PATH}
