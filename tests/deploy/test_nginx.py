"""deploy/nginx by itself: what the real nginx answers and logs with it, whatever is behind."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
from collections.abc import Iterable, Iterator
from http.client import HTTPResponse
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import httpx
import pytest

from tests import services
from tests.certificates import self_signed
from tests.nginx import CONFIGURATION, HOST, MTLS_HOST, Nginx, program, running_nginx

HTML = {"Accept": "text/html,application/xhtml+xml"}


def _echo(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """A node that says what reached it."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    headers = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"headers": headers, "body": len(environ["wsgi.input"].read(length))}).encode()]


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """In front of one node, each host on a port of its own."""
    with (
        services.running_wsgi(_echo) as node,
        running_nginx(
            tmp_path_factory.mktemp("nginx"), [int(node.rpartition(":")[2])], mtls_port=services.free_port()
        ) as running,
    ):
        yield running


@pytest.fixture
def http(nginx: Nginx) -> Iterator[httpx.Client]:
    with nginx.client() as client:
        yield client


def test_what_reaches_a_node_of_a_callers_headers(nginx: Nginx, http: httpx.Client) -> None:
    said = "X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host X-Forwarded-Port X-Forwarded-Prefix X-Forwarded-Server"
    said += " X-Real-IP Forwarded Proxy X-Client-Certificate X_Client_Certificate X_Forwarded_For"
    for url, host in (nginx.url, f"{HOST}:{nginx.port}"), (nginx.mtls_url, f"{MTLS_HOST}:{nginx.mtls_port}"):
        headers = http.get(url, headers=dict.fromkeys(said.split(), "spoofed")).json()["headers"]
        assert "spoofed" not in headers.values()
        assert (headers["HTTP_HOST"], headers["HTTP_X_FORWARDED_PROTO"]) == (host, "https")
        assert headers["HTTP_X_FORWARDED_FOR"] == "127.0.0.1"
        assert "HTTP_X_CLIENT_CERTIFICATE" not in headers


def test_a_certificate_reaches_a_node_through_the_mutual_tls_host_only(nginx: Nginx) -> None:
    held = self_signed()
    with nginx.client(held) as http:
        there = http.post(nginx.mtls_url, data={"a": "b"}).json()
        assert there["headers"]["HTTP_X_CLIENT_CERTIFICATE"] == held.header["X-Client-Certificate"]
        assert there["body"] == 3
        assert "HTTP_X_CLIENT_CERTIFICATE" not in http.get(nginx.url).json()["headers"]


@pytest.mark.parametrize("size", [0, 20_000, 65_536])
def test_bodies_of_64_kib_reach_a_node(nginx: Nginx, http: httpx.Client, size: int) -> None:
    assert http.post(nginx.url, content=b"x" * size).json()["body"] == size


@pytest.mark.parametrize("headers", [{}, HTML])
@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (413, {"method": "POST", "content": b"x" * 65_537}),
        (414, {"method": "GET", "params": {"a": "x" * 33_000}}),
        (400, {"method": "GET", "headers": {"A": "x" * 33_000}}),
        (400, {"method": "GET", "extensions": {"target": b"no-path"}}),
    ],
)
def test_refusals_of_its_own_are_in_the_callers_format(
    nginx: Nginx, http: httpx.Client, status: int, request_: dict[str, Any], headers: dict[str, str]
) -> None:
    sent = request_ | {"headers": request_.get("headers", {}) | headers}
    response = http.request(url=nginx.url, **sent)
    assert response.status_code == status
    _check_own_answer(response, "invalid_request", is_page=headers == HTML and status == 413)


