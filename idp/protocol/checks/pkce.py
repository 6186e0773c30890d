"""``code_challenge``, ``code_challenge_method``: S256 from every client but a confidential one of the legacy profile;
where no code is asked for they mean nothing.

RFC 7636 §4.3, §4.4.1 (invalid_request with "code challenge required"), RFC 9700 §2.1.1. ``plain``, RFC 7636's default,
protects nothing against whoever sees the request.
"""

from __future__ import annotations

import re

from idp.context import Context
from idp.domain.opening import Opening
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import invalid_request

METHOD = "S256"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # base64url of a SHA-256 (RFC 7636 §4.2)


def check_pkce(request: AuthorizationRequest, context: Context) -> None:
    if not request.asks_for("code"):
        return
    challenge, method = request.value("code_challenge"), request.value("code_challenge_method")
    if challenge is None:
        if method is None and _may_do_without(request, context):
            return
        raise invalid_request("code_challenge required", "code_challenge")
    if method != METHOD:
        raise invalid_request("code_challenge_method must be S256.", "code_challenge_method")
    if _CHALLENGE.fullmatch(challenge) is None:
        raise invalid_request("code_challenge must be 43 base64url characters.", "code_challenge")
    request.code_challenge = challenge


def _may_do_without(request: AuthorizationRequest, context: Context) -> bool:
    """Only confidential clients, by their profile or by an opening."""
    client = request.client
    is_spared = not client.profile.must_use_pkce or context.is_open(client, Opening.REQUEST_WITHOUT_PKCE)
    return is_spared and not client.is_public
