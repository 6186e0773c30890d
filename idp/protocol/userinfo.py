"""UserInfo: what the person consented that this client may know, current as of now.

OpenID Connect Core §5.3 (request, response, errors), §5.3.2 (as JSON, or signed, encrypted or both as the client
registered), §5.4, §5.5; RFC 6750 §3.1; RFC 9449 §7. One statement, a second one only where the assurance of an
identity is asked for, and the claim of a DPoP proof.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from authlib.oauth2 import OAuth2Error

from idp.config import Settings
from idp.context import Context
from idp.domain.client import Client
from idp.protocol import bearer, claims, client_jwts, dpop, proof_of_possession
from idp.protocol.client_jwts import UNSIGNED, Kind, UnusableRegistration
from idp.protocol.messages import JSON_HEADERS, CoreRequest, Reply
from idp.protocol.requested_claims import ABOUT_THE_LOGIN
from idp.storage import access_tokens, accounts
from idp.storage.access_tokens import TokenPerson

if TYPE_CHECKING:
    from idp.protocol.server import Server

PATH = "/userinfo"
JWT_HEADERS = [("Content-Type", "application/jwt"), *JSON_HEADERS[1:]]


def respond(server: Server, request: CoreRequest) -> Reply:
    """The claims as the client wants them, or the error with its WWW-Authenticate challenge (§5.3.3)."""
    try:
        reply = _written(server, *_claims(server.context, request))
        return replace(reply, headers=(*reply.headers, *dpop.nonce_headers(server.context, request)))
    except UnusableRegistration as error:
        return server.handle_error_response(
            request, bearer.challenge(str(error.error), str(error.description), status_code=400)
        )
    except OAuth2Error as error:
        return server.handle_error_response(request, error)


def _written(server: Server, client: Client, told: dict[str, Any]) -> Reply:
    """§5.3.2: JSON, a signed JWT, or an encrypted one around either."""
    context, is_encrypted = server.context, client_jwts.is_encrypted(client, Kind.USERINFO)
    is_signed = client.metadata.get("userinfo_signed_response_alg") not in (None, UNSIGNED)
    if not is_signed and not is_encrypted:
        return server.handle_response(200, told, JSON_HEADERS)
    named = told | {"iss": context.settings.issuer, "aud": client.client_id}
    if is_signed:
        return server.handle_response(200, client_jwts.signed(context, client, Kind.USERINFO, named), JWT_HEADERS)
    bare = json.dumps(named, ensure_ascii=False, separators=(",", ":"))
    return server.handle_response(
        200, client_jwts.encrypted(context, client, Kind.USERINFO, bare, cty=None), JWT_HEADERS
    )


def _claims(context: Context, request: CoreRequest) -> tuple[Client, dict[str, Any]]:
    presented = bearer.presented_token(request)
    token = bearer.find_access_token(context, presented.text)
    if token is None:
        raise _invalid_token(is_dpop=presented.is_dpop)
    proof_of_possession.check_presented(context, request, presented, token)
    if "openid" not in token.scope:
        raise bearer.challenge(
            "insufficient_scope",
            "The access token has no scope openid.",
            status_code=403,
            scope="openid",
            is_dpop=presented.is_dpop,
        )
    if token.grant_id is None or context.settings.issuer not in token.audience:
        raise _invalid_token(is_dpop=presented.is_dpop)
    person = access_tokens.find_person(context.db, context.vault, token.jti, token.grant_id)
    if person is None:
        raise _invalid_token(is_dpop=presented.is_dpop)
    return _about(context, person, token)


def _about(context: Context, person: TokenPerson, token: bearer.VerifiedToken) -> tuple[Client, dict[str, Any]]:
    client = context.find_client(token.client_id)
    if client is None:
        raise _invalid_token()
    asked = claims.requested(person.requested_claims, "userinfo")
    names = claims.names_for(token.scope, asked, client)
    proofs = accounts.list_proofs(context.db, person.account.id) if "loa" in names else ()
    values = claims.values_of(person.account, names, context.now, act_as=person.act_as, proofs=proofs)
    about_login = {name: token.claims[name] for name in asked if name in ABOUT_THE_LOGIN and name in token.claims}
    return client, values | about_login | {"sub": person.subject}


def _invalid_token(*, is_dpop: bool = False) -> OAuth2Error:
    return bearer.challenge("invalid_token", "The access token is invalid, expired or revoked.", is_dpop=is_dpop)


def server_metadata(settings: Settings) -> dict[str, Any]:
    """OpenID Connect Discovery §3."""
    return {"userinfo_endpoint": settings.issuer + PATH} | client_jwts.metadata_for(settings, Kind.USERINFO)
