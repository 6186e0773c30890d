"""OpenID Connect Session Management 1.0: session_state in answers, the browser state it rests on, the page for frames.
What that page answers is shown in Chromium (tests/journeys/test_logout_in_chromium.py)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from idp.context import Context
from idp.domain.session import Session
from idp.protocol.logout import end_session
from idp.protocol.session_management import session_state, signed_in_state, signed_out_state
from tests.authorizing import REDIRECT_URI, answer, asking, csrf_token, hidden, location
from tests.conftest import ISSUER, PASSWORD, AddPerson, RegisterClient, SignIn
from tests.logging_out import Party, party

Work = Callable[[], AbstractContextManager[Context]]
ORIGIN = "http://127.0.0.1:9009"


@pytest.fixture
def watching(http: FlaskClient, add_person: AddPerson, sign_in: SignIn, register_client: RegisterClient) -> Party:
    """A relying party whose person is signed in in the browser `http`."""
    sign_in(add_person(username="zhangwei"))
    return party(http, register_client, "client")


def browser_state(http: FlaskClient, name: str = "tx_state") -> str:
    cookie = http.get_cookie(name, domain="127.0.0.1")
    return cookie.value if cookie else ""


def expected(told: dict[str, str], http: FlaskClient, client_id: str = "client", origin: str = ORIGIN) -> str:
    """§3.2, with the salt of the answer."""
    salt = told["session_state"].partition(".")[2]
    text = f"{client_id} {origin} {browser_state(http)} {salt}"
    return f"{hashlib.sha256(text.encode()).hexdigest()}.{salt}"


def silently(http: FlaskClient, client_id: str = "client", **changes: Any) -> dict[str, str]:
    return answer(http.get("/authorize", query_string=asking(client_id, prompt="none", **changes)))


# --- session_state (§2, §3.2) -----------------------------------------------------------------------------------------


def test_discovery_says_where_the_page_is(http: FlaskClient) -> None:
    """§3.3; certification's session-management-discovery-endpoint-verification."""
    document = http.get("/.well-known/openid-configuration").json
    assert document is not None and document["check_session_iframe"] == ISSUER + "/check-session"


def test_answer_carries_the_hash_over_client_origin_browser_state_and_salt(http: FlaskClient, watching: Party) -> None:
    told = watching.log_in()
    assert told["session_state"] == expected(told, http)
    assert " " not in told["session_state"]


def test_every_answer_has_its_own_salt(http: FlaskClient, watching: Party) -> None:
    first, second = silently(http), silently(http)
    assert first["session_state"] != second["session_state"]
    assert first["session_state"] == expected(first, http) and second["session_state"] == expected(second, http)


def test_another_client_and_another_origin_have_another_state(
    http: FlaskClient, watching: Party, register_client: RegisterClient
) -> None:
    uri = "https://RP.example:443/callback?a=b"
    register_client("second", is_first_party=True, redirect_uris=[uri])
    response = http.get("/authorize", query_string=asking("second", redirect_uri=uri))
    told = dict(parse_qsl(urlsplit(location(response)).query))
    assert told["session_state"] == expected(told, http, "second", "https://rp.example")
    assert told["session_state"] not in (expected(told, http), expected(told, http, "second"))


def test_form_post_answer_carries_it_too(http: FlaskClient, watching: Party) -> None:
    page = http.get("/authorize", query_string=asking(response_mode="form_post"))
    told = {"session_state": hidden(page, "session_state")}
    assert told["session_state"] == expected(told, http)


@pytest.mark.parametrize(
    ("changes", "redirect_uri"),
    [({"scope": "profile"}, REDIRECT_URI), ({"redirect_uri": "cn.example.app:/callback"}, "cn.example.app:/callback")],
    ids=["no OpenID request", "no web origin"],
)
def test_answer_that_nobody_could_check_has_none(
    http: FlaskClient, watching: Party, register_client: RegisterClient, changes: dict[str, str], redirect_uri: str
) -> None:
    register_client("app", is_first_party=True, redirect_uris=[REDIRECT_URI, "cn.example.app:/callback"])
    told = answer(http.get("/authorize", query_string=asking("app", **changes)), redirect_uri)
    assert "code" in told and "session_state" not in told


