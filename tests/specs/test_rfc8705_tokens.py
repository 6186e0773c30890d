"""Tokens bound to the caller's certificate by RFC 8705 §3, whatever hands the certificate on."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from werkzeug.test import TestResponse

from idp.config import Settings
from idp.protocol import userinfo
from idp.protocol.messages import CoreRequest, Reply, Request
from idp.protocol.server import Server
from tests.assertions import ISSUER
from tests.certificates import Held, self_signed
from tests.clock import Clock
from tests.proofs import ProofKey
from tests.token_side import Caller, TokenSide, basic, bearer

CERTIFICATE = b"a certificate in DER"
BOUND: dict[str, Any] = {"tls_client_certificate_bound_access_tokens": True}


def thumbprint(certificate: bytes) -> dict[str, str]:
    """§3.1's confirmation."""
    digest = hashlib.sha256(certificate).digest()
    return {"x5t#S256": base64.urlsafe_b64encode(digest).rstrip(b"=").decode()}


@dataclass(frozen=True)
class Connection:
    """Requests as the web layer hands them to the protocol, by a caller with a certificate or without."""

    side: TokenSide
    certificate: bytes | None = field(default=CERTIFICATE, repr=False)

    def token(self, caller: Caller, headers: Mapping[str, str] | None = None, **form: Any) -> Reply:
        own = basic(caller.id, caller.secret) if caller.secret else {}
        data = form if caller.secret else form | {"client_id": caller.id}
        with self.side.work() as context:
            return Server(context).create_token_response(self._request("POST", "/token", own, headers, data))

    def code(self, caller: Caller, headers: Mapping[str, str] | None = None, **changes: Any) -> Reply:
        form = self.side.code(caller, self.side.person(), **changes).parameters()
        return self.token(caller, headers, grant_type="authorization_code", **form)

    def refresh(self, caller: Caller, token: str, headers: Mapping[str, str] | None = None) -> Reply:
        return self.token(caller, headers, grant_type="refresh_token", refresh_token=token)

    def userinfo(self, headers: Mapping[str, str], **form: Any) -> Reply:
        method = "POST" if form else "GET"
        with self.side.work() as context:
            request = CoreRequest(self._request(method, "/userinfo", headers, None, form))
            return userinfo.respond(Server(context), request)

    def _request(
        self, method: str, path: str, own: Mapping[str, str], headers: Mapping[str, str] | None, form: Mapping[str, Any]
    ) -> Request:
        return Request(
            method,
            ISSUER + path,
            headers={**own, **(headers or {})},
            form=tuple(form.items()),
            client_certificate=self.certificate,
        )


@pytest.fixture
def theirs(side: TokenSide) -> Connection:
    return Connection(side)


@pytest.fixture
def another(side: TokenSide) -> Connection:
    return Connection(side, b"another certificate")


@pytest.fixture
def without(side: TokenSide) -> Connection:
    return Connection(side, None)


@pytest.fixture
def caller(side: TokenSide) -> Caller:
    return side.caller(**BOUND)


@pytest.fixture
def key(clock: Clock) -> ProofKey:
    return ProofKey.new(clock=clock)


