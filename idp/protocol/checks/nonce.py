"""``nonce``: any text of reasonable length, given back in the ID token; only who gets ID tokens from the token
endpoint alone may leave it out.

OpenID Connect Core §3.1.2.1, §3.2.2.1 and §3.3.2.11 (required where an ID token travels in the front channel), §15.5.2.
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
    if nonce is None and request.asks_for("id_token"):
        raise invalid_request("nonce is required for this response_type.", "nonce")
    request.nonce = nonce
