"""The names we answer to: the issuer's, and the mutual-TLS host's for the endpoints that have an alias there.

Links and redirects come from the settings; whoever calls us by another name is misled or misleads.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from flask import g, request
from werkzeug.exceptions import SecurityError

from idp.protocol import discovery
from idp.web.context import provider

ANY_HOST = {"/healthz"}  # asked by load balancers, which know an address only
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def check() -> None:
    """Raises SecurityError (400) for a request by another name."""
    settings, given = provider().settings, request.environ.get("HTTP_HOST", "").lower()
    g.is_certificate_host = bool(settings.mtls_url) and _is_host_of(settings.mtls_url, given)
    if _is_host_of(settings.issuer, given) or request.path in ANY_HOST:
        return
    if not g.is_certificate_host or request.path not in discovery.aliased_paths(provider()):
        raise SecurityError("This service is not known by that name.")


def is_certificate_host() -> bool:
    """Whether the request at hand came to the host where callers are asked for a certificate."""
    return bool(g.is_certificate_host)


def base_url() -> str:
    """What the address of the request at hand begins with, as configured."""
    settings = provider().settings
    return settings.mtls_url if g.is_certificate_host else settings.issuer


def _is_host_of(url: str, given: str) -> bool:
    expected, default_port = _host_of(url)
    return given.removesuffix(default_port) == expected


@lru_cache(maxsize=8)
def _host_of(url: str) -> tuple[str, str]:
    """(host as it must be given, the port that may be left out)."""
    parts = urlsplit(url)
    default_port = _DEFAULT_PORTS[parts.scheme]
    return parts.netloc.lower().removesuffix(default_port), default_port
