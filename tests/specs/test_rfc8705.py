"""Mutual TLS by RFC 8705: §2.1 and §2.2 (client authentication), §3.3 (metadata), §5 (aliases), and the header by which
a proxy passes a certificate on. Certificates reach the real TLS in tests/journeys/test_behind_nginx.py."""

from __future__ import annotations

import base64
import ipaddress
import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some
from werkzeug.test import TestResponse

from idp.config import Settings, SettingsError, from_table
from idp.outbound import Answer
from idp.protocol import mtls
from idp.protocol.certificate_subjects import SUBJECTS
from idp.web import client_certificate
from tests.assertions import AssertionKey
from tests.certificates import CLIENTS, DAY, RFC_8705_EXAMPLE, SERVERS, Authority, Held, new_key, self_signed
from tests.clock import Clock
from tests.proofs import ProofKey
from tests.token_side import REDIRECT_URI, TokenSide, basic

MTLS = "https://mtls.example"
CC = {"grant_type": "client_credentials"}
DN = "CN=client,O=车队,C=CN"
REFUSED, TWO = (401, "invalid_client"), (400, "invalid_request")


@dataclass(frozen=True)
class World:
    """Authorities: ``root`` counts, ``middle`` was issued by it, ``stranger`` counts for nothing."""

    root: Authority
    middle: Authority
    stranger: Authority
    bundle: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    root = Authority.new("CN=Root")
    bundle = tmp_path_factory.mktemp("authorities") / "bundle.pem"
    bundle.write_text(root.pem)
    return World(root, Authority.new("CN=Middle", by=root), Authority.new("CN=Root"), str(bundle))


@pytest.fixture
def settings(settings: Settings, world: World) -> Settings:
    return replace(settings, trusted_proxies=1, mtls_url=MTLS, client_ca_bundle=world.bundle)


Call = Callable[..., TestResponse]


@pytest.fixture
def call(side: TokenSide) -> Call:
    """A form to the mutual-TLS host with a certificate, as the proxy passes both on."""

    def post(held: Held | None, path: str = "/token", headers: Any = None, base_url: str = MTLS, **form: Any) -> Any:
        sent = (held.header if held else {}) | (headers or {})
        return side.http.post(path, data=CC | form, headers=sent, base_url=base_url)

    return post


def outcome(response: TestResponse) -> tuple[int, str | None]:
    return response.status_code, response.json.get("error")


OK = (200, None)


# --- §2.1 tls_client_auth -------------------------------------------------------------------------------------------


