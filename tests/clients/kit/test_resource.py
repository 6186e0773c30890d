"""RFC 9068 §4, RFC 6750 §3, RFC 9470 §3, line by line, at a resource on a real socket."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from flask import Flask, jsonify
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import RSAKey

from clients.kit.assurance import LEVELS, rank, satisfies
from clients.kit.errors import AccessDenied
from clients.kit.flask_resource import answer_refusals, current_token, protected
from clients.kit.http import HttpClient
from clients.kit.provider import Provider
from clients.kit.resource import AccessTokenVerifier, bearer_token, challenge
from tests.clients.browser import PLAIN
from tests.clients.op import TestProvider
from tests.clients.serving import serving

AUDIENCE = "http://127.0.0.1:8300"


def ago(seconds: int) -> int:
    return int(time.time()) - seconds


@pytest.fixture
def resource(op: TestProvider, http: HttpClient) -> Iterator[str]:
    app = Flask("resource")
    verifier = AccessTokenVerifier(Provider(op.issuer, http), AUDIENCE)
    answer_refusals(app)

    @app.get("/read")
    @protected(verifier, "matters.read")
    def read() -> Any:
        token = current_token()
        return jsonify(sub=token.subject, client=token.client_id, person=token.is_person, act_as=token.act_as)

    @app.get("/level")
    @protected(verifier, "matters.read", "matters.submit", acr="urn:tongxing:loa:3")
    def level() -> str:
        return "ok"

    with serving(app) as url:
        yield url


def ask(url: str, *authorization: str) -> httpx.Response:
    with httpx.Client(transport=PLAIN) as client:
        return client.get(url, headers=[(b"Authorization", value.encode()) for value in authorization])


def test_good_token_is_accepted_whatever_the_case_of_the_scheme(resource: str, op: TestProvider) -> None:
    token = op.access_token(act_as={"uscc": "91", "name": "天山"})
    for scheme in ("Bearer", "bearer", "BEARER"):
        answer = ask(f"{resource}/read", f"{scheme} {token}")
        assert answer.status_code == 200
    assert answer.json() == {
        "sub": "person-1",
        "client": "client",
        "person": True,
        "act_as": {"uscc": "91", "name": "天山"},
    }


def test_token_of_a_client_for_itself_is_no_person(resource: str, op: TestProvider) -> None:
    answer = ask(f"{resource}/read", f"Bearer {op.access_token(sub='client')}").json()
    assert answer["person"] is False and answer["act_as"] is None


@pytest.mark.parametrize("header", [None, "", "Basic eDp5", "Bearer", "Bearer a b", "Bearer é", "token"])
def test_request_without_token_is_challenged_without_an_error(resource: str, header: str | None) -> None:
    # RFC 6750 §3.1: no error code when the request lacks any authentication information.
    answer = ask(f"{resource}/read", *([header] if header else []))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="tongxing"'


def test_two_authorization_headers_are_a_bad_request(resource: str, op: TestProvider) -> None:
    token = op.access_token()
    answer = ask(f"{resource}/read", f"Bearer {token}", f"Bearer {token}")
    assert answer.status_code in {400, 401}
    assert answer.status_code == 400 or "error" not in answer.headers["WWW-Authenticate"]


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("iss", {"iss": "http://127.0.0.1:1"}),
    ("iss", {"iss": None}),
    ("aud", {"aud": "http://127.0.0.1:8301"}),
    ("aud", {"aud": AUDIENCE + "/"}),
    ("aud", {"aud": None}),
    ("aud", {"aud": []}),
    ("exp", {"exp": ago(100)}),
    ("exp", {"exp": None}),
    ("exp", {"exp": "9999999999"}),
    ("iat", {"iat": ago(-86400)}),
    ("iat", {"iat": None}),
    ("nbf", {"nbf": ago(-86400)}),
    ("sub", {"sub": None}),
    ("client_id", {"client_id": None}),
    ("jti", {"jti": None}),
    ("scope", {"scope": ["matters.read"]}),
    ("cnf", {"cnf": {"jkt": "x"}}),
]


@pytest.mark.parametrize(("claim", "overrides"), WRONG)
def test_wrong_claim_makes_the_token_invalid(
    resource: str, op: TestProvider, claim: str, overrides: dict[str, Any]
) -> None:
    answer = ask(f"{resource}/read", f"Bearer {op.access_token(**overrides)}")
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert f"({claim})" in answer.json()["error_description"]


def test_audience_may_be_one_of_several(resource: str, op: TestProvider) -> None:
    assert ask(f"{resource}/read", f"Bearer {op.access_token(aud=['x', AUDIENCE])}").status_code == 200


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"typ": "logout+jwt"}, {"typ": "at+jwtx"}, {"alg": "none"}])
def test_token_of_another_kind_or_unsigned_is_invalid(resource: str, op: TestProvider, header: dict[str, str]) -> None:
    op.bend["access_token_header"] = lambda given: given.update(header)
    assert ask(f"{resource}/read", f"Bearer {op.access_token()}").status_code == 401


def test_type_may_carry_the_application_prefix(resource: str, op: TestProvider) -> None:
    op.bend["access_token_header"] = lambda given: given.update(typ="application/at+jwt")
    assert ask(f"{resource}/read", f"Bearer {op.access_token()}").status_code == 200


def test_id_token_is_no_access_token(resource: str, op: TestProvider) -> None:
    grant = {"client_id": AUDIENCE, "nonce": "n", "auth_time": ago(0), "acr": "a"}
    assert ask(f"{resource}/read", f"Bearer {op.id_token(grant, 'x')}").status_code == 401


def test_foreign_signature_is_invalid(resource: str, op: TestProvider, other_key: RSAKey) -> None:
    op.bend["access_token_header"] = lambda given: given.update(_key=other_key)
    assert ask(f"{resource}/read", f"Bearer {op.access_token()}").status_code == 401


def test_missing_scope_is_named(resource: str, op: TestProvider) -> None:
    answer = ask(f"{resource}/read", f"Bearer {op.access_token(scope='openid')}")
    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"].endswith('scope="matters.read"')
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert ask(f"{resource}/read", f"Bearer {op.access_token(scope=None)}").status_code == 403


@pytest.mark.parametrize("acr", ["urn:tongxing:loa:2", "urn:tongxing:loa:9", "", None, 4])
def test_level_too_low_asks_for_step_up(resource: str, op: TestProvider, acr: object) -> None:
    answer = ask(f"{resource}/level", f"Bearer {op.access_token(acr=acr)}")
    assert answer.status_code == 401
    assert 'error="insufficient_user_authentication"' in answer.headers["WWW-Authenticate"]
    assert answer.headers["WWW-Authenticate"].endswith('acr_values="urn:tongxing:loa:3"')


@pytest.mark.parametrize("acr", ["urn:tongxing:loa:3", "urn:tongxing:loa:4"])
def test_level_or_higher_is_enough(resource: str, op: TestProvider, acr: str) -> None:
    assert ask(f"{resource}/level", f"Bearer {op.access_token(acr=acr)}").status_code == 200


def test_keys_that_cannot_be_had_are_no_fault_of_the_token(resource: str, op: TestProvider) -> None:
    op.instead["jwks"] = lambda: ("", 500)
    answer = ask(f"{resource}/read", f"Bearer {op.access_token()}")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


# --- parsers and order ------------------------------------------------------------------------------------------


@given(st.text())
def test_any_header_holds_a_token_or_is_refused(header: str) -> None:
    try:
        token = bearer_token(header)
    except AccessDenied as denied:
        assert denied.error is None
    else:
        assert header.strip().lower().startswith("bearer ") and token in header and " " not in token


@given(st.text(), st.text())
def test_challenge_is_always_one_well_formed_line(error: str, description: str) -> None:
    line = challenge(AccessDenied(error, description, scope=description))
    assert line.isprintable() and line.isascii()
    assert line.count('"') % 2 == 0 and "\\" not in line


def test_levels_are_ordered_and_unknown_ones_satisfy_nothing() -> None:
    for low, acr in enumerate(LEVELS):
        for high, required in enumerate(LEVELS):
            assert satisfies(acr, required) is (low >= high)
    assert rank(None) == rank("x") == -1
    assert not satisfies(None, LEVELS[0]) and not satisfies("x", LEVELS[0])
    assert satisfies("other", "other") and not satisfies(LEVELS[4], "other")
