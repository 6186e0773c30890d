"""``code_challenge``, ``code_challenge_method``: S256 from every client.

RFC 7636 §4.3, §4.4.1 (invalid_request with "code challenge required"), RFC 9700 §2.1.1. ``plain``, RFC 7636's default,
protects nothing against whoever sees the request.
"""

from __future__ import annotations

import re

from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import invalid_request

METHOD = "S256"
OPENING = "request_without_pkce"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # base64url of a SHA-256 (RFC 7636 §4.2)


def check_pkce(request: AuthorizationRequest, context: Context) -> None:
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
    """An opening of one confidential client, where the deployment allows openings at all."""
    is_open = context.settings.openings_allowed and OPENING in request.client.openings
    return is_open and not request.client.is_public
