from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp.context import Context
from idp.protocol import dpop
from idp.protocol.errors import ProtocolError
from idp.protocol.messages import CoreRequest, Request
from tests.assertions import ISSUER, OMIT
from tests.clock import Clock
from tests.proofs import ProofKey, encoded, token_hash, unsigned

Work = Callable[[], AbstractContextManager[Context]]
URL = f"{ISSUER}/token"


@pytest.fixture
def context(work: Work) -> Iterator[Context]:
    with work() as opened:
        yield opened


@pytest.fixture
def key(clock: Clock) -> ProofKey:
    return ProofKey.new(clock=clock)


def request(proof: str | None, method: str = "POST", url: str = URL) -> CoreRequest:
    return CoreRequest(Request(method, url, headers={} if proof is None else {"DPoP": proof}))


def refusal(context: Context, proof: str, **options: Any) -> ProtocolError:
    with pytest.raises(ProtocolError) as refused:
        dpop.read_proof(context, request(proof), **options)
    return refused.value


def is_good(context: Context, proof: str) -> bool:
    try:
        return dpop.read_proof(context, request(proof)) is not None
    except ProtocolError as error:
        assert (error.error, error.status_code) == ("invalid_dpop_proof", 400)
        return False


def test_no_header_proves_nothing(context: Context) -> None:
    assert dpop.read_proof(context, request(None)) is None


@pytest.mark.parametrize("alg", ["PS256", "ES256", "EdDSA"])
def test_a_proof_gives_the_thumbprint_of_its_key(context: Context, clock: Clock, alg: str) -> None:
    own = ProofKey.new(alg, clock)
    assert dpop.read_proof(context, request(own.proof())) == own.jkt


def test_the_thumbprint_is_that_of_the_rfc() -> None:
    """RFC 7638 §3.1's example."""
    jwk = {
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiF"
        "V4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0"
        "zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csF"
        "Cur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
    }
    assert dpop._imported(json.dumps(jwk))[1] == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_further_members_of_the_key_do_not_change_its_thumbprint(context: Context, key: ProofKey) -> None:
    jwk = key.public_jwk | {"kid": "k", "use": "sig", "alg": "ES256", "key_ops": ["verify"]}
    proof = key.sign(key.claims("POST", URL), jwk=jwk)
    assert dpop.read_proof(context, request(proof)) == key.jkt


HEADERS: dict[str, dict[str, Any]] = {
    "no typ": {"typ": OMIT},
    "another typ": {"typ": "JWT"},
    "typ is no text": {"typ": ["dpop+jwt"]},
    "typ of the suite": {"typ": "dpop+jwt+wrongyousee"},
    "no jwk": {"jwk": OMIT},
    "jwk is text": {"jwk": "key"},
    "jwk is empty": {"jwk": {}},
    "jwk is symmetric": {"jwk": {"kty": "oct", "k": "AAAA"}},
    "jwk of another type": {"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}},
    "jwk is a list": {"jwk": []},
    "critical member unknown": {"crit": ["tx"], "tx": 1},
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_a_wrong_header_is_refused(context: Context, key: ProofKey, header: dict[str, Any]) -> None:
    head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.public_jwk} | header
    good = key.sign(key.claims("POST", URL)).split(".")
    shown = {name: value for name, value in head.items() if value is not OMIT}
    assert not is_good(context, ".".join([encoded(shown), *good[1:]]))
    if all(name == "typ" and isinstance(value, str) for name, value in header.items()):
        assert not is_good(context, key.sign(key.claims("POST", URL), **header))


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_a_private_key_is_refused_though_the_proof_is_right(context: Context, key: ProofKey, member: str) -> None:
    proof = key.sign(key.claims("POST", URL), jwk=key.public_jwk | {member: "AAAA"})
    assert not is_good(context, proof)
    assert not is_good(context, key.sign(key.claims("POST", URL), jwk=key.private_jwk))


@pytest.mark.parametrize("change", [{"x": "AAAA"}, {"x": 7}, {"crv": "P-384"}, {"use": "enc"}, {"alg": "PS256"}])
def test_a_key_that_is_none_or_for_something_else_is_refused(
    context: Context, key: ProofKey, change: dict[str, Any]
) -> None:
    good = key.sign(key.claims("POST", URL)).split(".")
    head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.public_jwk | change}
    assert not is_good(context, ".".join([encoded(head), *good[1:]]))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("bits", [1024, 8192])
