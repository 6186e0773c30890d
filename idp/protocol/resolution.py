"""Which parameters count: those sent, those pushed before, or those of a request object.

RFC 9126 §4 (a reference stands for what was pushed, nothing beside it counts), RFC 9101 §5 and §6.3 (only the object
counts), OpenID Connect Core §6.1 and §6.2 (parameters outside the object count where it has none of that name). Settled
once, when a request arrives; what it gave is kept with the interaction, so a page that leads back here finds it done.
"""

from __future__ import annotations

import contextlib

from idp.context import Context
from idp.domain.client import Client
from idp.domain.origin import Origin
from idp.protocol import pushed_requests, request_object, request_reference
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.checks.characters import check_characters, check_repetition
from idp.protocol.checks.client import check_client_id
from idp.protocol.checks.profile import must_push, must_sign_request
from idp.protocol.checks.redirect_uri import check_redirect_uri
from idp.protocol.errors import ProtocolError, invalid_request
from idp.protocol.messages import Pairs

ELSEWHERE = ("request", "request_uri")  # the parameters that say where the others are
OUTSIDE = ("response_type", "scope")  # OpenID Connect Core §6.1: never in the object alone


def resolve(request: AuthorizationRequest, context: Context) -> None:
    """Put the parameters that count in the place of those sent. Where these count themselves nothing is done."""
    given = [name for name in ELSEWHERE if request.value(name) is not None]
    if not given:
        return
    check_client_id(request, context)
    with contextlib.suppress(ProtocolError):
        check_redirect_uri(request, context)  # what fails from here on goes there, if it is the client's
    check_characters(request, context)
    check_repetition(request, context)
    if len(given) > 1:
        raise invalid_request("request and request_uri exclude each other.", "request_uri")
    if pushed_requests.is_reference(request.value("request_uri")):
        _take_pushed(request, context)
    elif not must_push(request.client, context.settings):  # such a client is refused for another reason
        _take_object(request, context, given[0])


def resolve_pushed(context: Context, client: Client, parameters: Pairs) -> tuple[Pairs, Origin]:
    """The parameters that count of those a client pushes: of a request object all stand inside (RFC 9126 §3)."""
    text = next((value for name, value in parameters if name == "request" and value), None)
    if text is None:
        return parameters, Origin(is_pushed=True)
    found = request_object.read(context, client, text, is_whole=True)
    return found.parameters, Origin(True, found.is_signed, request_hash=_once(client, found))


def answered_already(request: AuthorizationRequest) -> ProtocolError:
    """What a second use is told of a request that may be answered once (RFC 9126 §7.3)."""
    error = pushed_requests.invalid() if request.origin.is_pushed else request_object.invalid("was answered already")
    error.target = request.target
    return error


def _take_pushed(request: AuthorizationRequest, context: Context) -> None:
    pushed = pushed_requests.find(context, str(request.value("request_uri")))
    if pushed is None or pushed.client_id != request.client.client_id:
        raise pushed_requests.invalid()
    request.parameters, request.origin, request.target = pushed.parameters, pushed.origin, None
    if pushed.expires_at <= context.now:
        check_redirect_uri(request, context)
        raise pushed_requests.invalid()


def _take_object(request: AuthorizationRequest, context: Context, name: str) -> None:
    client, text = request.client, str(request.value(name))
    is_whole = not (client.profile.merges_parameters and any(request.value(outside) for outside in OUTSIDE))
    try:
        token = request_reference.fetch(context, client, text) if name == "request_uri" else text
        found = request_object.read(context, client, token, is_whole=is_whole)
        # Who must sign its requests has signed them whole: what stands beside an object anybody may have put there.
        counts_alone = is_whole or must_sign_request(client, context.settings)
        request.parameters = found.parameters if counts_alone else _merged(request, found.parameters)
    except ProtocolError as error:
        error.parameter = error.parameter or name
        raise
    request.origin = Origin(is_signed=found.is_signed, request_hash=_once(client, found))
    request.target = None  # the redirect URI that counts is still to be checked


def _merged(request: AuthorizationRequest, inside: Pairs) -> Pairs:
    """OpenID Connect Core §6.1: the object's parameters, and of those outside the ones it does not have. Outside must
    stand what makes it an OAuth 2.0 request, the same as inside."""
    for name in OUTSIDE:
        if request.value(name) is None:
            raise invalid_request(f"{name} is required outside the request object too.", name)
    stated = dict(inside)
    if stated.get("response_type", request.value("response_type")) != request.value("response_type"):
        raise request_object.invalid("has another response_type than the request")
    outside = (pair for pair in request.parameters if pair[0] not in stated and pair[0] not in ELSEWHERE)
    return (*outside, *inside)


def _once(client: Client, found: request_object.RequestObject) -> str | None:
    """What makes an object be answered once: a client whose requests are evidence (FAPI 2.0 Message Signing) says each
    one anew. Others may use an object again as long as it is valid, which OpenID Connect Core §6 allows."""
    return found.identity if client.profile.must_sign_request and found.is_signed else None
