from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.assertions import ISSUER, OMIT, AssertionKey, as_form
from tests.clock import Clock
from tests.token_side import TokenSide

CC = {"grant_type": "client_credentials"}


@pytest.fixture(scope="module")
def key() -> AssertionKey:
    return AssertionKey.new("ES256")


@pytest.fixture
def client(side: TokenSide, key: AssertionKey) -> TokenSide:
    side.caller("svc", token_endpoint_auth_method="private_key_jwt", jwks={"keys": [key.public_jwk]})
    return side


def attempt(side: TokenSide, form: dict[str, str]) -> TestResponse:
    return side.http.post("/token", data=CC | form)


def refused(response: TestResponse) -> bool:
    return (response.status_code, response.json["error"]) == (401, "invalid_client")


def moment(clock: Clock) -> float:
    return clock().timestamp()


def test_a_good_assertion_is_enough(client: TokenSide, key: AssertionKey) -> None:
    assert attempt(client, key.form("svc")).status_code == 200


def test_client_id_may_stand_beside_it(client: TokenSide, key: AssertionKey) -> None:
    assert attempt(client, key.form("svc") | {"client_id": "svc"}).status_code == 200
    response = attempt(client, key.form("svc") | {"client_id": "other"})
    assert response.json["error"] == "invalid_request"


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_each_allowed_algorithm_works_with_a_key_of_its_kind(side: TokenSide, alg: str) -> None:
    own = AssertionKey.new(alg)
    side.caller("svc", token_endpoint_auth_method="private_key_jwt", jwks={"keys": [own.public_jwk]})
    assert attempt(side, own.form("svc")).status_code == 200


def test_only_the_registered_algorithm_counts(side: TokenSide) -> None:
    rs256, es256 = AssertionKey.new("RS256", "r"), AssertionKey.new("ES256", "e")
    side.caller(
        "svc",
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="ES256",
        jwks={"keys": [rs256.public_jwk, es256.public_jwk]},
    )
    assert attempt(side, es256.form("svc")).status_code == 200
    assert refused(attempt(side, rs256.form("svc")))


def test_a_registered_algorithm_outside_our_list_lets_nobody_in(side: TokenSide, key: AssertionKey) -> None:
    side.caller(
        "svc",
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="none",
        jwks={"keys": [key.public_jwk]},
    )
    assert refused(attempt(side, key.form("svc")))


WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "no iss": {"iss": OMIT},
    "another iss": {"iss": "other"},
    "no sub": {"sub": OMIT},
    "another sub": {"sub": "other"},
    "sub is no text": {"sub": 7},
    "sub is a list": {"sub": ["svc"]},
    "no aud": {"aud": OMIT},
    "aud is empty": {"aud": ""},
    "another aud": {"aud": "http://127.0.0.1:9999"},
    "aud with a slash": {"aud": ISSUER + "/"},
    "aud is a list": {"aud": [ISSUER]},
    "aud holds a stranger": {"aud": [ISSUER, "https://stranger.example"]},
    "aud is the token endpoint": {"aud": f"{ISSUER}/token"},
    "aud is an object": {"aud": {"iss": ISSUER}},
    "no jti": {"jti": OMIT},
    "jti is empty": {"jti": ""},
    "jti is no text": {"jti": 7},
    "no exp": {"exp": OMIT},
    "exp is text": {"exp": "soon"},
    "exp is true": {"exp": True},
    "exp is null": {"exp": None},
    "iat is text": {"iat": "now"},
    "nbf is text": {"nbf": "now"},
    "nbf is null": {"nbf": None},
}


@pytest.mark.parametrize("changes", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS.keys())
def test_a_wrong_claim_is_refused(client: TokenSide, key: AssertionKey, changes: dict[str, Any]) -> None:
    assert refused(attempt(client, key.form("svc", **changes)))


TIMES = [
    ({"exp": 0}, False),
    ({"exp": -1}, False),
    ({"exp": -300}, False),
    ({"exp": 1}, True),
    ({"exp": 300}, True),
    ({"exp": 301}, False),
    ({"exp": 3600}, False),
    ({"exp": 10 * 365 * 86400}, False),
    ({"iat": 8}, True),
    ({"iat": 10}, True),
    ({"iat": 11}, False),
    ({"iat": 60}, False),
    ({"iat": -3600}, True),
    ({"nbf": 8}, True),
    ({"nbf": 10}, True),
    ({"nbf": 60}, False),
    ({"nbf": 61}, False),
    ({"exp": 60.5}, True),
]


