"""A site as in production: nginx in front of two nodes, which are processes of their own and share their stores."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from idp.app import create_app
from idp.config import Settings
from idp.context import Provider
from idp.crypto.random import hash_secret, new_secret
from idp.storage import accounts, clients
from tests import schema, services
from tests.certificates import Authority, Held
from tests.conftest import PASSWORD
from tests.journeys.foreign_client import ForeignClient
from tests.nginx import HOST, MTLS_HOST, Loopback, Nginx, running_nginx
from tests.person import Person

ROOT = Path(__file__).resolve().parents[2]
REDIRECT_URI = "https://client.example/callback"
USER = {"username": "driver", "password": PASSWORD}
_START_SECONDS = 60
_SAID = {  # what nodes are told
    *("issuer", "mtls_url", "database_url", "redis_url", "master_key", "argon2_memory_kib", "worker"),
    *("trusted_proxies", "proxy_addresses", "client_ca_bundle", "default_resource"),
}


class Node:
    """One process of the provider, which listens on a loopback port."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.port = services.free_port()
        self._log = log
        said = {name: value for name, value in asdict(settings).items() if name in _SAID}
        texts = {name: ",".join(value) if isinstance(value, tuple) else str(value) for name, value in said.items()}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TONGXING_")}
        self._environment = inherited | {f"TONGXING_{name.upper()}": text for name, text in texts.items()}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--workers", "1", "--blocking-threads", "4", "--no-ws", "wsgi:idp"]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
                command, cwd=ROOT, env=self._environment, stdout=output, stderr=subprocess.STDOUT
            )

    def await_ready(self) -> None:
        ends = time.monotonic() + _START_SECONDS
        while not self._answers():
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"a node does not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=_START_SECONDS)
            self._process = None

    def _answers(self) -> bool:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self.port)) != 0:
                return False
        return httpx.get(f"http://127.0.0.1:{self.port}/healthz", verify=False).status_code == 200  # noqa: S501 - http


class Directly(httpx.BaseTransport):
    """Goes around nginx to one node, from any loopback address, and says what it likes."""

    def __init__(self, node: Node, address: str = "127.0.0.1", headers: Mapping[str, str] | None = None) -> None:
        self._node, self._headers = node, dict(headers or {})
        self._transport = httpx.HTTPTransport(local_address=address, verify=False)  # plain http

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self._node.port)
        headers = httpx.Headers([*request.headers.raw, *httpx.Headers(self._headers).raw])
        return self._transport.handle_request(
            httpx.Request(request.method, url, headers=headers, stream=request.stream)
        )

    def close(self) -> None:
        self._transport.close()


@dataclass
class Site:
    """``provider`` is the test's own door to the stores; ``authority`` issues what tls_client_auth accepts."""

    nginx: Nginx
    nodes: tuple[Node, Node]
    provider: Provider
    authority: Authority
    clients: dict[str, dict[str, Any]] = field(default_factory=dict)
    _closing: ExitStack = field(default_factory=ExitStack)

    @property
    def issuer(self) -> str:
        return self.provider.settings.issuer

    @property
    def mtls_url(self) -> str:
        return self.provider.settings.mtls_url

    def client(self, held: Held | None = None) -> httpx.Client:
        """A program that calls through nginx, with a certificate or without."""
        return self._closing.enter_context(self.nginx.client(held))

    def direct(self, node: int, address: str = "127.0.0.1", **headers: str) -> httpx.Client:
        """A program that calls one node; ``X_Forwarded_For=…`` is the header's value."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._closing.enter_context(httpx.Client(transport=Directly(self.nodes[node], address, named)))

    def person(self, transport: httpx.BaseTransport | None = None, language: str = "zh") -> Person:
        person = Person(language, transport or Loopback(self.nginx.tls()))
        self._closing.callback(person.close)
        return person

    def register(self, client_id: str, **metadata: Any) -> None:
        """Metadata in the words of RFC 7591."""
        document = {
            "redirect_uris": [REDIRECT_URI],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "scope": "openid profile email phone address offline_access",
            "token_endpoint_auth_method": "client_secret_basic",
        } | metadata
        secret = new_secret() if document["token_endpoint_auth_method"].startswith("client_secret") else None
        with self.provider.work() as context:
            hashed = hash_secret(secret) if secret else None
            clients.put(context.db, client_id, document, context.now, secret_hash=hashed, is_first_party=True)
        self.clients[client_id] = {"client_id": client_id, "redirect_uri": REDIRECT_URI}
        if secret:
            self.clients[client_id]["client_secret"] = secret

    def foreign(self, client_id: str, http: httpx.Client | None = None) -> ForeignClient:
        """The registered client as its own program, calling through nginx unless ``http`` goes elsewhere."""
        target = {
            "issuer": self.issuer,
            "clients": self.clients,
            "login_form": {"username_field": "username", "password_field": "password", "submit_id": "login-submit"},
            "consent": {"allow_id": "consent-allow", "deny_id": "consent-deny"},
        }
        return ForeignClient(target, client_id, _http=http or self.client())


@contextmanager
def running_site(folder: Path, database_url: str, redis_url: str) -> Iterator[Site]:
    port, authority = services.free_port(), Authority.new("CN=Clients")
    bundle = folder / "clients.pem"
    bundle.write_text(authority.pem)
    settings = Settings(
        issuer=f"https://{HOST}:{port}",
        database_url=database_url,
        redis_url=redis_url,
        master_key=schema.MASTER_KEY,
        argon2_memory_kib=8192,
        worker="none",
        trusted_proxies=1,
        proxy_addresses=("127.0.0.1",),
        mtls_url=f"https://{MTLS_HOST}:{port}",
        client_ca_bundle=str(bundle),
        default_resource="https://api.example",
    )
    with ExitStack() as stack:
        provider: Provider = create_app(settings).extensions["tongxing"]
        stack.callback(provider.engine.dispose)
        stack.callback(provider.alone.dispose)
        if provider.redis is not None:
            stack.callback(provider.redis.close)
        schema.load_keys(provider)
        _add_user(provider)
        nodes = Node(settings, folder / "node-0.log"), Node(settings, folder / "node-1.log")
        for node in nodes:
            stack.callback(node.stop)
            node.start()
        for node in nodes:
            node.await_ready()
        nginx = stack.enter_context(running_nginx(folder, [node.port for node in nodes], port=port))
        site = Site(nginx, nodes, provider, authority)
        stack.enter_context(site._closing)
        yield site


def _add_user(provider: Provider) -> None:
    hashed = provider.passwords.hash(USER["password"])
    with provider.work() as context:
        values: dict[str, Any] = {"username": USER["username"], "password_hash": hashed, "claims": {"name": "张伟"}}
        accounts.add(context.db, context.vault, now=context.now, **values)
