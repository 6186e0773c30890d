"""``response_type``: one we know, in any order of words, that the client's profile admits and the client registered.

RFC 6749 §3.1.1 (a missing one is invalid_request, an unknown one unsupported_response_type), RFC 9700 §2.1.2 (``code``
for everybody; front-channel types are for clients of the legacy profile), OpenID Connect Registration §2 (the grant
types a response type needs), OpenID Connect Core §2 (no unsigned ID token in the front channel).
"""

from __future__ import annotations

from idp.context import Context
from idp.domain.profile import in_order
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.client_jwts import UNSIGNED
from idp.protocol.errors import ProtocolError, invalid_request
from idp.protocol.response_types import RESPONSE_TYPES


def check_response_type(request: AuthorizationRequest, context: Context) -> None:
    asked, client = request.value("response_type"), request.client
    if asked is None:
        raise invalid_request("response_type is required.", "response_type")
    response_type = in_order(asked)
    if response_type not in RESPONSE_TYPES or response_type not in client.profile.response_types:
        raise _refused("unsupported_response_type", "This response_type is not supported.")
    if not (client.check_response_type(response_type) and RESPONSE_TYPES[response_type] <= client.grant_types):
        raise _refused("unauthorized_client", "The client is not registered for this response_type.")
    words = set(response_type.split(" "))
    if ("token" in words and client.must_bind_tokens) or ("id_token" in words and client.id_token_alg == UNSIGNED):
        raise _refused("unauthorized_client", "The client's other metadata forbid this response_type.")
    request.response_type = response_type


def _refused(error: str, description: str) -> ProtocolError:
    return ProtocolError(error, description, parameter="response_type")