NAMES: list[x509.GeneralName] = [
    x509.DNSName("Fleet.example"),
    x509.UniformResourceIdentifier("urn:fleet:7"),
    x509.IPAddress(ipaddress.ip_address("192.0.2.7")),
    x509.IPAddress(ipaddress.ip_address("2001:db8::7")),
    x509.RFC822Name("Fleet@Example.org"),
]
SUBJECT_ROWS = [
    # §2.1.2: the registered subject, and whether it is the certificate's
    ("tls_client_auth_subject_dn", DN, True),
    ("tls_client_auth_subject_dn", "cn=Client,o=车队,c=cn", True),  # RFC 5280 §7.1: case does not count
    ("tls_client_auth_subject_dn", r"CN=\63lient,O=\E8\BD\A6\E9\98\9F,C=CN", True),  # RFC 4514 §2.4: escapes
    ("tls_client_auth_subject_dn", "2.5.4.3=client,2.5.4.10=车队,2.5.4.6=CN", True),
    ("tls_client_auth_subject_dn", "2.5.4.3=#0c06636c69656e74,O=车队,C=CN", True),  # in BER
    ("tls_client_auth_subject_dn", "C=CN,O=车队,CN=client", False),  # another order is another name
    ("tls_client_auth_subject_dn", "CN=client", False),
    ("tls_client_auth_subject_dn", "CN=client,O=车队,C=CN,C=CN", False),
    ("tls_client_auth_subject_dn", "CN=client+O=车队,C=CN", False),
    ("tls_client_auth_subject_dn", "CN=other,O=车队,C=CN", False),
    ("tls_client_auth_subject_dn", "O=client,CN=车队,C=CN", False),
    ("tls_client_auth_subject_dn", "CN=clien*,O=车队,C=CN", False),
    ("tls_client_auth_subject_dn", "client", False),
    ("tls_client_auth_subject_dn", "CN=client,", False),
    ("tls_client_auth_subject_dn", ["CN=client"], False),
    ("tls_client_auth_san_dns", "fleet.example", True),
    ("tls_client_auth_san_dns", "FLEET.example", True),
    ("tls_client_auth_san_dns", "example", False),
    ("tls_client_auth_san_dns", "*.example", False),
    ("tls_client_auth_san_dns", "a.fleet.example", False),
    ("tls_client_auth_san_dns", "urn:fleet:7", False),
    ("tls_client_auth_san_uri", "urn:fleet:7", True),
    ("tls_client_auth_san_uri", "URN:fleet:7", False),
    ("tls_client_auth_san_uri", "urn:fleet:77", False),
    ("tls_client_auth_san_uri", "fleet.example", False),
    ("tls_client_auth_san_ip", "192.0.2.7", True),
    ("tls_client_auth_san_ip", "2001:DB8:0:0::7", True),
    ("tls_client_auth_san_ip", "192.0.2.8", False),
    ("tls_client_auth_san_ip", "192.0.2.0/24", False),
    ("tls_client_auth_san_ip", "fleet.example", False),
    ("tls_client_auth_san_email", "Fleet@example.ORG", True),
    ("tls_client_auth_san_email", "fleet@example.org", False),  # RFC 5280 §7.5: only the host is case-insensitive
    ("tls_client_auth_san_email", "Fleet@sub.example.org", False),
    ("tls_client_auth_san_email", "Example.org", False),
]


@pytest.mark.parametrize(("member", "registered", "is_theirs"), SUBJECT_ROWS)
def test_the_registered_subject_decides(
    side: TokenSide, call: Call, world: World, member: str, registered: Any, is_theirs: bool
) -> None:
    side.caller(token_endpoint_auth_method="tls_client_auth", **{member: registered})
    held = world.root.issue(DN, names=NAMES, usages=[CLIENTS])
    assert outcome(call(held, client_id="client")) == (OK if is_theirs else REFUSED)


SEVERAL: list[dict[str, str]] = [
    {},
    {"tls_client_auth_subject_dn": ""},
    {"tls_client_auth_subject_dn": DN, "tls_client_auth_san_dns": "fleet.example"},
    {"tls_client_auth_subject_dn": DN, "tls_client_auth_san_dns": "other.example"},
]


@pytest.mark.parametrize("members", SEVERAL)
def test_one_subject_must_be_registered_and_only_one(
    side: TokenSide, call: Call, world: World, members: dict[str, str]
) -> None:
    side.caller(token_endpoint_auth_method="tls_client_auth", **members)
    assert outcome(call(world.root.issue(DN, names=NAMES), client_id="client")) == REFUSED


def test_a_nameless_certificate_is_nobodys(side: TokenSide, call: Call, world: World) -> None:
    side.caller(token_endpoint_auth_method="tls_client_auth", tls_client_auth_subject_dn="")
    assert outcome(call(world.root.issue(""), client_id="client")) == REFUSED


@pytest.mark.parametrize(
    ("member", "text"),
    [
        ("tls_client_auth_subject_dn", ""),
        ("tls_client_auth_subject_dn", "client"),
        ("tls_client_auth_subject_dn", "XY=client"),
        ("tls_client_auth_san_dns", "not a name"),
        ("tls_client_auth_san_dns", ""),
        ("tls_client_auth_san_uri", "no scheme"),
        ("tls_client_auth_san_ip", "300.1.1.1"),
        ("tls_client_auth_san_email", "nobody"),
    ],
)
def test_what_is_no_subject_is_told_before_it_is_registered(member: str, text: str) -> None:
    with pytest.raises(ValueError):
        SUBJECTS[member].read(text)


def issued(world: World, **options: Any) -> Held:
    return world.root.issue(DN, **options)


