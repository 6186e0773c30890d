"""``nonce``: any text of reasonable length, given back in the ID token; a client that uses a code may leave it out.

OpenID Connect Core §3.1.2.1, §15.5.2.
"""

from __future__ import annotations

from idp.context import Context
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import invalid_request

MAX_LENGTH = 1024


def check_nonce(request: AuthorizationRequest, context: Context) -> None:
    nonce = request.value("nonce")
    if nonce is not None and len(nonce) > MAX_LENGTH:
        raise invalid_request("nonce is longer than 1024 characters.", "nonce")
    request.nonce = nonce
