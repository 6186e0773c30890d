"""What a reverse proxy says about a request: believed of the proxies that the settings name, of nobody else.

=========================  =========================================================================================
header                     what it says
=========================  =========================================================================================
``X-Forwarded-For``        who called: as many proxies back as ``trusted_proxies`` says, each of them a configured one
``X-Forwarded-Proto``      http or https
``X-Forwarded-Host``       nothing to us: the name a request is for is ``Host``, which the door checks
``X-Client-Certificate``   the caller's certificate (:mod:`idp.web.client_certificate`)
=========================  =========================================================================================

They are taken off every request before anything can read them. One of a configured proxy's that cannot be read is a bad
request; anybody else's count as not sent.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Flask

from idp.config import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CERTIFICATE = "tongxing.client_certificate"
"""Where in the WSGI environment the certificate is, as the proxy wrote it."""
_UNREADABLE = "tongxing.unreadable_proxy_header"
_UNIX_SOCKET = "unix"
_TAKEN_OFF = (
    "HTTP_FORWARDED",
    "HTTP_X_CLIENT_CERTIFICATE",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
)
_HOST = re.compile(r"([A-Za-z0-9_.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def install(app: Flask) -> None:
    """Stand before everything else."""
    app.wsgi_app = BehindProxy(app.wsgi_app, app.extensions["tongxing"].settings)  # type: ignore[method-assign]


def is_readable(environ: Mapping[str, Any]) -> bool:
    """Whether everything that a configured proxy said could be read."""
    return _UNREADABLE not in environ


class BehindProxy:
    """The application as its callers' requests reach it through the configured proxies."""

    def __init__(self, application: WSGIApplication, settings: Settings) -> None:
        self._application = application
        self._hops = settings.trusted_proxies
        self._proxies = _Proxies(settings.proxy_addresses)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        said = {name: environ.pop(name) for name in _TAKEN_OFF if name in environ}
        if said and self._hops and self._proxies.has(environ.get("REMOTE_ADDR", "")):
            try:
                environ.update(self._read(said))
            except ValueError:
                environ[_UNREADABLE] = True
        return self._application(environ, start_response)

    def _read(self, said: Mapping[str, str]) -> dict[str, str]:
        """What the environment becomes. Raises ValueError where the headers cannot be read."""
        found: dict[str, str] = {}
        if "HTTP_X_FORWARDED_FOR" in said:
            found["REMOTE_ADDR"] = self._caller(said["HTTP_X_FORWARDED_FOR"])
        if "HTTP_X_FORWARDED_PROTO" in said:
            found["wsgi.url_scheme"] = self._scheme(said["HTTP_X_FORWARDED_PROTO"])
        if not _HOST.fullmatch(said.get("HTTP_X_FORWARDED_HOST", "ignored")):
            raise ValueError("no host")
        if said.get("HTTP_X_CLIENT_CERTIFICATE"):
            found[CERTIFICATE] = said["HTTP_X_CLIENT_CERTIFICATE"]
        return found

    def _caller(self, value: str) -> str:
        """What stands further to the left was there when the first proxy got the request: the caller's own words."""
        addresses = [_address(item) for item in value.split(",")[-self._hops :]]
        if len(addresses) < self._hops or not all(self._proxies.has(str(proxy)) for proxy in addresses[1:]):
            raise ValueError("not the way through the configured proxies")
        return str(addresses[0])

    def _scheme(self, value: str) -> str:
        """Each proxy adds one, or the outermost's stays alone."""
        schemes = [item.strip().lower() for item in value.split(",")][-self._hops :]
        if not set(schemes) <= {"http", "https"}:
            raise ValueError("no scheme")
        return schemes[0]


class _Proxies:
    """Who is a proxy: addresses, networks, and ``unix`` for whoever reaches a socket in the file system."""

    def __init__(self, addresses: Iterable[str]) -> None:
        named = tuple(addresses)
        self._is_socket_one = _UNIX_SOCKET in named
        self._networks = [ipaddress.ip_network(address) for address in named if address != _UNIX_SOCKET]
        self._known: dict[str, bool] = {}

    def has(self, peer: str) -> bool:
        if peer not in self._known:
            if len(self._known) >= 1024:
                self._known.clear()
            self._known[peer] = self._find(peer)
        return self._known[peer]

    def _find(self, peer: str) -> bool:
        if not peer:
            return self._is_socket_one  # WSGI servers give a peer without an address an empty one
        try:
            address = _address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def _address(text: str) -> _Address:
    """Raises ValueError. An IPv4 address stays one where a socket for both versions wrote it down."""
    address = ipaddress.ip_address(text.strip())
    return getattr(address, "ipv4_mapped", None) or address