WRONG: dict[str, Callable[[World], Held | None]] = {
    "none at all": lambda world: None,
    "another authority of the same name": lambda world: world.stranger.issue(DN),
    "an authority below ours that is not in the bundle": lambda world: world.middle.issue(DN),
    "nobody's": lambda world: self_signed(DN),
    "an authority's own": lambda world: Authority.new(DN, by=world.root).held,
    "expired": lambda world: issued(world, begins=-2 * DAY, ends=-DAY / 24),
    "not valid yet": lambda world: issued(world, begins=DAY / 24),
    "for servers": lambda world: issued(world, usages=[SERVERS]),
    "for mail": lambda world: issued(world, usages=[ExtendedKeyUsageOID.EMAIL_PROTECTION]),
    "of a weak key": lambda world: issued(world, key=new_key("RSA1024")),
    "with a demand we do not know": lambda world: issued(
        world, extensions=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)]
    ),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_certificate_proves_nothing(
    side: TokenSide, call: Call, world: World, wrong: Callable[[World], Held | None]
) -> None:
    side.caller(token_endpoint_auth_method="tls_client_auth", tls_client_auth_subject_dn=DN)
    response = call(wrong(world), client_id="client")
    assert outcome(response) == REFUSED
    assert response.json["error_description"] == "Client authentication failed."


RIGHT: dict[str, Callable[[World], Held]] = {
    "for clients": lambda world: issued(world, usages=[CLIENTS]),
    "for whatever": issued,
    "for servers and clients": lambda world: issued(world, usages=[SERVERS, CLIENTS]),
    "RSA": lambda world: issued(world, key=new_key("RSA")),
    "with a remark we do not know": lambda world: issued(
        world, extensions=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), False)]
    ),
}


@pytest.mark.parametrize("right", RIGHT.values(), ids=RIGHT)
def test_a_right_certificate_suffices(
    side: TokenSide, call: Call, world: World, right: Callable[[World], Held]
) -> None:
    side.caller(token_endpoint_auth_method="tls_client_auth", tls_client_auth_subject_dn=DN)
    assert outcome(call(right(world), client_id="client")) == OK


def test_an_intermediate_authority_in_the_bundle_counts_by_itself(
    make_app: Callable[..., Flask], world: World, tmp_path: Path
) -> None:
    bundle = tmp_path / "middle.pem"
    bundle.write_text(world.middle.pem)
    authorities = make_app(client_ca_bundle=str(bundle)).extensions["tongxing"].parts["client_authorities"]
    now = Clock().now
    assert authorities.vouch_for(world.middle.issue(DN).certificate, now)
    assert not authorities.vouch_for(world.root.issue(DN).certificate, now)


def test_an_authority_that_may_not_sign_or_is_expired_vouches_for_nobody(
    make_app: Callable[..., Flask], tmp_path: Path
) -> None:
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    cannot = Authority(self_signed("CN=A", extensions=[(x509.BasicConstraints(True, None), True), (usage, True)]))
    is_none = Authority(self_signed("CN=B", extensions=[(x509.BasicConstraints(False, None), True)]))
    is_old = Authority.new("CN=C", begins=-2 * DAY, ends=-DAY / 24)
    bundle = tmp_path / "wrong.pem"
    bundle.write_text(cannot.pem + is_none.pem + is_old.pem)
    authorities = make_app(client_ca_bundle=str(bundle)).extensions["tongxing"].parts["client_authorities"]
    for authority in (cannot, is_none, is_old):
        assert not authorities.vouch_for(authority.issue(DN).certificate, Clock().now)


def test_no_bundle_no_authority(side: TokenSide, make_app: Callable[..., Flask], world: World) -> None:
    side.caller(token_endpoint_auth_method="tls_client_auth", tls_client_auth_subject_dn=DN)
    http = make_app(client_ca_bundle="").test_client()
    form = CC | {"client_id": "client"}
    response = http.post("/token", data=form, headers=world.root.issue(DN).header, base_url=MTLS)
    assert outcome(response) == REFUSED


@pytest.mark.parametrize(
    "text", [None, "", "no certificate", "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----"]
)
def test_a_bundle_that_cannot_be_read_is_told_at_the_start(
    make_app: Callable[..., Flask], tmp_path: Path, text: str | None
) -> None:
    bundle = tmp_path / "bundle.pem"
    if text is not None:
        bundle.write_text(text)
    with pytest.raises(SettingsError, match="client_ca_bundle"):
        make_app(client_ca_bundle=str(bundle))