def body(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply.body
    assert isinstance(reply.body, Mapping)
    return dict(reply.body)


def error_of(reply: Reply) -> tuple[int, str]:
    assert isinstance(reply.body, Mapping)
    return reply.status, str(reply.body["error"])


# --- §3: issuing ------------------------------------------------------------------------------------------------------


def test_a_certificate_binds_the_tokens_of_every_grant(side: TokenSide, theirs: Connection, caller: Caller) -> None:
    given = body(theirs.code(caller))
    own = body(theirs.token(caller, grant_type="client_credentials"))
    for answer in (given, body(theirs.refresh(caller, given["refresh_token"])), own):
        assert answer["token_type"] == "Bearer"  # §3: shown as one
        assert side.read(answer["access_token"]).claims["cnf"] == thumbprint(CERTIFICATE)


def test_who_does_not_want_it_gets_bearer_tokens(side: TokenSide, theirs: Connection) -> None:
    answer = body(theirs.token(side.caller(), grant_type="client_credentials"))
    assert "cnf" not in side.read(answer["access_token"]).claims


def test_who_wants_bound_tokens_gets_no_other(
    theirs: Connection, without: Connection, caller: Caller, side: TokenSide
) -> None:
    """ensure-holder-of-key-required, for every grant; nothing is used up."""
    form = side.code(caller, side.person()).parameters()
    assert error_of(without.token(caller, grant_type="authorization_code", **form)) == (400, "invalid_request")
    given = body(theirs.token(caller, grant_type="authorization_code", **form))
    assert error_of(without.refresh(caller, given["refresh_token"])) == (400, "invalid_request")
    assert error_of(without.token(caller, grant_type="client_credentials")) == (400, "invalid_request")
    assert body(theirs.refresh(caller, given["refresh_token"]))


def test_a_proof_wins_over_the_certificate(
    side: TokenSide, theirs: Connection, without: Connection, caller: Caller, key: ProofKey
) -> None:
    for connection in (theirs, without):
        answer = body(connection.token(caller, key.header(), grant_type="client_credentials"))
        assert answer["token_type"] == "DPoP"
        assert side.read(answer["access_token"]).claims["cnf"] == {"jkt": key.jkt}


def test_a_certificate_is_no_proof_for_who_registered_for_proofs(side: TokenSide, theirs: Connection) -> None:
    caller = side.caller(dpop_bound_access_tokens=True, **BOUND)
    assert error_of(theirs.token(caller, grant_type="client_credentials")) == (400, "invalid_dpop_proof")


@pytest.mark.usefixtures("both_engines")
def test_a_public_clients_refresh_token_is_bound_to_the_certificate(
    side: TokenSide, theirs: Connection, another: Connection, without: Connection, key: ProofKey
) -> None:
    """§7.1"""
    public = side.caller("public", token_endpoint_auth_method="none", **BOUND)
    given = body(theirs.code(public))
    assert error_of(another.refresh(public, given["refresh_token"])) == (400, "invalid_grant")
    assert error_of(without.refresh(public, given["refresh_token"], key.header())) == (400, "invalid_grant")
    following = body(theirs.refresh(public, given["refresh_token"]))
    assert side.read(following["access_token"]).claims["cnf"] == thumbprint(CERTIFICATE)


def test_a_confidential_client_may_change_its_certificate(
    side: TokenSide, theirs: Connection, another: Connection, caller: Caller
) -> None:
    given = body(theirs.code(caller))
    following = body(another.refresh(caller, given["refresh_token"]))
    assert side.read(following["access_token"]).claims["cnf"] == thumbprint(b"another certificate")


# --- §3: showing ------------------------------------------------------------------------------------------------------


@pytest.fixture
def token(theirs: Connection, caller: Caller) -> str:
    return str(body(theirs.code(caller))["access_token"])


def test_a_bound_token_needs_the_same_certificate(
    theirs: Connection, another: Connection, without: Connection, token: str
) -> None:
    for connection, expected in ((theirs, 200), (another, 401), (without, 401)):
        for shown in (bearer(token), {"Authorization": f"bEARER {token}"}):
            assert connection.userinfo(shown).status == expected
        assert connection.userinfo({}, access_token=token).status == expected


def test_the_refusal_is_the_specified_one(without: Connection, token: str) -> None:
    reply = without.userinfo(bearer(token))
    challenge = dict(reply.headers)["WWW-Authenticate"]
    assert error_of(reply) == (401, "invalid_token")
    assert challenge.startswith("Bearer ")
    assert 'error="invalid_token"' in challenge


def test_a_proof_does_not_replace_the_certificate(theirs: Connection, token: str, key: ProofKey) -> None:
    assert error_of(theirs.userinfo(key.presenting(token))) == (401, "invalid_token")


def test_a_certificate_does_not_replace_the_proof(
    side: TokenSide, theirs: Connection, caller: Caller, key: ProofKey
) -> None:
    token = body(theirs.code(caller, key.header()))["access_token"]
    assert theirs.userinfo(bearer(token)).status == 401
    assert theirs.userinfo(key.presenting(token)).status == 200


def test_an_unbound_token_needs_none(side: TokenSide, theirs: Connection, without: Connection) -> None:
    token = side.tokens(side.caller("plain"), side.person())["access_token"]
    for connection in (theirs, without):
        assert connection.userinfo(bearer(token)).status == 200


def test_introspection_tells_the_certificate(side: TokenSide, caller: Caller, token: str) -> None:
    """§3.2"""
    found = caller.introspect(token)
    assert (found["token_type"], found["cnf"]) == ("Bearer", thumbprint(CERTIFICATE))


def test_revocation_reaches_bound_tokens(theirs: Connection, caller: Caller) -> None:
    given = body(theirs.code(caller))
    assert theirs.userinfo(bearer(given["access_token"])).status == 200
    assert caller.revoke(given["refresh_token"]).status_code == 200
    assert theirs.userinfo(bearer(given["access_token"])).status == 401


# --- over HTTP, at the host that asks for certificates ----------------------------------------------------


MTLS = "https://mtls.example"


class TestAtTheMutualTlsHost:
    """FAPI clients by certificate (mTLS client authentication with either binding)."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, trusted_proxies=1, mtls_url=MTLS)

    @pytest.fixture
    def held(self) -> Held:
        return self_signed()

    @pytest.fixture
    def caller(self, side: TokenSide, held: Held) -> Caller:
        method = {"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": {"keys": [held.jwk()]}}
        return side.caller("fapi", profile="fapi2", **method)

    def token(self, caller: Caller, held: Held | None, headers: Mapping[str, str] | None = None) -> TestResponse:
        form = {"grant_type": "authorization_code", "client_id": caller.id, **self.code}
        sent = {**(held.header if held else {}), **(headers or {})}
        return caller.http.post("/token", data=form, headers=sent, base_url=MTLS)

    @pytest.fixture(autouse=True)
    def _code(self, side: TokenSide, caller: Caller) -> None:
        self.code = side.code(caller, side.person()).parameters()

    def test_the_certificate_authenticates_and_binds(self, side: TokenSide, caller: Caller, held: Held) -> None:
        given = self.token(caller, held).json
        assert side.read(given["access_token"], "PS256").claims["cnf"] == thumbprint(held.der)
        shown = bearer(given["access_token"])
        for sent, base_url, status in (
            (shown | held.header, MTLS, 200),
            (shown | self_signed().header, MTLS, 401),
            (shown, MTLS, 401),
            (shown | held.header, ISSUER, 401),  # there nobody asked for it
        ):
            assert side.http.get("/userinfo", headers=sent, base_url=base_url).status_code == status

    def test_without_it_nothing_is_given(self, caller: Caller) -> None:
        """ensure-holder-of-key-required: the client cannot even authenticate."""
        response = self.token(caller, None)
        assert (response.status_code, response.json["error"]) == (401, "invalid_client")

    def test_a_proof_names_the_address_that_was_called(
        self, side: TokenSide, caller: Caller, held: Held, key: ProofKey
    ) -> None:
        response = self.token(caller, held, key.header())
        assert (response.status_code, response.json["error"]) == (400, "invalid_dpop_proof")
        given = self.token(caller, held, key.header(htu=f"{MTLS}/token")).json
        assert given["token_type"] == "DPoP"
        token = given["access_token"]
        for base_url in (MTLS, ISSUER):
            sent = key.presenting(token, htu=f"{base_url}/userinfo")
            assert side.http.get("/userinfo", headers=sent, base_url=base_url).status_code == 200
