"""Telling relying parties through the person's browser that a session is over: one frame each.

OpenID Connect Front-Channel Logout 1.0 §2 (the address, its query kept, with ``iss`` and ``sid``), §3 (the page with
the frames). We always say ``iss`` and ``sid``, whether or not the client requires them. Only a logout that happens in
the browser itself has a page to put frames on: one that begins elsewhere (another device, an administrator, an
upstream's logout token) reaches clients through the back channel alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from idp.config import Settings
from idp.context import Context
from idp.domain.client import Client
from idp.protocol.cross_origin import origin_of
from idp.protocol.subjects import sid_for
from idp.storage import sessions


@dataclass(frozen=True)
class Notice:
    """One client to be told by a frame; ``origin`` is what the page's policy must allow."""

    client: Client
    url: str = field(repr=False)
    origin: str


def notices(context: Context, session_id: str, sid: str) -> list[Notice]:
    """Whom the browser tells that the session is over: every client that got tokens in it and wants to be told so."""
    taking_part = (context.find_client(client_id) for client_id, _ in sessions.list_clients(context.db, session_id))
    issuer = context.settings.issuer
    found = (notice_for(client, issuer, sid_for(context, sid, client)) for client in taking_part if client is not None)
    return [notice for notice in found if notice is not None]


def notice_for(client: Client, issuer: str, sid: str) -> Notice | None:
    """§2: a query that the registered address already has is retained. None for a client without a web address."""
    uri = client.frontchannel_logout_uri
    origin = origin_of(uri) if uri else None
    if uri is None or origin is None:
        return None
    parameters = urlencode({"iss": issuer, "sid": sid})
    return Notice(client, f"{uri}{'&' if '?' in uri else '?'}{parameters}", origin)


def server_metadata(settings: Settings) -> dict[str, Any]:
    """OpenID Connect Front-Channel Logout 1.0 §3."""
    return {"frontchannel_logout_supported": True, "frontchannel_logout_session_supported": True}