RAW = {
    "a method of nobody": (405, b"TRACE /token HTTP/1.1\r\n@"),
    "a proxy's method": (405, b"CONNECT /token HTTP/1.1\r\n@"),
    "a proxy's target": (400, b"CONNECT evil.example:443 HTTP/1.1\r\n@"),
    "a method in small letters": (400, b"get / HTTP/1.1\r\n@"),
    "no address": (400, b"OPTIONS * HTTP/1.1\r\n@"),
    "an address above the root": (400, b"GET /../token HTTP/1.1\r\n@"),
    "an address with a broken escape": (400, b"GET /a%zz HTTP/1.1\r\n@"),
    "an address with an escaped null": (400, b"GET /a%00 HTTP/1.1\r\n@"),
    "an address of raw bytes": (400, b"GET /authorize?state=\xff HTTP/1.1\r\n@"),
    "an address of raw UTF-8": (400, b"GET /authorize?state=\xe5\xae\xa2 HTTP/1.1\r\n@"),
    "another protocol": (400, b"GET / HTTQ/1.1\r\n@"),
    "an older great version": (400, b"GET / HTTP/2.0\r\n@"),
    "an unknown great version": (400, b"GET / HTTP/9.9\r\n@"),
    "no host": (400, b"GET / HTTP/1.1\r\n"),
    "two hosts": (400, b"GET / HTTP/1.1\r\n@@"),
    "a host that is none": (400, b"GET / HTTP/1.1\r\nHost: a b\r\n"),
    "a null in a header": (400, b"GET / HTTP/1.1\r\n@A: \x00\r\n"),
    "headers beyond measure": (
        400,
        b"GET / HTTP/1.1\r\n@" + b"".join(b"A%d: %s\r\n" % (n, b"a" * 9999) for n in range(20)),
    ),
    "an unknown transfer coding": (400, b"POST /token HTTP/1.1\r\n@Transfer-Encoding: gzip, chunked\r\n"),
    "no transfer coding": (400, b"POST /token HTTP/1.1\r\n@Transfer-Encoding: identity\r\n"),
    "two transfer codings": (400, b"POST /token HTTP/1.1\r\n@" + b"Transfer-Encoding: chunked\r\n" * 2),
    "a length and a transfer coding": (400, b"POST / HTTP/1.1\r\n@Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
    "two lengths": (400, b"POST / HTTP/1.1\r\n@Content-Length: 1\r\nContent-Length: 2\r\n"),
    "a length that is no number": (400, b"POST / HTTP/1.1\r\n@Content-Length: -1\r\n"),
    "a length above the limit": (413, b"POST / HTTP/1.1\r\n@Content-Length: 65537\r\n"),
    "broken chunks": (400, b"POST / HTTP/1.1\r\n@Transfer-Encoding: chunked\r\n\r\nzz"),
    "the health of a node": (404, b"GET /healthz HTTP/1.1\r\n@"),
    "a page of nginx's own": (404, b"GET /tongxing-refused.json HTTP/1.1\r\n@"),
}


@pytest.mark.parametrize("host", [HOST, MTLS_HOST])
@pytest.mark.parametrize(("status", "head"), RAW.values(), ids=RAW)
def test_what_no_library_sends_is_refused_like_anything_else(nginx: Nginx, host: str, status: int, head: bytes) -> None:
    """Never a page of nginx's, never a 5xx: the fault is the caller's."""
    port = nginx.port if host == HOST else nginx.mtls_port
    response = _exchange(nginx, host, port, head.replace(b"@", b"Host: %s:%d\r\n" % (host.encode(), port)))
    assert response.status_code == status
    _check_own_answer(response, "invalid_request", is_page=False)
    assert response.headers.get("Allow") == ("GET, HEAD, POST, PUT, DELETE, OPTIONS" if status == 405 else None)


def _exchange(nginx: Nginx, host: str, port: int, head: bytes) -> httpx.Response:
    """Say exactly that over TLS."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        nginx.tls().wrap_socket(plain, server_hostname=host) as secured,
    ):
        secured.sendall(head + b"Connection: close\r\n\r\n")
        answer = HTTPResponse(secured)
        answer.begin()
        return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())


@pytest.mark.parametrize("headers", [{}, HTML])
def test_nodes_that_do_not_answer_are_a_moments_trouble(tmp_path: Path, headers: dict[str, str]) -> None:
    with running_nginx(tmp_path, [services.free_port(), services.free_port()]) as nginx, nginx.client() as http:
        for url in nginx.url, nginx.mtls_url:
            response = http.post(f"{url}/token", headers=headers, data={"a": "b"})
            assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
            _check_own_answer(response, "temporarily_unavailable", is_page=headers == HTML)


def test_a_node_that_speaks_no_good_http_is_a_moments_trouble(tmp_path: Path) -> None:
    class Nonsense(StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            self.wfile.write(b"HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n")

    with ThreadingTCPServer(("127.0.0.1", 0), Nonsense) as node:
        Thread(target=node.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        with running_nginx(tmp_path, [node.server_address[1]]) as nginx, nginx.client() as http:
            response = http.get(f"{nginx.url}/jwks")
            assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
            _check_own_answer(response, "temporarily_unavailable", is_page=False)
        node.shutdown()


def _check_own_answer(response: httpx.Response, error: str, *, is_page: bool) -> None:
    assert response.headers["Server"] == "nginx"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    if is_page:
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert response.text.startswith("<!doctype html>")
    else:
        assert response.headers["Content-Type"] == "application/json"
        assert response.json()["error"] == error


def test_the_health_of_nodes_is_nobodys_business_outside(nginx: Nginx, http: httpx.Client) -> None:
    for url in nginx.url, nginx.mtls_url:
        response = http.get(f"{url}/healthz", headers=HTML)
        assert response.status_code == 404
        _check_own_answer(response, "invalid_request", is_page=True)


def test_plain_http_is_not_spoken(nginx: Nginx) -> None:
    for port in nginx.port, nginx.mtls_port:
        answer = httpx.get(f"http://127.0.0.1:{port}/", verify=False)  # noqa: S501 - there is nothing to verify
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("host", [HOST, MTLS_HOST])
def test_no_tls_session_is_taken_up_again(nginx: Nginx, host: str) -> None:
    tls, session = nginx.tls(), None
    tls.maximum_version = ssl.TLSVersion.TLSv1_2  # where a session is known as soon as the handshake is over
    port = nginx.port if host == HOST else nginx.mtls_port
    for _ in range(2):
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            tls.wrap_socket(plain, server_hostname=host, session=session) as secured,
        ):
            assert not secured.session_reused
            session = secured.session


def test_the_logs_hold_no_query(tmp_path: Path) -> None:
    with running_nginx(tmp_path, [services.free_port()]) as nginx:
        with nginx.client() as http:
            http.get(f"{nginx.url}/callback?code=a-secret", headers={"Referer": "https://x.example/?code=a-secret"})
            http.get(f"{nginx.url}/{'x' * 40_000}?code=a-secret")
        nginx.stop()
    access = (tmp_path / "access.log").read_text()
    assert '"GET /callback" 503' in access
    assert "a-secret" not in access + (tmp_path / "error.log").read_text()


def test_every_word_to_fill_in_is_explained() -> None:
    words = {word for path in CONFIGURATION.glob("*.in") for word in re.findall(r"@([A-Z_]+)@", path.read_text())}
    explained = set(re.findall(r"^\| `@([A-Z_]+)@`", (CONFIGURATION / "README.md").read_text(), re.MULTILINE))
    assert words == explained


def test_nginx_finds_nothing_to_warn_of(nginx: Nginx) -> None:
    command = [program(), "-t", "-c", str(nginx.folder / "nginx.conf"), "-e", "stderr"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr  # noqa: S603 - our own arguments
    warnings = [line for line in said.splitlines() if "[warn]" in line and '"listen ... http2"' not in line]
    assert not warnings  # newer versions than Debian 12's would have http2 said elsewhere
