"""Tokens bound to a certificate at a resource server of the kit (RFC 8705 §3), on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from flask import Flask, jsonify
from hypothesis import given
from hypothesis import strategies as st

from clients.kit.certificate import MAX_LENGTH, ForwardedCertificates, thumbprint
from clients.kit.dpop import ProofVerifier
from clients.kit.errors import AccessDenied
from clients.kit.flask_resource import answer_refusals, current_token, protected
from clients.kit.http import HttpClient
from clients.kit.provider import Provider
from clients.kit.resource import AccessTokenVerifier
from tests.certificates import RFC_8705_EXAMPLE, Held, self_signed
from tests.clients.browser import PLAIN
from tests.clients.op import TestProvider
from tests.clients.serving import serving
from tests.proofs import ProofKey, token_hash

AUDIENCE = "http://127.0.0.1:8300"
BASE = "https://api.example"
PROXY = "127.0.0.1"


@pytest.fixture(scope="module")
def held() -> Held:
    return self_signed()


@pytest.fixture(scope="module")
def other() -> Held:
    return self_signed()


def resource_behind(op: TestProvider, http: HttpClient, *proxies: str) -> Flask:
    app = Flask("resource")
    verifier = AccessTokenVerifier(
        Provider(op.issuer, http), AUDIENCE, proofs=ProofVerifier(BASE), forwarded=ForwardedCertificates(proxies)
    )
    answer_refusals(app)

    @app.get("/read")
    @protected(verifier, "matters.read")
    def read() -> Any:
        return jsonify(sub=current_token().subject)

    return app


@pytest.fixture
def resource(op: TestProvider, http: HttpClient) -> Iterator[str]:
    with serving(resource_behind(op, http, PROXY)) as url:
        yield url


def ask(url: str, token: str, *, scheme: str = "Bearer", **headers: str) -> httpx.Response:
    with httpx.Client(transport=PLAIN) as client:
        return client.get(f"{url}/read", headers={"Authorization": f"{scheme} {token}", **headers})


def bound(op: TestProvider, held: Held, **more: Any) -> str:
    return op.access_token(cnf={"x5t#S256": thumbprint(held.der)} | more)


def refused(answer: httpx.Response, scheme: str = "Bearer") -> bool:
    challenge = answer.headers["WWW-Authenticate"]
    assert answer.status_code == 401
    return challenge.startswith(f"{scheme} ") and 'error="invalid_token"' in challenge and "(cnf)" in challenge


def test_the_thumbprint_is_the_one_of_the_specification() -> None:
    found = read(quote(RFC_8705_EXAMPLE))
    assert found is not None and thumbprint(found) == "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"


def test_a_bound_token_is_good_with_its_certificate(resource: str, op: TestProvider, held: Held) -> None:
    assert ask(resource, bound(op, held), **held.header).json() == {"sub": "person-1"}


def test_a_bound_token_is_no_plain_bearer_token(resource: str, op: TestProvider, held: Held) -> None:
    assert refused(ask(resource, bound(op, held)))
    assert refused(ask(resource, bound(op, held), **{"X-Client-Certificate": ""}))


def test_another_certificate_does_not_help(resource: str, op: TestProvider, held: Held, other: Held) -> None:
    assert refused(ask(resource, bound(op, held), **other.header))


def test_an_unbound_token_does_not_mind_a_certificate(resource: str, op: TestProvider, held: Held) -> None:
    assert ask(resource, op.access_token(), **held.header).status_code == 200


@pytest.mark.parametrize("proxies", [(), ("127.0.0.2", "10.0.0.0/8", "unix")])
def test_the_header_counts_from_a_configured_proxy_only(
    op: TestProvider, http: HttpClient, held: Held, proxies: tuple[str, ...]
) -> None:
    with serving(resource_behind(op, http, *proxies)) as url:
        assert refused(ask(url, bound(op, held), **held.header))
        assert ask(url, op.access_token(), **{"X-Client-Certificate": "x"}).status_code == 200


@pytest.mark.parametrize("member", [{"x5t#S256": 7}, {"x5t#S256": None}, {"x5t#S256": ""}, {"x5t#S256": ["x"]}])
def test_a_malformed_thumbprint_is_nobodys(resource: str, op: TestProvider, held: Held, member: Any) -> None:
    assert refused(ask(resource, op.access_token(cnf=member), **held.header))


@pytest.mark.parametrize("cnf", [{"kid": "x"}, {"jwk": {}}, {"x5t": "x"}, {}, "x", [], 7])
def test_a_binding_unknown_here_is_refused(resource: str, op: TestProvider, held: Held, cnf: Any) -> None:
    assert refused(ask(resource, op.access_token(cnf=cnf), **held.header))


def test_an_unknown_binding_beside_a_known_one_is_refused(resource: str, op: TestProvider, held: Held) -> None:
    assert refused(ask(resource, bound(op, held, kid="x"), **held.header))


def test_of_several_bindings_each_must_be_shown(resource: str, op: TestProvider, held: Held, other: Held) -> None:
    key = ProofKey.new()
    token = bound(op, held, jkt=key.jkt)

    def proof() -> dict[str, str]:
        return {"DPoP": key.sign(key.claims("GET", f"{BASE}/read", ath=token_hash(token)))}

    assert ask(resource, token, scheme="DPoP", **held.header, **proof()).status_code == 200
    assert refused(ask(resource, token, scheme="DPoP", **proof()), "DPoP")
    assert refused(ask(resource, token, scheme="DPoP", **other.header, **proof()), "DPoP")
    assert refused(ask(resource, token, **held.header))
    without = ask(resource, token, scheme="DPoP", **held.header)
    assert without.status_code == 401 and 'error="invalid_dpop_proof"' in without.headers["WWW-Authenticate"]


def test_a_token_bound_to_a_certificate_only_is_no_dpop_token(resource: str, op: TestProvider, held: Held) -> None:
    key, token = ProofKey.new(), bound(op, held)
    proof = key.sign(key.claims("GET", f"{BASE}/read", ath=token_hash(token)))
    assert refused(ask(resource, token, scheme="DPoP", DPoP=proof, **held.header), "DPoP")


def test_whoever_ends_tls_itself_gives_the_certificate(op: TestProvider, http: HttpClient, held: Held) -> None:
    verifier = AccessTokenVerifier(Provider(op.issuer, http), AUDIENCE)
    request: dict[str, Any] = {"method": "GET", "path": "/read", "now": datetime.now(UTC)}
    authorization = f"Bearer {bound(op, held)}"
    assert verifier.verify_request(authorization, [], certificate=held.der, **request).subject == "person-1"
    with pytest.raises(AccessDenied):
        verifier.verify_request(authorization, [], **request)


# --- the header -------------------------------------------------------------------------------------------------------


def read(header: str | None, peer: str = PROXY, *proxies: str) -> bytes | None:
    return ForwardedCertificates(proxies or (PROXY,)).read(peer, header)


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_one_certificate_in_pem_is_read_byte_for_byte(held: Held, end: str) -> None:
    assert read(quote(held.pem.rstrip("\n") + end, safe="")) == held.der


WRONG = {
    "no PEM": lambda _pem: "x",
    "no base64": lambda _pem: "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----",
    "two": lambda pem: pem * 2,
    "joined by a comma": lambda pem: f"{pem},{pem}",
    "another kind": lambda pem: pem.replace("CERTIFICATE", "PRIVATE KEY"),
    "too long": lambda pem: pem + "\n" * MAX_LENGTH,
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_what_is_not_one_certificate_is_a_bad_request(resource: str, op: TestProvider, held: Held, change: Any) -> None:
    answer = ask(resource, op.access_token(), **{"X-Client-Certificate": quote(change(held.pem), safe="")[:60000]})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("peer", "proxies", "is_believed"),
    [
        ("10.1.2.3", ("10.0.0.0/8",), True),
        ("11.1.2.3", ("10.0.0.0/8",), False),
        ("::ffff:10.1.2.3", ("10.0.0.0/8",), True),
        ("fd00::1", ("fd00::/8",), True),
        ("", ("unix",), True),
        ("", ("10.0.0.0/8",), False),
        ("unix", ("unix",), False),
        ("nonsense", ("10.0.0.0/8", "unix"), False),
    ],
)
def test_proxies_are_addresses_networks_and_sockets(
    held: Held, peer: str, proxies: tuple[str, ...], is_believed: bool
) -> None:
    assert (read(quote(held.pem), peer, *proxies) is not None) is is_believed


@pytest.mark.parametrize("proxy", ["nginx", "10.0.0.1/8", ""])
def test_a_proxy_that_is_no_address_is_a_mistake_at_the_start(proxy: str) -> None:
    with pytest.raises(ValueError):
        ForwardedCertificates([proxy])


@given(st.text(max_size=300))
def test_no_header_breaks_it(header: str) -> None:
    try:
        found = read(header)
    except AccessDenied as denied:
        assert (denied.error, denied.status) == ("invalid_request", 400)
    else:
        assert found is None and not header
