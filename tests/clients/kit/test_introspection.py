"""A resource server that asks whether a token was revoked (RFC 7662 §2, FAPI 2.0 Security Profile §5.3.4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import jsonify

from clients.kit.client_auth import ClientSecretBasic
from clients.kit.dpop import ProofVerifier
from clients.kit.errors import AccessDenied, ProviderUnavailable
from clients.kit.http import HttpClient
from clients.kit.introspection import Introspection
from clients.kit.provider import Provider
from clients.kit.resource import AccessTokenVerifier
from tests.clients.op import TestProvider
from tests.proofs import ProofKey, token_hash

AUDIENCE = "http://127.0.0.1:8300"


@pytest.fixture
def verify(op: TestProvider, http: HttpClient) -> Callable[[str], str]:
    op.clients["api"] = {"secret": "s"}
    provider = Provider(op.issuer, http)
    introspection = Introspection(provider, "api", ClientSecretBasic("s"))
    verifier = AccessTokenVerifier(provider, AUDIENCE, introspection=introspection)
    return lambda token: verifier.verify(token, now=datetime.now(UTC)).subject


def test_a_token_counts_until_it_is_revoked(op: TestProvider, verify: Callable[[str], str]) -> None:
    token = op.access_token()
    assert verify(token) == "person-1"
    assert op.last["introspect"] == {"token": token, "token_type_hint": "access_token"}
    op.revoked.add(token)
    with pytest.raises(AccessDenied) as denied:
        verify(token)
    assert (denied.value.error, denied.value.status) == ("invalid_token", 401)


@pytest.mark.parametrize("wrong", [{"aud": "x"}, {"exp": 1}, {"cnf": {"jkt": "x"}}])
def test_the_provider_is_not_asked_about_what_is_not_good_anyway(
    op: TestProvider, verify: Callable[[str], str], wrong: dict[str, Any]
) -> None:
    with pytest.raises(AccessDenied):
        verify(op.access_token(**wrong))
    assert op.calls["introspect"] == 0


def test_the_provider_is_asked_only_for_who_proves_the_key(op: TestProvider, http: HttpClient) -> None:
    """A stolen token alone gives the provider no work (RFC 9449 §7)."""
    op.clients["api"] = {"secret": "s"}
    provider = Provider(op.issuer, http)
    introspection = Introspection(provider, "api", ClientSecretBasic("s"))
    base = "https://api.example"
    verifier = AccessTokenVerifier(provider, AUDIENCE, proofs=ProofVerifier(base), introspection=introspection)
    key, now = ProofKey.new(), datetime.now(UTC)
    token = op.access_token(cnf={"jkt": key.jkt})

    def show(*proofs: str) -> str:
        return verifier.verify_request(f"DPoP {token}", proofs, method="GET", path="/read", now=now).subject

    def proof() -> str:
        return key.sign(key.claims("GET", f"{base}/read", ath=token_hash(token), iat=int(now.timestamp())))

    with pytest.raises(AccessDenied):
        show()
    assert op.calls["introspect"] == 0
    assert show(proof()) == "person-1" and op.calls["introspect"] == 1
    op.revoked.add(token)
    with pytest.raises(AccessDenied) as denied:
        show(proof())
    assert (denied.value.error, denied.value.scheme) == ("invalid_token", "DPoP")


NO_ANSWER: dict[str, Callable[[], Any]] = {
    "down": lambda: ("", 500),
    "refused": lambda: (jsonify(error="invalid_client"), 401),
    "no JSON": lambda: "active",
    "no word": lambda: jsonify(sub="x"),
    "no boolean": lambda: jsonify(active="true"),
}


@pytest.mark.parametrize("answer", NO_ANSWER.values(), ids=NO_ANSWER.keys())
def test_what_is_no_answer_is_no_fault_of_the_token(
    op: TestProvider, verify: Callable[[str], str], answer: Callable[[], Any]
) -> None:
    op.instead["introspect"] = answer
    with pytest.raises(ProviderUnavailable):
        verify(op.access_token())


def test_nothing_counts_where_the_provider_offers_no_introspection(
    op: TestProvider, verify: Callable[[str], str]
) -> None:
    op.bend["discovery"] = lambda content: content.update(introspection_endpoint=None)
    with pytest.raises(ProviderUnavailable):
        verify(op.access_token())
