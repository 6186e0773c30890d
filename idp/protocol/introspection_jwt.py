"""Introspection answers as signed JWTs, for resource servers that must be able to show later what they were told.

RFC 9701 §4 (asked for by Accept), §5 (the answer), §6 (the client's metadata), §7 (ours); encrypted where the client
registered so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.config import Settings
from idp.context import Context
from idp.domain.client import Client
from idp.protocol import client_jwts
from idp.protocol.client_jwts import Kind
from idp.protocol.messages import JSON_HEADERS, CoreRequest

TYPE = "token-introspection+jwt"
MEDIA_TYPE = f"application/{TYPE}"
HEADERS = [("Content-Type", MEDIA_TYPE), *JSON_HEADERS[1:]]


def is_wanted(request: CoreRequest) -> bool:
    """Whether the caller names our media type among those it accepts; ``*/*`` means JSON, as ever."""
    accepted = (item.split(";") for item in request.headers.get("Accept", "").split(","))
    return any(name.strip().lower() == MEDIA_TYPE and not _is_refusal(options) for name, *options in accepted)


def _is_refusal(options: list[str]) -> bool:
    """A weight of nought (RFC 9110 §12.4.2)."""
    return any(option.replace(" ", "").lower().rstrip("0").rstrip(".") in {"q=", "q=0"} for option in options)


def written(context: Context, client: Client, answer: Mapping[str, Any]) -> str:
    """The answer for the client that asked. Raises UnusableRegistration."""
    claims = {
        "iss": context.settings.issuer,
        "aud": client.client_id,
        "iat": int(context.now.timestamp()),
        "token_introspection": answer,
    }
    return client_jwts.signed(context, client, Kind.INTROSPECTION, claims, TYPE)


def server_metadata(settings: Settings) -> dict[str, Any]:
    """RFC 9701 §7."""
    return client_jwts.metadata_for(settings, Kind.INTROSPECTION)
