"""A request object by reference: fetched from an address the client registered, once for each request that names it.

OpenID Connect Core §6.2, RFC 9101 §5.2, §10.4 (only registered addresses, through the guarded client). The fragment is
part of what must agree, but is no checksum: it only says that the content has changed (§6.2), and nothing is kept here
for which that would matter.
"""

from __future__ import annotations

from typing import Any

from idp.config import Settings
from idp.context import Context
from idp.domain.client import Client
from idp.outbound import OutboundClient, OutboundError
from idp.protocol.errors import ProtocolError

_ACCEPTED = {"Accept": "application/oauth-authz-req+jwt, application/jwt"}


def fetch(context: Context, client: Client, request_uri: str) -> str:
    """The object as text. Raises invalid_request_uri."""
    if request_uri not in client.request_uris:
        raise _invalid("The request_uri is not registered for this client.")
    outbound: OutboundClient = context.provider.parts["outbound"]
    context.db.commit()  # nothing was written; no connection is held while we wait for others
    try:
        answer = outbound.get(request_uri.partition("#")[0], _ACCEPTED)
    except OutboundError as error:
        raise _invalid("The request_uri could not be fetched.") from error
    if answer.status != 200:
        raise _invalid("The request_uri could not be fetched.")
    return answer.body.decode("ascii", "replace").strip()


def _invalid(description: str) -> ProtocolError:
    return ProtocolError("invalid_request_uri", description, parameter="request_uri")


def server_metadata(settings: Settings) -> dict[str, Any]:
    """OpenID Connect Discovery §3."""
    return {"request_uri_parameter_supported": True, "require_request_uri_registration": True}