@pytest.mark.parametrize(("offsets", "is_good"), TIMES)
def test_an_assertion_is_fresh_and_short_lived(
    client: TokenSide, key: AssertionKey, clock: Clock, offsets: dict[str, float], is_good: bool
) -> None:
    now = moment(clock)
    response = attempt(client, key.form("svc", now, **{name: now + by for name, by in offsets.items()}))
    assert response.status_code == (200 if is_good else 401)


def test_iat_may_be_left_out(client: TokenSide, key: AssertionKey) -> None:
    assert attempt(client, key.form("svc", iat=OMIT)).status_code == 200


@pytest.mark.usefixtures("ephemeral_store")
def test_an_assertion_counts_once(client: TokenSide, key: AssertionKey) -> None:
    form = key.form("svc")
    assert attempt(client, form).status_code == 200
    assert refused(attempt(client, form))


def test_the_same_jti_of_another_client_is_another_assertion(client: TokenSide, key: AssertionKey) -> None:
    client.caller("other", token_endpoint_auth_method="private_key_jwt", jwks={"keys": [key.public_jwk]})
    assert attempt(client, key.form("svc", jti="same")).status_code == 200
    assert attempt(client, key.form("other", jti="same")).status_code == 200
    assert refused(attempt(client, key.form("svc", jti="same")))


def test_a_refused_assertion_uses_no_jti_up(client: TokenSide, key: AssertionKey, clock: Clock) -> None:
    assert refused(attempt(client, key.form("svc", jti="mine", aud="elsewhere")))
    assert attempt(client, key.form("svc", jti="mine")).status_code == 200


@pytest.mark.usefixtures("both_engines")
def test_of_eight_who_bring_one_assertion_one_is_let_in(
    client: TokenSide, key: AssertionKey, app: Flask, new_http: Callable[[Flask], Any]
) -> None:
    form, statuses, barrier = key.form("svc"), [], threading.Barrier(8)

    def bring() -> None:
        http = new_http(app)
        barrier.wait()
        statuses.append(http.post("/token", data=CC | form).status_code)

    threads = [threading.Thread(target=bring) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [401] * 7


def test_a_foreign_signature_is_refused(client: TokenSide) -> None:
    assert refused(attempt(client, AssertionKey.new("ES256").form("svc")))


def test_the_key_named_must_be_the_one_that_signed(side: TokenSide) -> None:
    one, two = AssertionKey.new("ES256", "one"), AssertionKey.new("ES256", "two")
    side.caller("svc", token_endpoint_auth_method="private_key_jwt", jwks={"keys": [one.public_jwk, two.public_jwk]})
    assert attempt(side, as_form(two.sign(two.claims("svc")))).status_code == 200
    assert refused(attempt(side, as_form(two.sign(two.claims("svc"), kid="one"))))
    assert refused(attempt(side, as_form(two.sign(two.claims("svc"), kid="three"))))


def test_without_a_key_id_every_fitting_key_is_tried(side: TokenSide) -> None:
    one, two = AssertionKey.new("ES256", "one"), AssertionKey.new("ES256", "two")
    side.caller("svc", token_endpoint_auth_method="private_key_jwt", jwks={"keys": [one.public_jwk, two.public_jwk]})
    assert attempt(side, as_form(two.sign(two.claims("svc"), kid=OMIT))).status_code == 200


@pytest.mark.parametrize(
    "change", [{"use": "enc"}, {"alg": "ES384"}, {"kty": "RSA"}, {"kty": "oct", "k": "AAAA"}, {"x": "AA"}]
)
def test_a_key_registered_for_something_else_is_not_used(
    side: TokenSide, key: AssertionKey, change: dict[str, str]
) -> None:
    side.caller("svc", token_endpoint_auth_method="private_key_jwt", jwks={"keys": [key.public_jwk | change]})
    assert refused(attempt(side, key.form("svc")))


@pytest.mark.parametrize("metadata", [{}, {"jwks": {}}, {"jwks": {"keys": []}}, {"jwks": None}])
def test_a_client_without_keys_is_refused(side: TokenSide, key: AssertionKey, metadata: dict[str, Any]) -> None:
    side.caller("svc", token_endpoint_auth_method="private_key_jwt", **metadata)
    assert refused(attempt(side, key.form("svc")))


def test_a_weak_rsa_key_is_not_used(side: TokenSide) -> None:
    from joserfc.jwk import RSAKey

    with pytest.warns(Warning, match="2048"):
        weak = AssertionKey("RS256", "weak", RSAKey.generate_key(1024))
    side.caller("svc", token_endpoint_auth_method="private_key_jwt", jwks={"keys": [weak.public_jwk]})
    assert refused(attempt(side, weak.form("svc")))


def b64(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("alg", ["none", "HS256", "HS512", "RS1", "ES384", "Ed448", ""])
def test_other_algorithms_are_refused(client: TokenSide, key: AssertionKey, alg: str) -> None:
    token = f"{b64({'alg': alg, 'kid': 'key-1'})}.{b64(key.claims('svc'))}."
    assert refused(attempt(client, as_form(token)))
    assert refused(attempt(client, as_form(token + "AAAA")))


def test_the_public_key_is_no_hmac_secret(side: TokenSide) -> None:
    """The classic confusion: HS256 keyed with the PEM of the registered RSA key."""
    from joserfc import jws
    from joserfc.jwk import OctKey

    own = AssertionKey.new("RS256")
    side.caller("svc", token_endpoint_auth_method="private_key_jwt", jwks={"keys": [own.public_jwk]})
    secret = OctKey.import_key(json.dumps(own.public_jwk))
    token = jws.serialize_compact(
        {"alg": "HS256", "kid": "key-1"}, json.dumps(own.claims("svc")), secret, algorithms=["HS256"]
    )
    assert refused(attempt(side, as_form(token)))


def test_keys_in_the_header_are_not_believed(client: TokenSide) -> None:
    foreign = AssertionKey.new("ES256")
    token = foreign.sign(foreign.claims("svc"), jwk=foreign.public_jwk)
    assert refused(attempt(client, as_form(token)))


@pytest.mark.parametrize("kind", ["", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "jwt-bearer"])
def test_another_assertion_type_is_refused(client: TokenSide, key: AssertionKey, kind: str) -> None:
    assert refused(attempt(client, key.form("svc") | {"client_assertion_type": kind}))


def test_an_assertion_type_without_an_assertion_is_refused(client: TokenSide, key: AssertionKey) -> None:
    form = key.form("svc")
    assert refused(attempt(client, {"client_assertion_type": form["client_assertion_type"]}))


def test_a_client_of_another_method_cannot_use_an_assertion(side: TokenSide, key: AssertionKey) -> None:
    side.caller("svc", jwks={"keys": [key.public_jwk]})
    assert refused(attempt(side, key.form("svc")))


@given(
    st.one_of(
        st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), max_size=100),
        st.from_regex(r"[\w\-]{0,40}\.[\w\-]{0,40}\.[\w\-]{0,40}", fullmatch=True),
        st.dictionaries(
            st.sampled_from(["iss", "sub", "aud", "exp", "jti"]), st.integers() | st.text() | st.none()
        ).map(lambda claims: f"{b64({'alg': 'ES256'})}.{b64(claims)}.AAAA"),
    )
)
@hypothesis_settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_text_as_an_assertion_breaks_the_endpoint(client: TokenSide, text: str) -> None:
    assert refused(attempt(client, as_form(text)))