# --- §2.2 self_signed_tls_client_auth -------------------------------------------------------------------------------


def test_a_certificate_of_a_registered_key_suffices(side: TokenSide, call: Call) -> None:
    for number, kind in enumerate(["EC", "RSA"]):
        held = self_signed(key=new_key(kind))
        jwks = {"keys": [AssertionKey.new().public_jwk, held.jwk(has_certificate=bool(number))]}
        side.caller(f"c{number}", token_endpoint_auth_method="self_signed_tls_client_auth", jwks=jwks)
        assert outcome(call(held, client_id=f"c{number}")) == OK


def test_a_renewed_certificate_of_the_same_key_suffices_where_the_key_alone_is_registered(
    side: TokenSide, call: Call
) -> None:
    held = self_signed()
    renewed = self_signed("CN=renewed", key=held.key)
    for client_id, has_certificate, expected in ("key", False, OK), ("certificate", True, REFUSED):
        jwks = {"keys": [held.jwk(has_certificate=has_certificate)]}
        side.caller(client_id, token_endpoint_auth_method="self_signed_tls_client_auth", jwks=jwks)
        assert outcome(call(held, client_id=client_id)) == OK
        assert outcome(call(renewed, client_id=client_id)) == expected


def weak_jwk(key: Any) -> dict[str, Any]:
    modulus = key.public_key().public_numbers().n.to_bytes(128)
    return {"kty": "RSA", "e": "AQAB", "n": base64.urlsafe_b64encode(modulus).rstrip(b"=").decode()}


HELD = self_signed()
PRIVATE = HELD.jwk() | {"d": "AAAA"}
JWKS: dict[str, tuple[Held | None, list[Any]]] = {
    "no certificate": (None, [HELD.jwk()]),
    "another key": (self_signed(), [HELD.jwk()]),
    "no key registered": (HELD, []),
    "an authority's certificate of another key": (Authority.new().issue(), [HELD.jwk(has_certificate=False)]),
    "a private key registered": (HELD, [PRIVATE]),
    "a key without its numbers": (HELD, [{"kty": "EC", "crv": "P-256"}]),
    "the certificate beside another key": (HELD, [self_signed().jwk() | {"x5c": HELD.jwk()["x5c"]}]),
    "the key beside another certificate": (HELD, [HELD.jwk() | {"x5c": self_signed().jwk()["x5c"]}]),
    "x5c empty": (HELD, [HELD.jwk() | {"x5c": []}]),
    "x5c no list": (HELD, [HELD.jwk() | {"x5c": 7}]),
    "x5c no base64": (HELD, [HELD.jwk() | {"x5c": ["?", 7]}]),
    "expired": (expired := self_signed(begins=-2 * DAY, ends=-DAY / 24), [expired.jwk()]),
    "not valid yet": (early := self_signed(begins=DAY / 24), [early.jwk()]),
    "weak": (weak := self_signed(key=(small := new_key("RSA1024"))), [weak_jwk(small)]),
}


@pytest.mark.parametrize(("held", "keys"), JWKS.values(), ids=JWKS)
def test_a_certificate_of_no_registered_key_proves_nothing(
    side: TokenSide, call: Call, held: Held | None, keys: list[Any]
) -> None:
    side.caller(token_endpoint_auth_method="self_signed_tls_client_auth", jwks={"keys": keys})
    assert outcome(call(held, client_id="client")) == REFUSED


class _Published:
    """Answers for a jwks_uri, counting the calls."""

    def __init__(self, *keys: Any) -> None:
        self.keys, self.calls = list(keys), 0

    def get(self, url: str, headers: Any = None) -> Answer:
        self.calls += 1
        return Answer(200, {}, json.dumps({"keys": self.keys}).encode())


