"""``response_mode``: by query, in the fragment or by form post, plain or as a JWT; without it the response type's way.

OAuth 2.0 Multiple Response Type Encoding Practices §2.1 and §5 (tokens never travel in a query), OAuth 2.0 Form Post
Response Mode §2, JARM §2.3 (``jwt`` and the modes ending so), FAPI 2.0 Message Signing §5.4 (who must be answered so).
"""

from __future__ import annotations

from idp.context import Context
from idp.domain.client import Client
from idp.protocol import client_jwts, jarm
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.client_jwts import Kind
from idp.protocol.errors import invalid_request
from idp.protocol.responses import RESPONSE_MODES, SIGNED_MODES

_IN_FRONT_CHANNEL = {"token", "id_token"}


def check_response_mode(request: AuthorizationRequest, context: Context) -> None:
    asked = request.value("response_mode")
    if asked is not None and asked not in RESPONSE_MODES:
        raise invalid_request("response_mode is not known here.", "response_mode")
    if request.client.profile.must_sign_response and asked not in SIGNED_MODES:
        raise invalid_request("response_mode must be jwt.", "response_mode")
    if asked is not None and _is_leaky(request, asked):
        raise invalid_request("response_mode must not put tokens into the query.", "response_mode")
    if asked in SIGNED_MODES:
        jarm.check(context, request.client)


def mode_of_answer(request: AuthorizationRequest) -> str:
    """How an answer travels, errors included: as asked, else by the default of the response type and, for a client that
    must be answered by a JWT, as one. What may not travel in a query is refused in the fragment."""
    asked = request.values("response_mode")
    default = "jwt" if request.client.profile.must_sign_response else ""
    mode = asked[0] if len(asked) == 1 and asked[0] in RESPONSE_MODES else default
    if mode not in ("", "jwt") and not _is_leaky(request, mode):
        return mode
    way = "fragment" if _puts_tokens_in_front(request) else "query"
    return f"{way}.jwt" if mode in SIGNED_MODES else way


def _is_leaky(request: AuthorizationRequest, mode: str) -> bool:
    """Whether the mode would put tokens into a query, readable (JARM §2.3.1 admits encrypted ones)."""
    is_readable = mode == "query" or (mode == "query.jwt" and not _is_encrypted(request.client))
    return is_readable and _puts_tokens_in_front(request)


def _puts_tokens_in_front(request: AuthorizationRequest) -> bool:
    """By what the request says, whether or not we do it: the client listens there."""
    return not _IN_FRONT_CHANNEL.isdisjoint((request.value("response_type") or "").split(" "))


def _is_encrypted(client: Client) -> bool:
    return client_jwts.is_encrypted(client, Kind.AUTHORIZATION)
