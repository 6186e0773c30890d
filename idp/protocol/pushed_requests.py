"""Pushed authorization requests as they are kept until the browser brings their reference (RFC 9126 §2.2, §4, §7.3).

What is kept was checked. A reference belongs to its client, lives for a minute and may be brought again until the flow
completes: then its grant makes it useless (Grant.request_hash), without a further word to this store. Its memory
outlives it, so that who comes too late is told so at the redirect URI.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from idp.context import Context
from idp.crypto.random import hash_secret, new_secret
from idp.domain.origin import Origin
from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.errors import ProtocolError
from idp.protocol.messages import Pairs

KIND = "pushed_request"
PREFIX = "urn:ietf:params:oauth:request_uri:"
REMEMBERED_FOR = timedelta(minutes=10)  # after its end


@dataclass(frozen=True)
class Pushed:
    client_id: str
    parameters: Pairs = field(repr=False)
    origin: Origin
    expires_at: datetime


def add(context: Context, asked: AuthorizationRequest) -> str:
    """Keep a request that has passed the checks; returns its reference (one write)."""
    reference = PREFIX + new_secret()
    lifetime = context.settings.pushed_request_lifetime
    key = hash_secret(reference)
    value: dict[str, Any] = {
        "client_id": asked.client.client_id,
        "parameters": [list(pair) for pair in asked.parameters],
        "origin": replace(asked.origin, request_hash=asked.origin.request_hash or key).as_dict(),
        "expires_at": (context.now + lifetime).isoformat(),
    }
    context.ephemeral.put(KIND, key, value, lifetime + REMEMBERED_FOR)
    return reference


def is_reference(request_uri: str | None) -> bool:
    """Whether a ``request_uri`` stands for a pushed request and not for a document of the client's."""
    return request_uri is not None and request_uri.startswith(PREFIX)


def find(context: Context, reference: str) -> Pushed | None:
    """What was pushed, also when its time is over (one read)."""
    value = context.ephemeral.get(KIND, hash_secret(reference))
    if value is None:
        return None
    return Pushed(
        client_id=value["client_id"],
        parameters=tuple((name, text) for name, text in value["parameters"]),
        origin=Origin.from_dict(value["origin"]),
        expires_at=datetime.fromisoformat(value["expires_at"]),
    )


def invalid() -> ProtocolError:
    """One text for a reference that is unknown, over, used up or another client's (RFC 9101 §7)."""
    description = "The request_uri is not known here, has expired or was answered already."
    return ProtocolError("invalid_request_uri", description, parameter="request_uri")
