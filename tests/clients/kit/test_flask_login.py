"""The login blueprint as an integrator without any further extension uses it: plain pages, the built-in CSRF check."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import ECKey

from clients.kit.flask_login import FlaskLogin, relying_party
from clients.kit.http import HttpClient
from clients.kit.relying_party import PrivateKeyJwt, RelyingParty, RelyingPartyConfig
from clients.kit.sealing import Sealer
from clients.kit.sessions import SessionStore, migrate, open_engine
from tests.clients.browser import Browser
from tests.clients.op import TestProvider
from tests.clients.serving import answering, bind


class Site:
    def __init__(self, url: str, login: FlaskLogin, op: TestProvider) -> None:
        self.url, self.login, self.op, self.browser = url, login, op, Browser()


@pytest.fixture
def site(op: TestProvider, http: HttpClient, client_key: ECKey, tmp_path: Path) -> Iterator[Site]:
    app = Flask("site")
    server = bind(app)
    url = f"http://127.0.0.1:{server.port}/hall"
    op.clients["hall"] = {"jwk": client_key.as_dict(private=False)}
    database = f"sqlite:///{tmp_path / 'hall.sqlite3'}"
    migrate(database)
    config = RelyingPartyConfig(
        op.issuer,
        "hall",
        f"{url}/callback",
        auth=PrivateKeyJwt(client_key.as_dict(private=True)),
        post_logout_redirect_uri=f"{url}/signed-out",
    )
    login = relying_party(
        "hall",
        RelyingParty(config, http),
        SessionStore(open_engine(database), Sealer(bytes(32)), "hall"),
        csrf_key=b"k" * 32,
        url_prefix="/hall",
        cookie_name="tx_hall",
        secure_cookies=False,
    )
    app.register_blueprint(login.blueprint)

    @app.get("/hall/mine")
    @login.required()
    def mine() -> str:
        session = login.current()
        assert session
        return f"{session.subject} {session.acr} {login.csrf_token()}"

    @app.get("/hall/high")
    @login.required("urn:tongxing:loa:3")
    def high() -> str:
        return "high"

    with answering(server):
        yield Site(url, login, op)


def test_protected_page_is_reached_through_the_provider(site: Site) -> None:
    answer = site.browser.open(f"{site.url}/mine")
    assert answer.text.startswith("person-1 urn:tongxing:loa:2")


def test_cookies_are_bound_to_the_prefix(site: Site) -> None:
    answer = site.browser.get(f"{site.url}/login")
    assert "Path=/hall" in answer.headers["Set-Cookie"]


def test_level_is_stepped_up_once_and_then_told_plainly(site: Site) -> None:
    site.browser.open(f"{site.url}/mine")
    assert site.browser.open(f"{site.url}/high").text == "high"
    assert site.op.last["authorize"]["acr_values"] == "urn:tongxing:loa:3 urn:tongxing:loa:4"


def test_level_not_reached_is_a_page_and_no_circle(site: Site) -> None:
    site.op.reachable_acr = "urn:tongxing:loa:2"
    answer = site.browser.open(f"{site.url}/high")
    assert answer.status_code == 403
    assert "urn:tongxing:loa:3" in answer.text and "acr_values" in answer.text


def test_sign_out_needs_the_token_of_this_session(site: Site) -> None:
    page = site.browser.open(f"{site.url}/mine").text
    assert site.browser.post(f"{site.url}/logout", {}).status_code == 400
    assert site.browser.post(f"{site.url}/logout", {"csrf_token": "x" * 64}).status_code == 400
    other = Browser()
    foreign = other.open(f"{site.url}/mine").text.split()[-1]
    assert site.browser.post(f"{site.url}/logout", {"csrf_token": foreign}).status_code == 400
    assert site.browser.get(f"{site.url}/mine").status_code == 200
    answer = site.browser.submit(f"{site.url}/logout", {"csrf_token": page.split()[-1]})
    assert "You are signed out." in answer.text
    assert site.browser.get(f"{site.url}/mine").status_code == 303


def test_sign_out_of_nobody_goes_on_to_the_provider(site: Site) -> None:
    answer = site.browser.post(f"{site.url}/logout", {})
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{site.op.issuer}/logout")


def test_plain_problem_page_shows_no_foreign_text(site: Site) -> None:
    site.op.bend["authorize"] = lambda answer: answer.update(error="access_denied", error_description="<b>x</b>")
    answer = site.browser.open(f"{site.url}/mine")
    assert answer.status_code == 403
    assert "You cancelled the sign-in." in answer.text and "<b>" not in answer.text


def test_provider_down_at_sign_in_and_sign_out_is_told(site: Site) -> None:
    site.op.instead["openid-configuration"] = lambda: ("", 500)
    answer = site.browser.open(f"{site.url}/mine")
    assert answer.status_code == 503 and "does not answer" in answer.text
    answer = site.browser.post(f"{site.url}/logout", {})
    assert "could not be told" in answer.text


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_back_channel_logout_is_a_post(site: Site, method: str) -> None:
    assert site.browser._request(method, f"{site.url}/backchannel-logout").status_code == 405


def test_back_channel_logout_with_two_tokens_is_refused(site: Site) -> None:
    token = site.op.logout_token("hall")
    answer = site.browser._request("POST", f"{site.url}/backchannel-logout", data={"logout_token": [token, token]})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_secure_cookies_carry_the_host_prefix(site: Site) -> None:
    app = Flask("secure")
    login = relying_party("x", site.login.relying_party, site.login.store, csrf_key=b"k")
    app.register_blueprint(login.blueprint)
    cookie = app.test_client().get("/login").headers["Set-Cookie"]
    assert cookie.startswith("__Host-x_session_login=")
    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert attribute in cookie


def test_misspelt_option_is_refused(site: Site) -> None:
    options: dict[str, Any] = {"page": None}
    with pytest.raises(TypeError, match="page"):
        relying_party("x", site.login.relying_party, site.login.store, csrf_key=b"k", **options)