def test_a_published_key_is_fetched_again_when_the_client_has_a_new_certificate(
    side: TokenSide, call: Call, clock: Clock
) -> None:
    first, second = self_signed(), self_signed()
    published = _Published(first.jwk())
    side.provider.parts["client_keys"]._outbound = published
    uri = "https://client.example/jwks"
    side.caller(token_endpoint_auth_method="self_signed_tls_client_auth", jwks_uri=uri)
    assert outcome(call(first, client_id="client")) == OK
    published.keys = [second.jwk()]
    assert outcome(call(second, client_id="client")) == REFUSED  # at most one fetch a minute
    clock.advance(timedelta(seconds=61))
    assert outcome(call(second, client_id="client")) == OK
    assert outcome(call(first, client_id="client")) == REFUSED
    assert published.calls == 2


# --- §2: whose certificate, and one method only ---------------------------------------------------------------------


@pytest.fixture
def held(side: TokenSide, world: World) -> Held:
    """Of the clients ``authority`` (tls_client_auth) and ``own`` (self_signed_tls_client_auth) alike."""
    found = world.root.issue(DN)
    side.caller("authority", token_endpoint_auth_method="tls_client_auth", tls_client_auth_subject_dn=DN)
    keys = {"keys": [found.jwk()]}
    side.caller("own", token_endpoint_auth_method="self_signed_tls_client_auth", jwks=keys)
    return found


REQUESTS: list[tuple[str, dict[str, Any], tuple[int, str | None]]] = [
    ("§2: client_id is required", {}, REFUSED),
    ("§2: client_id is required", {"client_id": ""}, REFUSED),
    ("§2: another's name", {"client_id": "stranger"}, REFUSED),
    ("§2.1", {"client_id": "authority"}, OK),
    ("§2.2", {"client_id": "own"}, OK),
    ("RFC 6749 §2.3", {"client_id": "authority", "client_secret": "x"}, TWO),
    ("RFC 6749 §2.3", {"client_id": "own", "client_assertion": "x", "client_assertion_type": "y"}, TWO),
    ("RFC 6749 §2.3", {"client_id": "own", **AssertionKey.new().form("own")}, TWO),
    ("RFC 6749 §2.3.1", {"client_id": "own", "headers": basic("own", "x")}, TWO),
    ("RFC 6749 §2.3.1: named in the header only", {"headers": basic("own", "x")}, REFUSED),
]


@pytest.mark.parametrize(("section", "request_", "expected"), REQUESTS)
def test_a_request_names_its_client_and_proves_it_once(
    call: Call, held: Held, section: str, request_: dict[str, Any], expected: tuple[int, str | None]
) -> None:
    assert outcome(call(held, **request_)) == expected, section


@pytest.mark.parametrize("path", ["/introspect", "/revoke"])
def test_every_endpoint_with_client_authentication_takes_it(call: Call, held: Held, path: str) -> None:
    for client_id in "authority", "own":
        assert call(held, path, client_id=client_id, token="x").status_code == 200
        assert outcome(call(self_signed(), path, client_id=client_id, token="x")) == REFUSED


def test_a_request_is_pushed_with_a_certificate(call: Call, held: Held) -> None:
    """RFC 9126 §2."""
    asked = {"response_type": "code", "redirect_uri": REDIRECT_URI, "scope": "openid", "code_challenge": "x" * 43}
    asked |= {"code_challenge_method": "S256"}
    for client_id in "authority", "own":
        assert call(held, "/par", client_id=client_id, **asked).status_code == 201
        assert outcome(call(self_signed(), "/par", client_id=client_id, **asked)) == REFUSED


def test_a_certificate_beside_another_method_is_no_second_one(side: TokenSide, call: Call, world: World) -> None:
    """§4: it may be there to bind tokens."""
    held, key = world.root.issue(DN), AssertionKey.new()
    caller = side.caller("basic")
    assert outcome(call(held, headers=basic("basic", caller.secret or ""))) == OK
    post = side.caller("post", token_endpoint_auth_method="client_secret_post")
    assert outcome(call(held, client_id="post", client_secret=post.secret)) == OK
    side.caller("jwt", token_endpoint_auth_method="private_key_jwt", jwks={"keys": [key.public_jwk, held.jwk()]})
    assert outcome(call(held, client_id="jwt", **key.form("jwt"))) == OK
    assert outcome(call(held, client_id="jwt")) == REFUSED, "the certificate of a registered key is another method"


