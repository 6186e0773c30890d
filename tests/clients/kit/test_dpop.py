"""Tokens bound to a key at a resource server of the kit (RFC 9449 §4.3, §7), on a real socket."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from flask import Flask, jsonify
from hypothesis import given
from hypothesis import strategies as st

from clients.kit.dpop import ProofVerifier
from clients.kit.errors import AccessDenied
from clients.kit.flask_resource import answer_refusals, current_token, protected
from clients.kit.http import HttpClient
from clients.kit.provider import Provider
from clients.kit.resource import AccessTokenVerifier
from tests.assertions import OMIT
from tests.clients.browser import PLAIN
from tests.clients.op import TestProvider
from tests.clients.serving import serving
from tests.proofs import ProofKey, by_short_key, token_hash, unsigned

AUDIENCE = "http://127.0.0.1:8300"
BASE = "https://api.example"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def key() -> ProofKey:
    return ProofKey.new()


@pytest.fixture
def resource(op: TestProvider, http: HttpClient) -> Iterator[str]:
    app = Flask("resource")
    verifier = AccessTokenVerifier(Provider(op.issuer, http), AUDIENCE, proofs=ProofVerifier(BASE))
    answer_refusals(app)

    @app.route("/read", methods=["GET", "POST"])
    @protected(verifier, "matters.read")
    def read() -> Any:
        return jsonify(jkt=current_token().jkt)

    with serving(app) as url:
        yield url


def claims(key: ProofKey, token: str, **changes: Any) -> dict[str, Any]:
    return key.claims("GET", f"{BASE}/read", **({"ath": token_hash(token)} | changes))


def ask(url: str, token: str, *proofs: str, scheme: str = "DPoP", method: str = "GET") -> httpx.Response:
    headers = [("Authorization", f"{scheme} {token}"), *(("DPoP", proof) for proof in proofs)]
    with httpx.Client(transport=PLAIN) as client:
        return client.request(method, f"{url}/read", headers=headers)


def bound(op: TestProvider, key: ProofKey, **changes: Any) -> str:
    return op.access_token(cnf={"jkt": key.jkt}, **changes)


def refused(answer: httpx.Response, error: str) -> bool:
    header = answer.headers["WWW-Authenticate"]
    assert answer.status_code == 401
    return header.startswith("DPoP ") and f'error="{error}"' in header and 'algs="PS256 ES256 EdDSA Ed25519"' in header


@pytest.mark.parametrize("alg", ["PS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP"])
def test_a_bound_token_is_good_with_a_proof(resource: str, op: TestProvider, alg: str, scheme: str) -> None:
    key = ProofKey.new(alg)
    token = bound(op, key)
    answer = ask(resource, token, key.sign(claims(key, token)), scheme=scheme)
    assert (answer.status_code, answer.json()) == (200, {"jkt": key.jkt})


def test_an_unbound_token_stays_a_bearer_token(resource: str, op: TestProvider, key: ProofKey) -> None:
    token = op.access_token()
    assert ask(resource, token, scheme="Bearer").json() == {"jkt": None}
    assert refused(ask(resource, token, key.sign(claims(key, token))), "invalid_token")


def test_a_bound_token_is_no_bearer_token(resource: str, op: TestProvider, key: ProofKey) -> None:
    token = bound(op, key)
    for proofs in ((), (key.sign(claims(key, token)),)):
        answer = ask(resource, token, *proofs, scheme="Bearer")
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("cnf", [{}, {"x5t#S256": "x"}, {"jkt": 7}, {"jkt": None}, "x", []])
def test_another_binding_is_none_to_us(resource: str, op: TestProvider, key: ProofKey, cnf: Any) -> None:
    token = op.access_token(cnf=cnf)
    assert refused(ask(resource, token, key.sign(claims(key, token))), "invalid_token")


def test_exactly_one_proof_of_the_right_key(resource: str, op: TestProvider, key: ProofKey) -> None:
    token, other = bound(op, key), ProofKey.new()
    for proofs in (
        (),
        (key.sign(claims(key, token)), key.sign(claims(key, token))),
        (f"{key.sign(claims(key, token))},{key.sign(claims(key, token))}",),
        (other.sign(claims(other, token)),),
        (other.sign(claims(other, token), jwk=key.public_jwk),),
    ):
        assert refused(ask(resource, token, *proofs), "invalid_dpop_proof")


def test_a_proof_counts_once(resource: str, op: TestProvider, key: ProofKey) -> None:
    token = bound(op, key)
    proof = key.sign(claims(key, token))
    assert ask(resource, token, proof).status_code == 200
    assert refused(ask(resource, token, proof), "invalid_dpop_proof")


def test_a_missing_scope_is_named_in_the_same_scheme(resource: str, op: TestProvider, key: ProofKey) -> None:
    token = bound(op, key, scope="openid")
    answer = ask(resource, token, key.sign(claims(key, token)))
    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"].startswith("DPoP ")


WRONG: dict[str, dict[str, Any]] = {
    "no jti": {"jti": OMIT},
    "no htm": {"htm": OMIT},
    "no htu": {"htu": OMIT},
    "no iat": {"iat": OMIT},
    "no ath": {"ath": OMIT},
    "another method": {"htm": "POST"},
    "another address": {"htu": f"{BASE}/write"},
    "another host": {"htu": "https://other.example/read"},
    "no address": {"htu": "https://[/read"},
    "another token": {"ath": token_hash("another")},
    "an hour ago": {"iat": int(time.time()) - 3600},
    "an hour ahead": {"iat": int(time.time()) + 3600},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_claim_is_refused(resource: str, op: TestProvider, key: ProofKey, changes: dict[str, Any]) -> None:
    token = bound(op, key)
    assert refused(ask(resource, token, key.sign(claims(key, token, **changes))), "invalid_dpop_proof")


@pytest.mark.parametrize("htu", [f"{BASE}/read?a#b", "HTTPS://API.example:443/read", "https://api.EXAMPLE/read"])
def test_an_address_may_be_written_differently(resource: str, op: TestProvider, key: ProofKey, htu: str) -> None:
    token = bound(op, key)
    assert ask(resource, token, key.sign(claims(key, token, htu=htu))).status_code == 200


HEADERS: dict[str, Callable[[ProofKey], dict[str, Any]]] = {
    "no typ": lambda _key: {"typ": OMIT},
    "another typ": lambda _key: {"typ": "JWT"},
    "no jwk": lambda _key: {"jwk": OMIT},
    "jwk is text": lambda _key: {"jwk": "x"},
    "private jwk": lambda key: {"jwk": key.private_jwk},
    "half a jwk": lambda key: {"jwk": {"kty": "EC", "crv": "P-256", "x": key.public_jwk["x"]}},
    "another curve": lambda key: {"jwk": key.public_jwk | {"crv": "P-384"}},
    "a number in it": lambda key: {"jwk": key.public_jwk | {"x": 7}},
    "symmetric": lambda _key: {"jwk": {"kty": "oct", "k": "AAAA"}},
    "none": lambda _key: {"alg": "none"},
    "HS256": lambda _key: {"alg": "HS256"},
    "RS256": lambda _key: {"alg": "RS256"},
    "no alg": lambda _key: {"alg": OMIT},
}


@pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS.keys())
def test_a_wrong_header_is_refused(
    resource: str, op: TestProvider, key: ProofKey, change: Callable[[ProofKey], dict[str, Any]]
) -> None:
    token = bound(op, key)
    known = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.public_jwk} | change(key)
    header = {name: value for name, value in known.items() if value is not OMIT}
    good = key.sign(claims(key, token))
    proof = unsigned(header, claims(key, token), good.rpartition(".")[2])
    assert refused(ask(resource, token, proof), "invalid_dpop_proof")


def test_a_key_shorter_than_it_is_written_is_refused(key: ProofKey) -> None:
    """RFC 7518 §3.5, §6.3.1.1."""
    proof, jkt = by_short_key(claims(key, "t"))
    with pytest.raises(AccessDenied) as denied:
        ProofVerifier(BASE).check([proof], method="GET", path="/read", token="t", jkt=jkt, now=datetime.now(UTC))
    assert "(jwk)" in (denied.value.description or "")


def test_without_a_judge_of_proofs_bound_tokens_are_not_taken(
    op: TestProvider, http: HttpClient, key: ProofKey
) -> None:
    verifier = AccessTokenVerifier(Provider(op.issuer, http), AUDIENCE)
    token = bound(op, key)
    with pytest.raises(AccessDenied) as denied:
        verifier.verify_request(
            f"DPoP {token}", [key.sign(claims(key, token))], method="GET", path="/read", now=datetime.now(UTC)
        )
    assert denied.value.error is None


# --- parsers and memory -----------------------------------------------------------------------------------------------


def check(verifier: ProofVerifier, *proofs: str, now: datetime = NOW) -> str | None:
    """The error of a check, None where it was passed."""
    try:
        verifier.check(proofs, method="GET", path="/read", token="t", jkt="x", now=now)
    except AccessDenied as denied:
        return denied.error
    return None


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    assert check(ProofVerifier(BASE), text) == "invalid_dpop_proof"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {"typ": st.just("dpop+jwt"), "alg": st.sampled_from(["ES256", "PS256", "EdDSA"]) | JSON}
    ).flatmap(
        lambda head: st.dictionaries(st.sampled_from(["jwk", "crit", "b64"]), JSON).map(lambda more: head | more)
    ),
    JSON,
)
def test_no_header_and_no_claims_break_it(header: dict[str, Any], payload: Any) -> None:
    assert check(ProofVerifier(BASE), unsigned(header, payload, "AAAA")) == "invalid_dpop_proof"


def test_what_is_remembered_is_forgotten_in_time() -> None:
    verifier = ProofVerifier(BASE)
    assert verifier.is_first_use("one", NOW)
    assert not verifier.is_first_use("one", NOW + timedelta(seconds=179))
    assert verifier.is_first_use("one", NOW + timedelta(seconds=180))
    for number in range(50):
        verifier.is_first_use(f"n{number}", NOW + timedelta(seconds=200 + number))
    assert verifier.is_first_use("late", NOW + timedelta(hours=1))
    assert len(verifier._seen) == 1
