"""``id_token_hint``: an ID token of ours that names the person the client expects.

OpenID Connect Core §3.1.2.1. An expired hint counts; one that we did not sign, or signed for another client, does not.
"""

from __future__ import annotations

from idp.context import Context
from idp.crypto.jose import JoseError
from idp.protocol import id_token_hints
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import invalid_request


def check_id_token_hint(request: AuthorizationRequest, context: Context) -> None:
    hint = request.value("id_token_hint")
    if hint is None:
        return
    try:
        found = id_token_hints.read(context, hint)
    except JoseError:
        raise invalid_request("id_token_hint is not an ID token issued here.", "id_token_hint") from None
    if request.client.client_id not in found.audience:
        raise invalid_request("id_token_hint was issued to another client.", "id_token_hint")
    request.expected_subjects |= {found.subject}