@pytest.mark.parametrize("method", mtls.METHODS)
def test_a_client_of_one_method_is_not_let_in_by_the_other(
    side: TokenSide, call: Call, world: World, method: str
) -> None:
    held = world.root.issue(DN)
    registered: dict[str, Any] = {"tls_client_auth_subject_dn": DN} if method == "self_signed_tls_client_auth" else {}
    if method == "tls_client_auth":
        registered = {"jwks": {"keys": [held.jwk()]}}
    side.caller(token_endpoint_auth_method=method, **registered)
    assert outcome(call(held, client_id="client")) == REFUSED


def test_the_certificate_of_another_client_is_refused(side: TokenSide, call: Call, world: World) -> None:
    for name in "one", "two":
        side.caller(name, token_endpoint_auth_method="tls_client_auth", tls_client_auth_subject_dn=f"CN={name}")
    one = world.root.issue("CN=one")
    assert outcome(call(one, client_id="one")) == OK
    assert outcome(call(one, client_id="two")) == REFUSED


# --- where the certificate comes from -------------------------------------------------------------------------------


def test_the_header_is_believed_of_the_proxy_only(side: TokenSide, held: Held) -> None:
    form = CC | {"client_id": "own"}
    for address, expected in (
        ("127.0.0.1", OK),
        ("::1", OK),
        ("192.0.2.1", REFUSED),
        ("", REFUSED),
        ("nowhere", REFUSED),
    ):
        environ = {"REMOTE_ADDR": address}
        response = side.http.post("/token", data=form, headers=held.header, base_url=MTLS, environ_overrides=environ)
        assert outcome(response) == expected, address


def test_the_header_counts_at_the_mutual_tls_host_only(side: TokenSide, call: Call, held: Held) -> None:
    issuer = side.provider.settings.issuer
    assert outcome(call(held, client_id="own", base_url=issuer)) == REFUSED
    assert outcome(call(held, client_id="own")) == OK


