"""Which web origins may read our back-channel answers from a browser: those of registered public clients.

RFC 9700 §4.17 (no cross-origin reading at the authorization endpoint; it is not among PATHS), Fetch Standard §3.2.
Only applications that live in a browser need it, and they are public clients; their origins follow from their
redirect URIs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from idp.context import Context
from idp.domain.client import Client
from idp.storage import clients

_KEPT_FOR = timedelta(seconds=60)
"""How long an origin may outlive its client, and a registration may take until it is found by its time."""
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
_DEFAULT_PORTS = {"http": 80, "https": 443}
HEADERS = (("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce"),)
PREFLIGHT_HEADERS = (
    ("Access-Control-Allow-Methods", "GET, POST"),
    ("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP"),
    ("Access-Control-Max-Age", "3600"),
)


@dataclass(frozen=True)
class _Known:
    """``read_at``: when every client was read; ``updated_at``: when those that had changed were added."""

    origins: frozenset[str]
    read_at: datetime
    updated_at: datetime


def is_allowed(context: Context, origin: str) -> bool:
    """Whether pages of this origin may read our answers. Known origins cost no statement; an unknown one at most one
    a second (the clients' cache life), whoever asks, and that reads what has changed: all clients, of which there may
    be many, are read once a minute."""
    now, parts = context.now, context.provider.parts
    known: _Known | None = parts.get("origins")
    if known is None or now - known.read_at >= _KEPT_FOR:
        known = parts["origins"] = _Known(_origins(clients.list_all(context.db)), now, now)
    elif origin not in known.origins and now - known.updated_at >= context.settings.client_cache_lifetime:
        changed = clients.list_changed(context.db, known.updated_at - _KEPT_FOR)
        known = parts["origins"] = replace(known, origins=known.origins | _origins(changed), updated_at=now)
    return origin in known.origins


def _origins(registered: Iterable[Client]) -> frozenset[str]:
    public = (client for client in registered if client.is_active and client.is_public)
    found = (origin_of(uri) for client in public for uri in client.redirect_uris)
    return frozenset(origin for origin in found if origin is not None)


def origin_of(uri: str) -> str | None:
    """The origin of a web address as browsers write it; None for addresses of native applications, and for what no
    browser writes: an origin goes into headers and policies."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not _HOST.fullmatch(parts.hostname or ""):
        return None
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{port}")
