"""The middle platform trusts the real provider: a case is filed with an access token that it issued."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from clients.matters.app import create_app
from clients.matters.config import MattersSettings
from clients.matters.database import migrate
from tests.authorizing import VERIFIER, answer, asking
from tests.clients.matters.conftest import CERTIFICATE, CERTIFICATE_VALUES, MASTER_KEY, URL
from tests.conftest import AddPerson, RegisterClient, SignIn

SCOPE = "openid identity phone matters.read matters.submit"
Tokens = Callable[..., str]


@pytest.fixture
def region(make_app: Callable[..., Flask], serve: Callable[..., str], free_port: Callable[[], int]) -> Flask:
    """The provider on a real port."""
    port = free_port()
    app = make_app(issuer=f"http://127.0.0.1:{port}")
    serve(app, port)
    return app


@pytest.fixture
def platform(region: Flask, tmp_path: Path) -> Iterator[FlaskClient]:
    url = f"sqlite:///{tmp_path}/matters.sqlite3"
    migrate(url)
    issuer = region.extensions["tongxing"].settings.issuer
    settings = MattersSettings(url=URL, issuer=issuer, database_url=url, master_key=MASTER_KEY)
    app = create_app(settings, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    yield app.test_client()
    app.extensions["matters"].close()


@pytest.fixture
def token_of(
    region: Flask,
    new_http: Callable[[Flask], FlaskClient],
    register_client: RegisterClient,
    add_person: AddPerson,
    sign_in: SignIn,
) -> Tokens:
    """`token_of(level, scope)`: the access token of a portal in which a person has just logged in."""

    def token(level: int = 3, scope: str = SCOPE) -> str:
        provider, http = region.extensions["tongxing"], new_http(region)
        client, secret = register_client("portal", is_first_party=True, provider=provider)
        person = add_person(
            level=level, phone="13800138000", id_number="650101199003077219", name="王小明", provider=provider
        )
        sign_in(person, http=http)
        code = answer(http.get("/authorize", query_string=asking(client.client_id, scope=scope)))["code"]
        form: dict[str, Any] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": "http://127.0.0.1:9009/callback",
            "code_verifier": VERIFIER,
        }
        response = http.post("/token", data=form, auth=(client.client_id, str(secret)))
        assert response.status_code == 200, response.text
        return str(response.json["access_token"])

    return token


def submit(platform: FlaskClient, token: str) -> Any:
    body = {"values": CERTIFICATE_VALUES, "idempotency_key": "key-00000001"}
    headers = {"Authorization": f"Bearer {token}"}
    return platform.post(f"/api/matters/{CERTIFICATE}/cases", json=body, headers=headers)


def test_case_carries_the_identity_that_the_provider_verified(platform: FlaskClient, token_of: Tokens) -> None:
    case = submit(platform, token_of())
    assert case.status_code == 201, case.text
    assert case.json["values"]["applicant_name"] == "王小明"
    assert case.json["values"]["mobile"] == "13800138000"
    assert case.json["values"]["applicant_id_type"] == "111"
    assert case.json["status"] == "accepted"


def test_level_the_provider_states_is_the_level_that_counts(platform: FlaskClient, token_of: Tokens) -> None:
    refused = submit(platform, token_of(level=2))
    assert refused.status_code == 401
    assert 'acr_values="urn:tongxing:loa:3"' in refused.headers["WWW-Authenticate"]


def test_token_for_reading_does_not_file(platform: FlaskClient, token_of: Tokens) -> None:
    refused = submit(platform, token_of(scope="openid identity matters.read"))
    assert refused.status_code == 403 and 'scope="matters.submit"' in refused.headers["WWW-Authenticate"]


def test_token_that_is_not_for_the_platform_is_not_accepted(platform: FlaskClient, token_of: Tokens) -> None:
    refused = submit(platform, token_of(scope="openid identity"))
    assert refused.status_code == 401 and refused.json["error"] == "invalid_token"
