"""Relying parties of openid-client with a certificate log in through the real nginx of deploy/nginx (RFC 8705)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from idp.context import Provider
from idp.protocol.mtls import thumbprint
from tests.certificates import Authority, Held, self_signed
from tests.interop.openid_client import OpenidClient, Refused
from tests.interop.parties import KEYS, SCOPE, check_life
from tests.interop.visitor import Visitor
from tests.journeys.foreign_client import payload
from tests.nginx import HOST, MTLS_HOST, Nginx, running_nginx
from tests.person import Person

DN = "CN=fleet"
REDIRECT_URI = "https://client.example/callback"
BOUND = {"tls_client_certificate_bound_access_tokens": True, "redirect_uris": [REDIRECT_URI]}


@dataclass
class Fronted:
    """A provider behind nginx, and the authority whose certificates tls_client_auth accepts."""

    provider: Provider
    nginx: Nginx
    authority: Authority
    folder: Path

    def tls(self, held: Held | None) -> dict[str, str]:
        """What Node is to believe and to show, in PEM."""
        believed = {"ca": self.nginx.authority.pem}
        if held is None:
            return believed
        certificate, key = held.write(self.folder, "party")
        return believed | {"cert": Path(certificate).read_text(), "key": Path(key).read_text()}


@pytest.fixture
def fronted(
    make_app: Callable[..., Any], serve: Callable[..., str], free_port: Callable[[], int], tmp_path: Path
) -> Iterator[Fronted]:
    port, node, authority = free_port(), free_port(), Authority.new("CN=Clients")
    bundle = tmp_path / "clients.pem"
    bundle.write_text(authority.pem)
    names = {"issuer": f"https://{HOST}:{port}", "mtls_url": f"https://{MTLS_HOST}:{port}"}
    app = make_app(**names, client_ca_bundle=str(bundle), trusted_proxies=1, proxy_addresses=("127.0.0.1",))
    serve(app, node)
    with running_nginx(tmp_path, [node], port=port) as nginx:
        yield Fronted(app.extensions["tongxing"], nginx, authority, tmp_path)


@pytest.fixture
def visitor(fronted: Fronted, add_person: Any, everything: dict[str, Any]) -> Iterator[Visitor]:
    person = Person("en", fronted.nginx.transport())
    yield Visitor(person, str(add_person(provider=fronted.provider, **everything).username))
    person.close()


@pytest.fixture
def party(node: OpenidClient, fronted: Fronted, register_client: Any) -> Callable[..., OpenidClient]:
    """`party(method, held, …)` registers a client and makes the library find it through nginx."""

    def make(method: str, held: Held, **metadata: Any) -> OpenidClient:
        document = {"token_endpoint_auth_method": method} | BOUND | metadata
        register_client("party", provider=fronted.provider, **document)
        _discover(node, fronted, held, method, **metadata)
        return node

    return make


def _discover(node: OpenidClient, fronted: Fronted, held: Held | None, method: str, **metadata: Any) -> None:
    known = {name: value for name, value in metadata.items() if name.endswith("_alg")}
    node.call(
        "discover",
        issuer=fronted.provider.settings.issuer,
        client_id="party",
        metadata=known | {"use_mtls_endpoint_aliases": held is not None},
        auth={"method": method, "jwk": KEYS["PS256"][0]},
        tls=fronted.tls(held),
    )


FAPI = {"profile": "fapi2", "id_token_signed_response_alg": "PS256"}


@pytest.mark.parametrize(
    ("method", "way", "metadata"),
    [
        ("tls_client_auth", "plain", {"tls_client_auth_subject_dn": DN}),
        ("tls_client_auth", "par", {"tls_client_auth_subject_dn": DN} | FAPI),
        ("self_signed_tls_client_auth", "par", {}),
        ("private_key_jwt", "par", {"jwks": {"keys": [KEYS["PS256"][1]]}} | FAPI),
        ("none", "plain", {}),
    ],
)
def test_client_with_a_certificate_logs_in(
    party: Any, fronted: Fronted, visitor: Visitor, method: str, way: str, metadata: dict[str, Any]
) -> None:
    """It authenticates by it (§2) or by something else, and its tokens are bound to it (§3)."""
    held = self_signed() if method == "self_signed_tls_client_auth" else fronted.authority.issue(DN)
    keys = {"jwks": {"keys": [held.jwk()]}} if method == "self_signed_tls_client_auth" else {}
    client = party(method, held, **keys, **metadata)
    started = client.call("begin", parameters={"redirect_uri": REDIRECT_URI, "scope": SCOPE}, way=way)
    tokens = client.call("finish", **visitor.answer(started["url"], REDIRECT_URI))
    assert payload(tokens["access_token"])["cnf"] == {"x5t#S256": thumbprint(held.der)}
    for wrong in None, self_signed():
        thief = client.named("thief")
        _discover(thief, fronted, wrong, "none")
        with pytest.raises(Refused) as refused:
            thief.call("userinfo", token=tokens["access_token"])
        assert refused.value.details["status"] == 401
    check_life(client, tokens)  # at the aliases (§5)