@pytest.mark.usefixtures("both_engines")
@pytest.mark.parametrize("name", ["\x00", "svc\x00", "\ud800", "a" * 300, " ", "\u2028"])
def test_a_name_that_no_client_can_have_is_refused_before_the_database_is_asked(
    client: TokenSide, key: AssertionKey, name: str
) -> None:
    assert refused(attempt(client, key.form("svc", iss=name, sub=name)))


def test_the_token_endpoint_as_audience_is_an_opening_of_one_client(
    make_app: Callable[..., Flask], side: TokenSide, key: AssertionKey, new_http: Callable[[Flask], Any]
) -> None:
    metadata: dict[str, Any] = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key.public_jwk]}}
    side.caller("open", **metadata, openings=["assertion_audience_token_endpoint"])
    side.caller("shut", **metadata)
    http = new_http(make_app(openings_allowed=True))

    def status(browser: Any, client_id: str, **changes: Any) -> int:
        code: int = browser.post("/token", data=CC | key.form(client_id, **changes)).status_code
        return code

    endpoint = {"aud": f"{ISSUER}/token"}
    assert status(http, "open", **endpoint) == 200
    assert status(http, "open") == 200
    assert status(http, "open", aud=[f"{ISSUER}/token"]) == 401
    assert status(http, "shut", **endpoint) == 401
    assert status(side.http, "open", **endpoint) == 401  # this deployment allows no openings


def test_many_keys_are_read_up_to_twenty(side: TokenSide, key: AssertionKey) -> None:
    fillers = [replace(key, kid=f"filler-{number}").public_jwk for number in range(20)]
    side.caller("svc", token_endpoint_auth_method="private_key_jwt", jwks={"keys": [*fillers, key.public_jwk]})
    assert refused(attempt(side, key.form("svc")))