def test_rsa_keys_too_short_or_too_long_are_refused(context: Context, bits: int) -> None:
    jwk = {"kty": "RSA", "e": "AQAB", "n": encoded(b"\xff" * (bits // 8))}
    claims = ProofKey.new().claims("POST", URL)
    assert not is_good(context, unsigned({"typ": "dpop+jwt", "alg": "PS256", "jwk": jwk}, claims, "AAAA"))


def test_the_longest_rsa_key_we_take_fits(context: Context, clock: Clock) -> None:
    from joserfc.jwk import RSAKey

    own = ProofKey("PS256", RSAKey.generate_key(4096), clock)
    assert dpop.read_proof(context, request(own.proof())) == own.jkt


@pytest.mark.parametrize("alg", ["none", "HS256", "RS256", "ES384", "", None, 7, ["ES256"]])
def test_other_algorithms_are_refused(context: Context, key: ProofKey, alg: Any) -> None:
    head = {"typ": "dpop+jwt", "alg": alg, "jwk": key.public_jwk}
    assert not is_good(context, unsigned(head, key.claims("POST", URL)))
    assert not is_good(context, unsigned(head, key.claims("POST", URL), "AAAA"))


def test_rs256_is_refused_though_it_verifies(context: Context, clock: Clock) -> None:
    assert not is_good(context, ProofKey.new("RS256", clock).proof())


CLAIMS: dict[str, dict[str, Any]] = {
    "no jti": {"jti": OMIT},
    "jti is no text": {"jti": 7},
    "jti is empty": {"jti": ""},
    "jti is too long": {"jti": "j" * 256},
    "no htm": {"htm": OMIT},
    "another htm": {"htm": "PUT"},
    "htm in small letters": {"htm": "post"},
    "no htu": {"htu": OMIT},
    "htu is no text": {"htu": [URL]},
    "no iat": {"iat": OMIT},
    "iat is text": {"iat": "now"},
    "iat is true": {"iat": True},
    "iat is huge": {"iat": 10**400},
    "iat is null": {"iat": None},
    "exp is text": {"exp": "soon"},
    "exp is null": {"exp": None},
    "exp is over": {"exp": 1},
    "nbf is text": {"nbf": "now"},
    "nbf is far ahead": {"nbf": 2**40},
}


@pytest.mark.parametrize("changes", CLAIMS.values(), ids=CLAIMS.keys())
def test_a_wrong_claim_is_refused(context: Context, key: ProofKey, changes: dict[str, Any]) -> None:
    assert not is_good(context, key.proof(**changes))


@pytest.mark.parametrize(
    ("offset", "accepted"), [(-3600, False), (-61, False), (-60, True), (-10, True), (10, True), (60, False)]
)
def test_a_proof_is_of_this_minute(context: Context, key: ProofKey, offset: int, accepted: bool) -> None:
    assert is_good(context, key.proof(iat=key.moment(offset))) is accepted


def test_exp_and_nbf_may_stand_in_it(context: Context, key: ProofKey) -> None:
    assert is_good(context, key.proof(nbf=key.moment(), exp=key.moment(300)))


SAME = [
    "http://127.0.0.1:8000/token",
    "HTTP://127.0.0.1:8000/token",
    "http://127.0.0.1:8000/token?a=b",
    "http://127.0.0.1:8000/token#part",
    "http://127.0.0.1:8000/token?a=b#part",
    "http://127.0.0.1:8000/%74oken",
]
OTHERS = [
    "",
    "/token",
    "http://127.0.0.1/token",
    "https://127.0.0.1:8000/token",
    "http://127.0.0.1:8001/token",
    "http://127.0.0.1:8000/token/",
    "http://127.0.0.1:8000/Token",
    "http://127.0.0.1:8000/tokenohnonotagain",
    "http://127.0.0.1:8000",
    "http://user@127.0.0.1:8000/token",
    "http://127.0.0.1:8000/to\nken",
    "http://127.0.0.1:99999/token",
    "http://127.0.0.1:port/token",
    "http://[::1/token",
    "http://１27.0.0.1:8000/token",
    "urn:x",
]


@pytest.mark.parametrize("htu", SAME)
def test_an_address_may_be_written_differently(context: Context, key: ProofKey, htu: str) -> None:
    assert is_good(context, key.proof(htu=htu))


@pytest.mark.parametrize("htu", OTHERS)
def test_another_address_is_refused(context: Context, key: ProofKey, htu: str) -> None:
    assert not is_good(context, key.proof(htu=htu))


@pytest.mark.parametrize(
    "htu", ["https://op.example/token", "https://OP.Example:443/token", "HTTPS://op.example/token?"]
)
def test_the_default_port_may_be_left_out(context: Context, key: ProofKey, htu: str) -> None:
    asked = request(key.proof(htu=htu), url="https://op.example/token")
    assert dpop.read_proof(context, asked) == key.jkt


def test_each_proof_counts_once(context: Context, key: ProofKey, clock: Clock) -> None:
    proof = key.proof(jti="once")
    assert is_good(context, proof)
    assert not is_good(context, proof)
    assert not is_good(context, key.proof(jti="once"))
    assert is_good(context, ProofKey.new(clock=clock).proof(jti="once"))  # another key's is another


def test_a_refused_proof_uses_nothing_up(context: Context, key: ProofKey) -> None:
    assert not is_good(context, key.proof(jti="j", htm="GET"))
    assert is_good(context, key.proof(jti="j"))


def test_beside_a_token_the_proof_names_it(context: Context, key: ProofKey) -> None:
    token = "a-token"
    proof = request(key.proof(token=token))
    assert dpop.read_proof(context, proof, access_token=token) == key.jkt
    for ath in (OMIT, "", 7, token, token_hash("another")):
        error = refusal(context, key.proof(ath=ath), access_token=token)
        assert (error.error, error.status_code) == ("invalid_dpop_proof", 401)
        header = dict(error.get_headers())["WWW-Authenticate"]
        assert header.startswith("DPoP ") and 'error="invalid_dpop_proof"' in header
        assert 'algs="PS256 ES256 EdDSA Ed25519"' in header


def test_two_headers_are_refused(context: Context, key: ProofKey) -> None:
    assert not is_good(context, f"{key.proof()},{key.proof()}")
    assert not is_good(context, f"{key.proof()}, {key.proof()}")


def test_a_signature_of_another_key_is_refused(context: Context, key: ProofKey) -> None:
    stranger = ProofKey.new()
    assert not is_good(context, stranger.sign(stranger.claims("POST", URL), jwk=key.public_jwk))
    good = key.proof()
    assert not is_good(context, good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB"))


@pytest.mark.parametrize("proof", ["", ".", "..", "a.b.c", "....", "é", "\ud800", "x" * 40000, "a.b.c.d.e"])
def test_what_is_no_token_is_refused(context: Context, proof: str) -> None:
    assert not is_good(context, proof)


def test_two_parts_of_three_are_refused(context: Context, key: ProofKey) -> None:
    assert not is_good(context, key.proof().rpartition(".")[0])


def test_deeply_nested_json_is_refused(context: Context, key: ProofKey) -> None:
    nested = b"[" * 1500 + b"]" * 1500
    header = b'{"typ":"dpop+jwt","alg":"ES256","jwk":' + nested + b"}"
    assert not is_good(context, unsigned(header, key.claims("POST", URL), "AAAA"))
    assert not is_good(context, key.sign(nested))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
HEADER = st.fixed_dictionaries(
    {},
    optional={
        "typ": st.just("dpop+jwt") | JSON,
        "alg": st.sampled_from(["ES256", "PS256", "EdDSA", "none", "HS256"]) | JSON,
        "jwk": st.dictionaries(
            st.sampled_from(["kty", "crv", "x", "y", "n", "e", "d", "k", "use", "alg", "kid"]),
            st.sampled_from(["EC", "RSA", "OKP", "P-256", "Ed25519", "AQAB", "sig"]) | JSON,
        )
        | JSON,
        "crit": JSON,
        "b64": JSON,
        "kid": JSON,
    },
)
CLAIM = st.dictionaries(st.sampled_from(["jti", "htm", "htu", "iat", "exp", "nbf", "ath", "nonce"]), JSON)
LENIENT = hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(HEADER | JSON, CLAIM | JSON, st.sampled_from(["", "AAAA", "é", "A" * 86]))
@LENIENT
def test_no_header_and_no_claims_break_it(context: Context, header: Any, claims: Any, signature: str) -> None:
    assert not is_good(context, unsigned(header, claims, signature))


@given(st.text(max_size=200) | st.from_regex(r"[\w\-]{0,40}\.[\w\-]{0,40}\.[\w\-]{0,40}", fullmatch=True))
@LENIENT
def test_no_text_breaks_it(context: Context, text: str) -> None:
    assert not is_good(context, text)


@given(CLAIM)
@LENIENT
def test_no_signed_claims_break_it(context: Context, key: ProofKey, claims: dict[str, Any]) -> None:
    is_good(context, key.proof(**claims))


@given(st.text(max_size=60) | st.from_regex(r"https?://[^/]{0,20}(:\d{0,7})?/.{0,20}", fullmatch=True))
@LENIENT
def test_no_address_breaks_it(text: str) -> None:
    dpop._address(text)


# --- server nonces -------------------------------------------------------------------------------------


@pytest.fixture
def with_nonces(make_app: Callable[..., Any]) -> Iterator[Context]:
    app = make_app(dpop_nonce_lifetime=timedelta(seconds=60))
    with app.extensions["tongxing"].work() as opened:
        yield opened


def given_nonce(context: Context, key: ProofKey) -> str:
    """The nonce that a first attempt without one is answered with."""
    error = refusal(context, key.proof())
    assert (error.error, error.status_code) == ("use_dpop_nonce", 400)
    found: str = dict(error.get_headers())["DPoP-Nonce"]
    return found


def test_without_the_setting_there_are_no_nonces(context: Context, key: ProofKey) -> None:
    assert dpop.nonce_headers(context, request(key.proof())) == ()
    assert is_good(context, key.proof(nonce="of somebody else"))


def test_a_proof_without_our_nonce_is_answered_with_it(with_nonces: Context, key: ProofKey) -> None:
    nonce = given_nonce(with_nonces, key)
    assert re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", nonce)  # RFC 9449 §8.1
    assert is_good(with_nonces, key.proof(nonce=nonce))
    for wrong in (nonce[:-1], "", 7, None, [nonce]):
        assert refusal(with_nonces, key.proof(nonce=wrong)).error == "use_dpop_nonce"


def test_at_a_resource_the_challenge_says_so(with_nonces: Context, key: ProofKey) -> None:
    error = refusal(with_nonces, key.proof(token="t"), access_token="t")
    headers = dict(error.get_headers())
    assert error.status_code == 401
    assert headers["WWW-Authenticate"].startswith("DPoP ")
    assert 'error="use_dpop_nonce"' in headers["WWW-Authenticate"]
    assert headers["DPoP-Nonce"]


@pytest.mark.parametrize(("seconds", "accepted"), [(59, True), (119, True), (121, False)])
def test_a_nonce_counts_while_it_is_given_out_and_as_long_again(
    make_app: Callable[..., Any], clock: Clock, key: ProofKey, seconds: int, accepted: bool
) -> None:
    clock.set(datetime.fromtimestamp(clock().timestamp() // 60 * 60, UTC))
    work: Work = make_app(dpop_nonce_lifetime=timedelta(seconds=60)).extensions["tongxing"].work
    with work() as before:
        nonce = given_nonce(before, key)
    clock.advance(seconds)
    with work() as after:
        if accepted:
            assert is_good(after, key.proof(nonce=nonce))
        else:
            assert refusal(after, key.proof(nonce=nonce)).error == "use_dpop_nonce"


def test_with_a_nonce_the_clients_clock_does_not_matter(with_nonces: Context, key: ProofKey) -> None:
    """RFC 9449 §4.3 item 11: its time or the nonce's; it still counts once."""
    nonce = given_nonce(with_nonces, key)
    proof = key.proof(nonce=nonce, iat=key.moment(3600))
    assert is_good(with_nonces, proof)
    assert not is_good(with_nonces, proof)
