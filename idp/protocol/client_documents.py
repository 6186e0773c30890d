"""What a client publishes and we look at when it registers: the list of its sector, and its logo.

OpenID Connect Registration §5 and OpenID Connect Core §8.1 (sector_identifier_uri), RFC 7591 §2 (logo_uri) and §5
(a copy of the logo from our own origin, so that nobody can watch who logs in). All through the guarded client.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from idp.context import Context, Provider
from idp.outbound import OutboundClient, OutboundError
from idp.protocol.client_metadata.fields import refused
from idp.storage import client_logos
from idp.storage.client_logos import Logo

_MAGIC = (
    ("image/png", b"\x89PNG\r\n\x1a\n"),
    ("image/jpeg", b"\xff\xd8\xff"),
    ("image/gif", b"GIF87a"),
    ("image/gif", b"GIF89a"),
)


def check_sector(provider: Provider, metadata: Mapping[str, Any]) -> None:
    """Raises invalid_client_metadata unless the sector's list names every redirect URI of the client."""
    uri = metadata.get("sector_identifier_uri")
    if uri is None:
        return
    try:
        answer = _outbound(provider).get(uri, {"Accept": "application/json"})
        listed = json.loads(answer.body) if answer.is_success else None
    except (OutboundError, ValueError, RecursionError) as error:
        raise refused("sector_identifier_uri", "could not be read.") from error
    if not isinstance(listed, list):
        raise refused("sector_identifier_uri", "must lead to a JSON array of redirect URIs.")
    if not all(redirect_uri in listed for redirect_uri in metadata.get("redirect_uris", ())):
        raise refused("sector_identifier_uri", "must lead to a list of all redirect URIs of the client.")


def logo_uri(metadata: Mapping[str, Any]) -> str | None:
    """Where the client's one picture is: the address for every language, or else that of the first tag."""
    tagged = sorted(name for name in metadata if name.startswith("logo_uri#"))
    return next((metadata[name] for name in ("logo_uri", *tagged) if name in metadata), None)


def fetch_logo(provider: Provider, uri: str | None) -> Logo | None:
    """The picture, or None where there is none to be had: a client without a picture is shown by its name."""
    if uri is None:
        return None
    try:
        answer = _outbound(provider).get(uri, {"Accept": "image/png, image/jpeg, image/webp, image/gif"})
    except OutboundError:
        return None
    declared = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    media_type = _media_type(answer.body)
    return Logo(media_type, answer.body) if answer.is_success and media_type == declared else None


def keep_logo(context: Context, client_id: str, logo: Logo | None) -> None:
    """Make this the client's picture, whatever it had before."""
    if logo is None:
        client_logos.remove(context.db, client_id)
    else:
        client_logos.put(context.db, client_id, logo, context.now)


def _media_type(content: bytes) -> str | None:
    """By the first bytes; raster formats only, since others can carry scripts."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((media_type for media_type, magic in _MAGIC if content.startswith(magic)), None)


def _outbound(provider: Provider) -> OutboundClient:
    found: OutboundClient = provider.parts["outbound"]
    return found
