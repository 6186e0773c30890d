"""Which web origins may read our back-channel answers from a browser: those of registered public clients.

RFC 9700 §4.17 (no cross-origin reading at the authorization endpoint; it is not among PATHS), Fetch Standard §3.2.
Only applications that live in a browser need it, and they are public clients; their origins follow from their
redirect URIs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from idp.context import Context
from idp.domain.client import Client
from idp.storage import clients

_KEPT_FOR = timedelta(seconds=60)
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
    origins: frozenset[str]
    read_at: datetime


def is_allowed(context: Context, origin: str) -> bool:
    """Whether pages of this origin may read our answers. Known origins cost no statement; an unknown one at most one
    a second (the clients' cache life), whoever asks."""
    parts = context.provider.parts
    known = parts.get("origins")
    age = context.now - known.read_at if known else None
    fresh_enough = _KEPT_FOR if known and origin in known.origins else context.settings.client_cache_lifetime
    if known is None or age is None or age >= fresh_enough:
        known = parts["origins"] = _Known(_origins(clients.list_all(context.db)), context.now)
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
