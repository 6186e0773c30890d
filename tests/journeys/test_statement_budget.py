"""What whole journeys cost in SQL statements, on both engines, ephemeral values in SQL too (docs/architecture.md)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient

from tests.conftest import PASSWORD
from tests.statements import Statements

pytestmark = pytest.mark.usefixtures("both_engines")
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
CALLBACK = "https://rp.example/callback"
Counted = Callable[[], AbstractContextManager[Statements]]


class Relying:
    """A confidential first-party client driven by hand."""

    def __init__(self, http: FlaskClient, register_client: Callable[..., Any]) -> None:
        self.http = http
        _, secret = register_client(
            "rp",
            is_first_party=True,
            redirect_uris=[CALLBACK],
            grant_types=["authorization_code", "refresh_token", "client_credentials"],
            scope="openid profile",
        )
        pair = base64.b64encode(f"rp:{secret}".encode()).decode()
        self.headers = {"Authorization": f"Basic {pair}"}

    def authorize(self) -> str:
        """The address a person's browser is sent to."""
        return "/authorize?" + urlencode(
            {
                "response_type": "code",
                "client_id": "rp",
                "redirect_uri": CALLBACK,
                "scope": "openid profile",
                "state": "s",
                "nonce": "n",
                "code_challenge": CHALLENGE,
                "code_challenge_method": "S256",
            }
        )

    def push(self) -> str:
        """The same request pushed; the address a person's browser is then sent to."""
        form = dict(parse_qsl(urlsplit(self.authorize()).query))
        answer = self.http.post("/par", data=form, headers=self.headers)
        assert answer.status_code == 201, answer.text
        return "/authorize?" + urlencode({"client_id": "rp", "request_uri": answer.json["request_uri"]})

    def exchange(self, location: str) -> dict[str, Any]:
        code = parse_qs(urlsplit(location).query)["code"][0]
        return self.token(grant_type="authorization_code", code=code, redirect_uri=CALLBACK, code_verifier=VERIFIER)

    def token(self, **form: str) -> dict[str, Any]:
        answer = self.http.post("/token", data=form, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)


@pytest.fixture
def relying(http: FlaskClient, register_client: Callable[..., Any]) -> Relying:
    relying = Relying(http, register_client)
    relying.token(grant_type="client_credentials")  # the process knows the client from now on
    return relying


def log_in(http: FlaskClient, relying: Relying, address: str | None = None) -> dict[str, Any]:
    """Everything from the authorization request to the tokens, with username and password."""
    login_url = http.get(address or relying.authorize()).headers["Location"]
    page = http.get(login_url)
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert found
    interaction = parse_qs(urlsplit(login_url).query)["interaction"][0]
    form = {"username": "zhang.san", "password": PASSWORD, "csrf_token": found[1], "interaction": interaction}
    entered = http.post(login_url, data=form)
    assert entered.status_code == 303, entered.text
    return relying.exchange(http.get(entered.headers["Location"]).headers["Location"])


def test_a_full_login_with_password_costs_at_most_eight_statements(
    relying: Relying, add_person: Callable[..., Any], statements: Counted
) -> None:
    add_person(username="zhang.san")
    with statements() as seen:
        log_in(relying.http, relying)
    assert len(seen) <= 8, seen


def test_silent_single_sign_on_costs_at_most_eight_statements_code_exchange_included(
    relying: Relying, add_person: Callable[..., Any], statements: Counted
) -> None:
    add_person(username="zhang.san")
    log_in(relying.http, relying)
    with statements() as seen:
        relying.exchange(relying.http.get(relying.authorize()).headers["Location"])
    assert len(seen) <= 3, seen  # the promise is 8; docs/architecture.md says 3


def test_pushing_a_request_costs_one_statement_and_using_it_one_read_more_than_a_plain_one(
    relying: Relying, add_person: Callable[..., Any], statements: Counted
) -> None:
    add_person(username="zhang.san")
    with statements() as pushing:
        address = relying.push()
    assert len(pushing) <= 1, pushing
    with statements() as seen:
        log_in(relying.http, relying, address)
    assert len(seen) <= 9, seen
    address = relying.push()
    with statements() as silent:
        relying.exchange(relying.http.get(address).headers["Location"])
    assert len(silent) <= 4, silent


def test_a_refresh_costs_at_most_two_statements(
    relying: Relying, add_person: Callable[..., Any], statements: Counted
) -> None:
    add_person(username="zhang.san")
    tokens = log_in(relying.http, relying)
    with statements() as seen:
        relying.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert len(seen) <= 2, seen


def test_an_introspection_and_a_userinfo_cost_one_statement_each(
    relying: Relying, add_person: Callable[..., Any], statements: Counted
) -> None:
    add_person(username="zhang.san")
    token = log_in(relying.http, relying)["access_token"]
    with statements() as seen:
        answer = relying.http.post("/introspect", data={"token": token}, headers=relying.headers)
    assert answer.json["active"] and len(seen) <= 1, seen
    with statements() as seen:
        assert relying.http.get("/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert len(seen) <= 1, seen


@pytest.mark.parametrize(
    "path", ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/jwks"]
)
def test_discovery_and_keys_cost_no_statement(http: FlaskClient, statements: Counted, path: str) -> None:
    http.get(path)
    with statements() as seen:
        assert http.get(path).status_code == 200
    assert len(seen) == 0, seen
