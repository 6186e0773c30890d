"""The one guarded way out: every HTTP request the kit makes has a deadline, a size cap, and follows no redirect."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from clients.kit.deadline import DeadlineTransport
from clients.kit.errors import ProviderUnavailable, ServiceUnavailable

TOTAL_TIMEOUT = timedelta(seconds=5)
MAX_RESPONSE = 64 * 1024
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})

_shared_deadline: ContextVar[float | None] = ContextVar("kit_http_deadline", default=None)


class JsonInvalid(ValueError):
    """Bytes that are not one JSON object."""


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`. Raises JsonInvalid for anything else, NaN and bottomless nesting included."""
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise JsonInvalid("not JSON") from error
    if not isinstance(value, dict):
        raise JsonInvalid("not a JSON object")
    return value


def _refuse_constant(name: str) -> None:
    raise JsonInvalid(f"{name} is not JSON")


def is_secure_url(url: str) -> bool:
    """True for https, and for http to this very machine (development and demonstration)."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK_HOSTS)


@dataclass(frozen=True)
class Answer:
    """A complete response: status, headers (names case-insensitive), body of at most 64 KiB."""

    status: int
    headers: httpx.Headers
    body: bytes

    def json_object(self) -> dict[str, Any]:
        return json_object(self.body)


class HttpClient:
    """One connection pool for all calls of a process; safe to share between threads.

    A request takes at most `timeout` in all, from connecting to the last byte; requests made inside `within()` share
    one such budget. `unavailable` is the error raised when there is no usable answer; `transport` replaces the network
    (httpx.WSGITransport for a provider in the same process).
    """

    def __init__(
        self,
        *,
        timeout: timedelta = TOTAL_TIMEOUT,
        tls: ssl.SSLContext | None = None,
        unavailable: type[ServiceUnavailable] = ProviderUnavailable,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.timeout = timeout
        self.unavailable = unavailable
        # Proxies and credentials are never taken from the environment: calls carry client credentials.
        self._client = httpx.Client(
            transport=transport or DeadlineTransport(tls), follow_redirects=False, trust_env=False
        )

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def within(self, budget: timedelta | None = None) -> Iterator[None]:
        """Let all requests in this block together take no longer than `budget` (default: the time-out of one)."""
        deadline = time.monotonic() + (self.timeout if budget is None else budget).total_seconds()
        outer = _shared_deadline.get()
        reset = _shared_deadline.set(deadline if outer is None else min(outer, deadline))
        try:
            yield
        finally:
            _shared_deadline.reset(reset)

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        return self.send("GET", url, headers=headers)

    def post(self, url: str, *, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        return self.send("POST", url, headers=headers, form=form)

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Answer:
        """Send `form` url-encoded or `body` as JSON. Raises `unavailable` when no complete answer came in time."""
        if not is_secure_url(url):
            raise self.unavailable(f"refusing to call an insecure address of {_origin(url)}")
        request = self._client.build_request(
            method, url, headers=self._headers(headers), data=form, json=body, extensions={"deadline": self._deadline()}
        )
        try:
            return self._receive(request)
        except (httpx.HTTPError, httpx.StreamError, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise self.unavailable(f"{_origin(url)} did not answer: {type(error).__name__}") from error
        except (httpcore.TimeoutException, TimeoutError) as error:
            raise self.unavailable(f"{_origin(url)} did not answer in time") from error

    def _headers(self, given: Mapping[str, str] | None) -> dict[str, str]:
        # No compression: 64 KiB on the wire then are 64 KiB in memory, whoever sends them.
        return {"Accept": "application/json", "Accept-Encoding": "identity", **(given or {})}

    def _deadline(self) -> float:
        own = time.monotonic() + self.timeout.total_seconds()
        shared = _shared_deadline.get()
        return own if shared is None else min(own, shared)

    def _receive(self, request: httpx.Request) -> Answer:
        response = self._client.send(request, stream=True)
        try:
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise self.unavailable(f"{_origin(str(request.url))} sent a compressed answer that was not asked for")
            received = bytearray()
            for chunk in response.iter_raw():
                received += chunk
                if len(received) > MAX_RESPONSE:
                    raise self.unavailable(f"{_origin(str(request.url))} sent more than {MAX_RESPONSE} bytes")
            return Answer(response.status_code, response.headers, bytes(received))
        finally:
            response.close()


def _origin(url: str) -> str:
    """Scheme and host of `url`: all that may stand in a log line, for a query can carry secrets."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    except ValueError:
        return "an unparsable address"