BAD_HEADERS = [
    "x",
    "-----BEGIN CERTIFICATE-----",
    quote("-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n"),
    quote("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    quote("-----BEGIN CERTIFICATE-----\nA=AA\n-----END CERTIFICATE-----\n"),
    quote(HELD.pem) + quote(HELD.pem),
    quote(HELD.pem) + "," + quote(HELD.pem),
    quote(HELD.pem.replace("CERTIFICATE", "PUBLIC KEY")),
    quote("x" + HELD.pem),
    quote(HELD.pem + "x"),
    quote(HELD.pem)[:-60],
    quote(HELD.pem) + "%0A" * 12_000,
    "%FF%FE",
    base64.b64encode(HELD.der).decode(),
]


@pytest.mark.parametrize("value", BAD_HEADERS)
@pytest.mark.parametrize("path", ["/token", "/introspect", "/revoke", "/userinfo"])
def test_a_header_that_is_no_certificate_is_a_bad_request(side: TokenSide, path: str, value: str) -> None:
    response = side.http.post(path, data=CC, headers={"X-Client-Certificate": value}, base_url=MTLS)
    assert (response.status_code, response.json["error"]) == (400, "invalid_request")
    assert "CERTIFICATE" not in response.text


@given(some.one_of(some.text(), some.binary().map(quote), some.text().map(quote)))
def test_any_text_is_a_certificate_or_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        client_certificate.read(text)


@contextmanager
def _odd_certificates() -> Iterator[None]:
    """cryptography tells of some oddities by a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        warnings.simplefilter("ignore", UserWarning)
        yield


@pytest.fixture
def fleet(side: TokenSide) -> TokenSide:
    side.caller("fleet", token_endpoint_auth_method="tls_client_auth", tls_client_auth_san_dns="fleet.example")
    return side


@given(
    some.sampled_from([HELD.der, Authority.new().issue(DN, names=NAMES, usages=[CLIENTS]).der]),
    some.lists(some.tuples(some.integers(0, 2000), some.integers(0, 255)), min_size=1, max_size=4),
)
@hypothesis_settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_certificate_is_refused_and_breaks_nothing(
    fleet: TokenSide, der: bytes, damages: list[tuple[int, int]]
) -> None:
    damaged = bytearray(der)
    for place, byte in damages:
        damaged[place % len(damaged)] = byte
    body = base64.encodebytes(bytes(damaged)).decode()
    header = quote(f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n")
    with _odd_certificates():
        response = fleet.http.post(
            "/token", data=CC | {"client_id": "fleet"}, headers={"X-Client-Certificate": header}, base_url=MTLS
        )
    assert outcome(response) in (REFUSED, (400, "invalid_request"))


@given(some.text(), some.sampled_from(sorted(SUBJECTS)))
def test_any_text_is_a_subject_or_a_value_error(text: str, member: str) -> None:
    try:
        SUBJECTS[member].read(text)
    except ValueError:
        return


# --- §3.1, §3.3, §5 -------------------------------------------------------------------------------------------------


def test_the_thumbprint_is_that_of_the_specification() -> None:
    """Appendix A."""
    assert (
        mtls.thumbprint(client_certificate.read(quote(RFC_8705_EXAMPLE)))
        == "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"
    )


ALIASED = {
    "token_endpoint": "/token",
    "pushed_authorization_request_endpoint": "/par",
    "userinfo_endpoint": "/userinfo",
    "introspection_endpoint": "/introspect",
    "revocation_endpoint": "/revoke",
}


def test_the_document_lists_the_methods_and_the_aliases(side: TokenSide) -> None:
    document = side.http.get("/.well-known/openid-configuration").json
    assert document["tls_client_certificate_bound_access_tokens"] is True
    assert document["mtls_endpoint_aliases"] == {name: MTLS + path for name, path in ALIASED.items()}
    assert ALIASED.keys() <= document.keys()
    for endpoint in "token", "introspection", "revocation":
        assert set(mtls.METHODS) <= set(document[f"{endpoint}_endpoint_auth_methods_supported"])


def test_without_a_mutual_tls_host_nothing_is_promised(make_app: Callable[..., Flask], side: TokenSide) -> None:
    http = make_app(mtls_url="").test_client()
    document = http.get("/.well-known/openid-configuration", base_url=side.provider.settings.issuer).json
    assert not {"mtls_endpoint_aliases", "tls_client_certificate_bound_access_tokens"} & document.keys()
    assert not set(mtls.METHODS) & set(document["token_endpoint_auth_methods_supported"])
    assert http.post("/token", data=CC, base_url=MTLS).status_code == 400


def test_the_mutual_tls_host_has_the_aliased_endpoints_and_nothing_else(side: TokenSide, app: Flask) -> None:
    aliased = set(side.http.get("/.well-known/openid-configuration").json["mtls_endpoint_aliases"].values())
    paths = {rule.rule for rule in app.url_map.iter_rules() if "<" not in rule.rule} - {"/healthz"}
    for path in paths | {"/static/tongxing.css", "/nowhere"}:
        is_aliased = MTLS + path in aliased
        assert side.http.get(path, base_url=MTLS).status_code in ((401, 405) if is_aliased else (400,)), path
        assert side.http.post(path, base_url=MTLS).status_code in ((401,) if is_aliased else (400,)), path


def test_a_proof_of_possession_names_the_address_it_was_sent_to(side: TokenSide, call: Call, clock: Clock) -> None:
    """RFC 9449 §4.3: htu is the alias where the request went there."""
    key, issuer = ProofKey.new(clock=clock), side.provider.settings.issuer
    caller = side.caller()
    own = basic(caller.id, caller.secret or "")
    for base_url, named in (MTLS, MTLS), (issuer, issuer), (MTLS, issuer), (issuer, MTLS):
        proof = {"DPoP": key.sign(key.claims("POST", f"{named}/token"))}
        answer = outcome(call(None, headers=own | proof, base_url=base_url))
        assert answer == (OK if base_url == named else (400, "invalid_dpop_proof"))


def test_a_mutual_tls_host_without_a_proxy_is_no_deployment() -> None:
    with pytest.raises(SettingsError, match="mtls_url"):
        from_table({"mtls_url": MTLS, "trusted_proxies": 0})
    assert from_table({"mtls_url": MTLS, "trusted_proxies": 1}).mtls_url == MTLS
