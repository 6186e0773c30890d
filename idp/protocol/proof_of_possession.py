"""Sender-constrained tokens: who shows a token shows that they hold the key it is bound to.

RFC 7800 §3.1 (``cnf``), RFC 9449 §5, §6, §7 (DPoP), RFC 8705 §3 (the caller's certificate), FAPI 2.0 Security Profile
§5.3.2.1. Both ends are here: what tokens issued for a request are bound to, and whether a request to a protected
resource may show a token. The proofs themselves are judged in :mod:`idp.protocol.dpop` and by the TLS proxy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from idp.context import Context
from idp.domain.client import Client
from idp.protocol import bearer, dpop, mtls
from idp.protocol.bearer import PresentedToken, VerifiedToken
from idp.protocol.errors import ProtocolError, invalid_request
from idp.protocol.messages import CoreRequest

if TYPE_CHECKING:
    from idp.protocol.server import Server

CERTIFICATE = "x5t#S256"


def confirm(server: Server, request: CoreRequest) -> None:
    """A step of the token endpoint, after the client's authentication: to what the tokens will be bound."""
    request.confirmation = _confirmation(server.context, request, request.client)


def _confirmation(context: Context, request: CoreRequest, client: Client) -> dict[str, str] | None:
    """A DPoP proof binds wherever it is brought; the certificate where the client or its profile wants it."""
    jkt = dpop.read_proof(context, request)
    if jkt is not None:
        return {"jkt": jkt}
    if client.must_use_dpop:
        raise dpop.invalid_proof("A DPoP proof is missing.")
    if not client.must_bind_tokens:
        return None
    found = of_certificate(request)
    if found is None:
        raise invalid_request("This client's tokens must be bound to a key it proves to have.")
    return found


def of_certificate(request: CoreRequest) -> dict[str, str] | None:
    """RFC 8705 §3.1: the thumbprint of the certificate the caller proved itself by, if it did."""
    certificate = request.message.client_certificate
    if certificate is None:
        return None
    return {CERTIFICATE: mtls.thumbprint(certificate)}


def check_presented(context: Context, request: CoreRequest, presented: PresentedToken, token: VerifiedToken) -> None:
    """Raises unless the token is shown by whom it was bound to, and as such tokens are: one bound to a key is no bearer
    token, one bound to nothing is no DPoP token (RFC 9449 §7.1, §7.2)."""
    proved = _proved(context, request, presented, token)
    if token.confirmation != proved:
        raise _not_theirs(is_dpop=presented.is_dpop or "jkt" in token.confirmation)


def _proved(
    context: Context, request: CoreRequest, presented: PresentedToken, token: VerifiedToken
) -> dict[str, str] | None:
    if presented.is_dpop:
        jkt = dpop.read_proof(context, request, access_token=presented.text)
        if jkt is None:
            raise dpop.invalid_proof("A DPoP proof is missing.", is_resource=True)
        return {"jkt": jkt}
    return of_certificate(request) if CERTIFICATE in token.confirmation else {}


def _not_theirs(*, is_dpop: bool) -> ProtocolError:
    return bearer.challenge("invalid_token", "The access token is bound to another key.", is_dpop=is_dpop)
