"""Addresses in metadata: their syntax, and which schemes and hosts are allowed where.

RFC 3986 §3 and §4.3, RFC 6749 §3.1.2 (redirect URIs: absolute, no fragment), RFC 8252 §7.1 to §7.3 (native
applications), OpenID Connect Registration §2 (application_type, https), OpenID Connect Front-Channel Logout §2.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from idp.config import Settings
from idp.protocol.client_metadata.values import Wrong

LONGEST = 2048
_SYNTAX = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9\-._]*[A-Za-z0-9])?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+")
_DEFAULT_PORTS = {"http": 80, "https": 443}
LOOPBACK = frozenset({"127.0.0.1", "::1"})
_THIS_MACHINE = LOOPBACK | {"localhost"}  # a name, which may be resolved elsewhere: not where https is demanded


@dataclass(frozen=True)
class Uri:
    """The parts that rules are about."""

    scheme: str
    host: str | None  # None: not an address of the web
    port: int | None
    has_fragment: bool

    @property
    def is_web(self) -> bool:
        return self.host is not None

    @property
    def origin(self) -> tuple[str, str | None, int | None]:
        return self.scheme, self.host, self.port


def parsed(value: Any) -> Uri:
    """Raises Wrong for anything but an absolute URI in ASCII; an http or https one has a host and no credentials."""
    if not isinstance(value, str) or len(value) > LONGEST or _SYNTAX.fullmatch(value) is None or value.count("#") > 1:
        raise Wrong(f"must be an absolute URI of at most {LONGEST} characters.")
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Wrong("must be an absolute URI.") from error
    if parts.scheme not in _DEFAULT_PORTS:
        return Uri(parts.scheme, None, None, "#" in value)
    if not host or _HOST.fullmatch(host) is None or "@" in parts.netloc or port == 0:
        raise Wrong("must have a host and no credentials.")
    return Uri(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], "#" in value)


def uri(value: Any) -> str:
    """Any absolute URI."""
    parsed(value)
    return str(value)


def web_page(value: Any) -> str:
    """An address a person may be sent to by a link."""
    if not parsed(value).is_web:
        raise Wrong("must be an http or https address.")
    return str(value)


def check_redirect(settings: Settings, value: str, *, is_native: bool) -> None:
    """Where a browser may be sent with an answer. Raises Wrong."""
    found = parsed(value)
    if found.has_fragment:
        raise Wrong("must not have a fragment.")
    if found.scheme == "https" or (found.scheme == "http" and not settings.is_secure):
        return
    if not is_native:
        raise Wrong("must be https.")
    is_private_use = not found.is_web and "." in found.scheme
    if not is_private_use and not (found.scheme == "http" and found.host in _THIS_MACHINE):
        raise Wrong("must be https, http on a loopback address, or a private-use scheme with a dot in its name.")


def is_protected(value: Any, *, is_native: bool) -> bool:
    """Whether nobody on the way reads an answer sent there: https, or a native application's own machine (RFC 8252
    §7.3)."""
    try:
        found = parsed(value)
    except Wrong:
        return False
    return found.scheme == "https" or (is_native and found.scheme == "http" and found.host in LOOPBACK)


def check_called(settings: Settings, value: str, *, may_have_fragment: bool = False) -> None:
    """What the provider itself calls: https; plain http where the deployment is a local one or allows that very host.
    The guarded client has the last word. Raises Wrong."""
    found = parsed(value)
    if found.has_fragment and not may_have_fragment:
        raise Wrong("must not have a fragment.")
    host = f"[{found.host}]" if ":" in (found.host or "") else found.host
    is_allowed = not settings.is_secure or f"{host}:{found.port}" in settings.outbound_allow
    if found.scheme != "https" and not (found.scheme == "http" and is_allowed):
        raise Wrong("must be https.")


def check_https(_settings: Settings, value: str) -> None:
    """Raises Wrong for anything else."""
    found = parsed(value)
    if found.scheme != "https" or found.has_fragment:
        raise Wrong("must be https and without a fragment.")


Check = Callable[[Settings, str], None]
