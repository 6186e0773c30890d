"""The real nginx with the configuration of deploy/nginx, in front of nodes of the provider, and callers who speak TLS.

Host names mean nothing to this machine: callers find every name on the loopback address, as a resolver would say.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests import services
from tests.certificates import SERVERS, Authority, Held, new_key
from tests.certificates import dns_names as names

CONFIGURATION = Path(__file__).resolve().parents[1] / "deploy/nginx"
HOST, MTLS_HOST = "idp.tongxing.test", "mtls.tongxing.test"
_START_SECONDS = 30


@dataclass
class Nginx:
    """A running nginx. ``authority`` issued its certificates: an EC one for the public host, RSA for the other."""

    folder: Path
    port: int
    mtls_port: int
    authority: Authority
    _process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    @property
    def mtls_url(self) -> str:
        return f"https://{MTLS_HOST}:{self.mtls_port}"

    def tls(self, held: Held | None = None) -> ssl.SSLContext:
        """What a caller believes, and the certificate it has."""
        context = ssl.create_default_context(cadata=self.authority.pem)
        if held is not None:
            context.load_cert_chain(*held.write(self.folder, f"caller-{id(held)}"))
        return context

    def transport(self, held: Held | None = None) -> Loopback:
        return Loopback(self.tls(held))

    def client(self, held: Held | None = None) -> httpx.Client:
        """A program with (or without) a certificate; it keeps connections, no cookies."""
        return httpx.Client(transport=self.transport(held), timeout=15)

    def stop(self) -> None:
        """Let requests end, then end; afterwards the log is complete."""
        if self._process.poll() is None:
            self._process.send_signal(3)  # QUIT
            try:
                self._process.wait(timeout=2)
            except subprocess.TimeoutExpired:  # somebody keeps a connection
                self._process.terminate()
                self._process.wait(timeout=_START_SECONDS)


class Loopback(httpx.BaseTransport):
    """Finds every host on 127.0.0.1, but greets it by its name, as its certificate is checked by it."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._of_host: dict[str, httpx.HTTPTransport] = {}  # connections are of one name

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        transport = self._of_host.setdefault(host, httpx.HTTPTransport(verify=self._tls))
        extensions = dict(request.extensions) | {"sni_hostname": host}
        url, headers = request.url.copy_with(host="127.0.0.1"), request.headers
        there = httpx.Request(request.method, url, headers=headers, stream=request.stream, extensions=extensions)
        return transport.handle_request(there)

    def close(self) -> None:
        for transport in self._of_host.values():
            transport.close()


@contextlib.contextmanager
def running_nginx(
    folder: Path, nodes: Sequence[int], *, port: int | None = None, mtls_port: int | None = None
) -> Iterator[Nginx]:
    """Start nginx out of ``folder`` in front of nodes on these ports; on one port for both hosts unless told."""
    port = port or services.free_port()
    mtls_port = mtls_port or port
    authority = Authority.new("CN=Servers")
    values = {
        "FOLDER": str(folder),
        "NODES": " ".join(f"server 127.0.0.1:{node} max_fails=1 fail_timeout=1s;" for node in nodes),
        "LISTEN": f"127.0.0.1:{port}",
        "HOST": HOST,
        "MTLS_LISTEN": f"127.0.0.1:{mtls_port}",
        "MTLS_HOST": MTLS_HOST,
    }
    for prefix, host, kind in ("", HOST, "EC"), ("MTLS_", MTLS_HOST, "RSA"):
        held = authority.issue(f"CN={host}", key=new_key(kind), names=names(host), usages=[SERVERS])
        values[f"{prefix}CERTIFICATE"], values[f"{prefix}CERTIFICATE_KEY"] = held.write(folder, host)
    write_configuration(folder, values)
    command = [program(), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log"), "-g", "daemon off;"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:  # noqa: S603 - our own arguments
        nginx = Nginx(folder, port, mtls_port, authority, process)
        try:
            for listening in {port, mtls_port}:
                _await_port(listening, process)
            yield nginx
        finally:
            nginx.stop()


def write_configuration(folder: Path, values: Mapping[str, str]) -> None:
    """The files of deploy/nginx with their words filled in, as an operator does it."""
    shutil.copytree(CONFIGURATION / "tongxing", folder / "tongxing", dirs_exist_ok=True)
    (folder / "temporary").mkdir(exist_ok=True)
    for name in "nginx.conf", "site.conf":
        text = (CONFIGURATION / f"{name}.in").read_text()
        for word, value in values.items():
            text = text.replace(f"@{word}@", value)
        (folder / name).write_text(text)


def program() -> str:
    path = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if path is None:
        raise services.ServiceMissing("nginx is not installed: apt install nginx")
    return path


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + _START_SECONDS
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None or time.monotonic() > ends:
            said = process.stderr.read().decode() if process.poll() is not None and process.stderr else "nothing"
            raise RuntimeError(f"nginx does not answer; it said: {said}")
        time.sleep(0.02)
