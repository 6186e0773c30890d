"""The one guarded way out for calls whose address somebody else chose: logout notices, clients' documents.

Only https, unless the deployment allows a ``host:port``; the host is resolved once, every address it has is checked,
and the connection goes to a checked address. No redirect is followed. Name resolution, connecting and the answer
together have five seconds; a body has at most 64 KiB and is not compressed, so that what is counted is what is sent.
Few requests at a time may wait for others so (MOST_AT_ONCE), for one host fewer (MOST_FOR_ONE): whoever makes us call
slow servers must get neither every thread there is nor, by one of them, every place.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import httpcore
import httpx

from idp.config import Settings
from idp.name_lookups import NameLookUps, Resolve, TooManyLookUps
from idp.places import NoPlace, Places

_log = logging.getLogger("tongxing.outbound")
TOTAL_SECONDS = 5.0
MAX_BODY = 64 * 1024
MOST_AT_ONCE = 3  # documents fetched by one process at a time; it has more threads than that (docs/operations.md)
MOST_FOR_ONE = 2  # of these for one host
MOST_LOOKUPS = 8  # names looked up by one process at a time: for documents, and as many for notices
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class OutboundError(Exception):
    """The text is the same whatever happened, so that nobody can map our network by it; ``detail`` is for operators."""

    def __init__(self, detail: str) -> None:
        super().__init__("the address could not be called")
        self.detail = detail


class OutboundRefused(OutboundError):
    """We do not call such an address; trying again is no use."""


class OutboundFailed(OutboundError):
    """No complete answer came; another time it may."""


class OutboundBusy(Exception):
    """As many requests as may wait for others do so already, or as many for this host. Nobody has been called: no
    outcome is known, nothing to be remembered; the caller may come again in a moment."""


@dataclass(frozen=True)
class Answer:
    """A complete answer; header names are lower-case. A redirect is an answer like any other."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class OutboundClient:
    """Calls addresses under the rules above. Thread-safe; keeps no connection open between calls."""

    def __init__(self, settings: Settings, resolve: Resolve | None = None) -> None:
        self._allowed = frozenset(entry.strip().lower() for entry in settings.outbound_allow)
        self._names = {method: NameLookUps(MOST_LOOKUPS, resolve) for method in ("GET", "POST")}
        self._ca_bundle = settings.outbound_ca_bundle
        self._places = Places(MOST_AT_ONCE, MOST_FOR_ONE)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made at first need: reading the system's authorities takes a tenth of a second."""
        context = ssl.create_default_context()
        if self._ca_bundle:
            context.load_verify_locations(cafile=self._ca_bundle)
        return context

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Raises OutboundRefused, OutboundFailed or, at once, OutboundBusy."""
        try:
            with self._places.taken_by(_host(url)):
                return self._call("GET", url, dict(headers or {}), b"")
        except NoPlace as error:
            raise OutboundBusy from error

    def post_form(self, url: str, data: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        """POST ``data`` as a form: the outbox does, whose threads are its own. Raises OutboundRefused or
        OutboundFailed."""
        form = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        try:
            return self._call("POST", url, form, urlencode(data).encode())
        except OutboundBusy as error:
            raise OutboundFailed("too many names are being looked up") from error

    def _call(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        try:
            return self._send(method, url, headers, body)
        except OutboundError as error:
            _log.warning("%s %r: %r", method, _place(url), error.detail)  # whoever asked hears one text only
            raise
        except TooManyLookUps as error:
            raise OutboundBusy from error

    def _send(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        target, is_allowed = self._check_url(url)
        network = _GuardedNetwork(self._names[method], is_allowed, time.monotonic() + TOTAL_SECONDS)
        fields = {"Accept-Encoding": "identity", "User-Agent": "Tongxing", "Connection": "close", **headers}
        sent = [(name.encode("ascii"), value.encode("latin-1")) for name, value in fields.items()]
        with _named_errors(), httpcore.ConnectionPool(ssl_context=self._tls, network_backend=network) as pool:
            core_url = httpcore.URL(
                scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path
            )
            with pool.stream(method, core_url, headers=sent, content=body) as response:
                received = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
                return Answer(response.status, received, _body(received, response.iter_stream()))

    def _check_url(self, url: str) -> tuple[httpx.URL, bool]:
        """The parsed URL (the only parsing there is) and whether the deployment allows its host:port."""
        try:
            target = httpx.URL(url)
            default_port = {"https": 443, "http": 80}[target.scheme]
            name = target.host  # reads an encoded name, which may be none (xn--a)
        except (httpx.InvalidURL, KeyError, TypeError, ValueError) as error:
            raise OutboundRefused("not an http(s) URL") from error
        port = default_port if target.port is None else target.port
        if not name or target.userinfo or not 0 < port < 65536:
            raise OutboundRefused("a URL without host, or with credentials")
        host = f"[{name}]" if ":" in name else target.raw_host.decode("ascii")
        is_allowed = f"{host.lower()}:{port}" in self._allowed
        if target.scheme != "https" and not is_allowed:
            raise OutboundRefused("plain http")
        return target, is_allowed


def _place(url: str) -> str:
    """Scheme, host and port: the rest of an address is between its client and us."""
    try:
        target = httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError):
        return "an address that is none"
    return f"{target.scheme}://{target.raw_host.decode('ascii', 'replace')}:{target.port or 'default'}"


def _host(url: str) -> str:
    """Whom a call would wait for; its port and the rest of the address do not matter."""
    try:
        return httpx.URL(url).raw_host.decode("ascii", "replace").lower().rstrip(".")
    except (httpx.InvalidURL, TypeError, ValueError):
        return ""


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet: not private, loopback, link-local, shared, multicast, reserved,
    nor such an IPv4 address inside an IPv6 one (mapped, 6to4, Teredo, NAT64)."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return all(
        one.is_global and not (one.is_multicast or one.is_reserved or one.is_unspecified or _is_site_local(one))
        for one in _all_of(ip)
    )


def _is_site_local(ip: _Address) -> bool:
    return isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local


def _all_of(ip: _Address) -> list[_Address]:
    """What must be public: an IPv4 address carried inside stands for the IPv6 address that only wraps it."""
    if isinstance(ip, ipaddress.IPv4Address):
        return [ip]
    if ip.ipv4_mapped:
        return [ip.ipv4_mapped]
    if ip in _NAT64:
        return [ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)]
    return [ip, *(inner for inner in (ip.sixtofour, *(ip.teredo or ())) if inner)]


class _GuardedNetwork(httpcore.NetworkBackend):
    """Connects to checked addresses only, each step within what is left of one call's time."""

    def __init__(self, names: NameLookUps, is_allowed: bool, deadline: float) -> None:
        self._names, self._is_allowed, self._deadline = names, is_allowed, deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception | None = None
        for address in self._addresses(host, port):
            try:
                stream = self._sockets.connect_tcp(address, port, _left(self._deadline), None, socket_options)
                return _Stream(stream, self._deadline)
            except httpcore.ConnectError as error:
                failure = error
        raise failure or httpcore.ConnectError("no address")

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            found: Sequence[str] = [str(ipaddress.ip_address(host.strip("[]")))]
        except ValueError:
            found = self._names.find(host, port, _left(self._deadline))
        if not self._is_allowed and not all(is_public(address) for address in found):
            raise OutboundRefused("an address that is not public")
        return found


class _Stream(httpcore.NetworkStream):
    """A connection whose every read and write has what is left of the call's time, however slowly bytes drip in."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline)), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the call's time is over")
    return left


def _body(headers: Mapping[str, str], chunks: Iterable[bytes]) -> bytes:
    """Nothing is unpacked: endless compressed bytes can stand for no bytes at all, and cost time while they come."""
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise OutboundFailed("an encoding that was not asked for")
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > MAX_BODY:
            raise OutboundFailed("the answer is too large")
    return bytes(body)


@contextlib.contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except (httpcore.TimeoutException, TimeoutError) as error:
        raise OutboundFailed("no answer in time") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        raise OutboundFailed(f"{type(error).__name__}: {error}"[:200]) from error