def test_refusal_carries_it_too(http: FlaskClient, register_client: RegisterClient) -> None:
    """§3.2: an unsuccessful request's, salted, so that nobody is recognised by it."""
    register_client(is_first_party=True)
    first, second = silently(http), silently(http)
    assert first["error"] == "login_required"
    assert first["session_state"] != second["session_state"]
    assert second["session_state"] == expected(second, http) and first["session_state"] == expected(first, http)


def test_refusal_of_a_faulty_request_has_none(http: FlaskClient, watching: Party) -> None:
    assert "session_state" not in answer(http.get("/authorize", query_string=asking(prompt="none login")))


# --- the browser state (§3.2) -----------------------------------------------------------------------------------------


def log_in(http: FlaskClient) -> None:
    page = http.get("/login")
    form = {"username": "zhangwei", "password": PASSWORD, "csrf_token": csrf_token(page)}
    assert http.post("/login", data=form).status_code == 303


def test_it_changes_with_every_login_and_logout_and_not_between(
    http: FlaskClient, watching: Party, register_client: RegisterClient
) -> None:
    """Certification's session-management-rp-initiated-logout: what was issued before no longer matches afterwards."""
    states = []
    told = watching.log_in()
    states.append(browser_state(http))
    silently(http)
    assert browser_state(http) == states[0]
    watching.log_out()
    states.append(browser_state(http))
    assert told["session_state"] != expected(told, http)
    silently(http)
    assert browser_state(http) == states[1]
    log_in(http)
    states.append(browser_state(http))
    silently(http)
    assert browser_state(http) == states[2]
    log_in(http)
    states.append(browser_state(http))
    assert len(set(states)) == 4 and all(states)


def test_session_that_ended_elsewhere_is_noticed_when_the_browser_comes_by(
    http: FlaskClient, add_person: AddPerson, sign_in: SignIn, register_client: RegisterClient, work: Work
) -> None:
    session: Session = sign_in(add_person(password=None))
    told = party(http, register_client, "client").log_in()
    before = browser_state(http)
    with work() as context:
        end_session(context, session, reason="test")
    assert silently(http)["error"] == "login_required"
    assert browser_state(http) != before and told["session_state"] != expected(told, http)


def test_browser_that_lost_the_state_or_was_given_another_gets_the_true_one_back(
    http: FlaskClient, watching: Party
) -> None:
    watching.log_in()
    true = browser_state(http)
    for held in ("", "made-up", signed_out_state()):
        http.set_cookie("tx_state", held, domain="127.0.0.1")
        told = silently(http)
        assert browser_state(http) == true and told["session_state"] == expected(told, http)


def test_frame_in_another_sites_page_does_not_sign_the_person_out_for_all_others(
    http: FlaskClient, watching: Party, new_http: Callable[[Flask], FlaskClient]
) -> None:
    """A silent request from there comes with the browser state (SameSite=None) but without the session (Lax)."""
    watching.log_in()
    true = browser_state(http)
    framed = new_http(http.application)
    framed.set_cookie("tx_state", true, domain="127.0.0.1")
    assert silently(framed)["error"] == "login_required"
    assert browser_state(framed) == true


def test_another_sites_page_cannot_make_services_believe_that_the_person_signed_out(
    http: FlaskClient, watching: Party, new_http: Callable[[Flask], FlaskClient]
) -> None:
    """A picture from /logout comes without the session: nothing ends, so nothing changes."""
    watching.log_in()
    framed = new_http(http.application)
    framed.set_cookie("tx_state", browser_state(http), domain="127.0.0.1")
    framed.get("/logout", query_string={"id_token_hint": watching.id_token})
    assert browser_state(framed) == browser_state(http)
    assert watching.silent_error() is None


