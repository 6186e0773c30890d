"""An HTTP transport whose deadline covers the whole exchange, not each single read.

An ordinary read time-out starts anew with every byte, so a peer that sends one byte a second is never cut off. Here
each socket operation gets what is left of the request's deadline (`extensions["deadline"]`, monotonic seconds).
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import httpcore
import httpx

_deadline: ContextVar[float] = ContextVar("kit_request_deadline")

MAX_CONNECTIONS = 100
# Shorter than the servers' own, so that a connection is rarely found closed when a request is about to use it.
KEEPALIVE_SECONDS = 4.0


@lru_cache(maxsize=1)
def system_certificates() -> ssl.SSLContext:
    """The system's certificate authorities, loaded once in a process: that takes longer than many a request."""
    return httpx.create_ssl_context(trust_env=False)


def _remaining() -> float:
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("deadline passed")
    return left


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _remaining())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _remaining())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, _remaining()))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _DeadlineBackend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _DeadlineStream(self._backend.connect_tcp(host, port, _remaining(), local_address, socket_options))


class _ResponseStream(httpx.SyncByteStream):
    """The body, read under the deadline of its own request."""

    def __init__(self, response: httpcore.Response, deadline: float) -> None:
        self._response = response
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._response.iter_stream():
            if time.monotonic() > self._deadline:
                raise httpcore.ReadTimeout("deadline passed")
            yield chunk

    def close(self) -> None:
        self._response.close()


class DeadlineTransport(httpx.BaseTransport):
    """httpx transport on a connection pool whose sockets obey the request's deadline."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls or system_certificates(),
            max_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=_DeadlineBackend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        deadline = float(request.extensions["deadline"])
        _deadline.set(deadline)
        response = self._pool.handle_request(self._core_request(request))
        return httpx.Response(response.status, headers=response.headers, stream=_ResponseStream(response, deadline))

    def close(self) -> None:
        self._pool.close()

    @staticmethod
    def _core_request(request: httpx.Request) -> httpcore.Request:
        url = httpcore.URL(
            scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path
        )
        # Waiting for a free connection counts too.
        timeout = {"pool": max(0.0, float(request.extensions["deadline"]) - time.monotonic())}
        return httpcore.Request(
            request.method, url, headers=request.headers.raw, content=request.stream, extensions={"timeout": timeout}
        )