def test_state_of_nobody_is_random_and_tells_nothing_of_anybody() -> None:
    """Otherwise any site could compute its session_state and learn whether the visitor is signed in."""
    assert signed_out_state() != signed_out_state()
    assert signed_out_state("a session's") not in ("a session's", "")
    kept = signed_out_state()
    assert signed_out_state(kept) == kept


def test_state_of_a_session_does_not_tell_its_secret_nor_what_is_stored_of_it() -> None:
    secret = "s" * 43
    state = signed_in_state(secret)
    assert secret not in state and hashlib.sha256(secret.encode()).hexdigest() not in state and len(state) == 43


@pytest.mark.parametrize(
    ("issuer", "prefix", "attributes"),
    [
        (ISSUER, "tx_state=", {"Path=/", "SameSite=Lax"}),
        ("https://login.example", "__Host-tx_state=", {"Path=/", "Secure", "SameSite=None"}),
    ],
)
def test_cookie_can_be_read_by_the_script_of_a_frame(
    make_app: Callable[..., Flask],
    new_http: Callable[[Flask], FlaskClient],
    register_client: RegisterClient,
    issuer: str,
    prefix: str,
    attributes: set[str],
) -> None:
    """§3.2: not HttpOnly; in other sites' pages where cookies can say so, which needs https."""
    app = make_app(issuer=issuer)
    register_client(provider=app.extensions["tongxing"])
    response = new_http(app).get("/authorize", query_string=asking(prompt="none"))
    [cookie] = [line for line in response.headers.getlist("Set-Cookie") if line.startswith(prefix)]
    assert set(cookie.split("; ")[1:]) == attributes


def test_nothing_but_openid_requests_sets_it(http: FlaskClient, watching: Party) -> None:
    http.get("/login")
    assert browser_state(http) == ""


# --- the page (§3.2) --------------------------------------------------------------------------------------------------


def test_anybody_may_frame_the_page_and_no_other(http: FlaskClient) -> None:
    page = http.get("/check-session")
    assert page.status_code == 200 and "X-Frame-Options" not in page.headers
    policy = page.headers["Content-Security-Policy"]
    assert "frame-ancestors *" in policy and "script-src 'self'" in policy and "default-src 'none'" in policy
    assert 'data-cookie="tx_state"' in page.get_data(as_text=True)
    assert "<form" not in page.get_data(as_text=True), "nothing to click on"
    for path, options in (("/check-session", {"method": "POST"}), ("/login", {}), ("/signed-out", {}), ("/none", {})):
        other = http.open(path, **options)
        assert other.headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in other.headers["Content-Security-Policy"]


def test_page_is_kept_by_the_browser_and_sets_no_cookie(http: FlaskClient) -> None:
    page = http.get("/check-session")
    assert page.headers["Cache-Control"] == "private, max-age=3600"
    assert "Set-Cookie" not in page.headers


def test_switched_off_there_is_nothing_of_it(
    make_app: Callable[..., Flask],
    new_http: Callable[[Flask], FlaskClient],
    register_client: RegisterClient,
    add_person: AddPerson,
    sign_in: SignIn,
) -> None:
    app = make_app(session_management=False)
    http, provider = new_http(app), app.extensions["tongxing"]
    register_client(provider=provider, is_first_party=True)
    assert set(silently(http)) == {"error", "error_description", "state", "iss"}
    sign_in(add_person(provider=provider, password=None), http=http)
    assert set(silently(http)) == {"code", "state", "iss"}
    http.post("/sign-out", data={"csrf_token": csrf_token(http.get("/logout"))})
    assert browser_state(http) == ""
    assert http.get("/check-session").status_code == 404
    document = http.get("/.well-known/openid-configuration").json
    assert document is not None and "check_session_iframe" not in document


@given(client_id=st.text(), origin=st.text(), state=st.text(), salt=st.text(alphabet="ab_-", min_size=1))
def test_any_text_has_its_state_of_one_shape(client_id: str, origin: str, state: str, salt: str) -> None:
    digest, _, kept = session_state(client_id, origin, state, salt).partition(".")
    assert len(digest) == 64 and set(digest) <= set("0123456789abcdef") and kept == salt
