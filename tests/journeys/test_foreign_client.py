"""Any relying party that follows the specifications works: every sandbox client of target.json, driven from outside."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.outbound import TOTAL_SECONDS
from tests.conftest import PASSWORD, AddPerson
from tests.journeys.demo import Demo
from tests.journeys.foreign_client import EVERYTHING, ForeignClient, forged, payload
from tests.person import Page, Person

CLIENTS = [
    ("confidential", "RSA"),
    ("other", "RSA"),
    ("post", "RSA"),
    ("public", "RSA"),
    ("private_key_jwt", "RSA"),
    ("private_key_jwt", "EC"),
]
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def user(demo: Demo) -> dict[str, Any]:
    found: dict[str, Any] = demo.target["users"][0]
    return found


@pytest.fixture
def person(new_person: Callable[..., Person]) -> Person:
    return new_person("en")


@pytest.fixture
def foreign(demo: Demo) -> Iterator[Callable[..., ForeignClient]]:
    """`foreign(name, key="RSA")` is one of target.json's clients."""
    with ExitStack() as stack:

        def new(name: str, key: str = "RSA") -> ForeignClient:
            client = ForeignClient(demo.target, name, key)
            stack.callback(client.close)
            return client

        yield new


@pytest.fixture
def client(foreign: Callable[..., ForeignClient]) -> ForeignClient:
    return foreign("confidential")


@pytest.fixture
def other(foreign: Callable[..., ForeignClient]) -> ForeignClient:
    return foreign("other")


@pytest.mark.parametrize(("name", "key"), CLIENTS)
def test_every_sandbox_client_lives_a_whole_life(
    foreign: Callable[..., ForeignClient], person: Person, user: dict[str, Any], name: str, key: str
) -> None:
    client = foreign(name, key)
    tokens = client.log_in(person, user)
    assert {"auth_time", "acr", "amr", "sid"} <= tokens["claims"].keys()
    assert not tokens["claims"].keys() & user["claims"].keys()  # OpenID Connect Core §5.4: those come from userinfo
    _check_userinfo(client, tokens, user)
    silent = client.log_in(person, user, prompt="none", id_token_hint=tokens["id_token"])
    assert silent["claims"]["auth_time"] == tokens["claims"]["auth_time"]
    _check_refresh(client, silent)
    _check_introspection_and_revocation(client, tokens)
    assert client.userinfo(silent["access_token"]).status_code == 401  # its family was reused


def _check_userinfo(client: ForeignClient, tokens: dict[str, Any], user: dict[str, Any]) -> None:
    url, token = client.endpoint("userinfo"), tokens["access_token"]
    answers = [
        client.userinfo(token),
        client.http.post(url, headers={"Authorization": f"bearer {token}"}),
        client.http.post(url, data={"access_token": token}),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"sub": tokens["claims"]["sub"]} | user["claims"]
    assert client.http.get(url, params={"access_token": token}).status_code in {400, 401}  # RFC 9700 §4.3.2


def _check_refresh(client: ForeignClient, tokens: dict[str, Any]) -> None:
    first = client.refresh(tokens["refresh_token"])
    assert first.status_code == 200, first.text
    assert first.json()["refresh_token"] != tokens["refresh_token"]
    _, claims = client.decode(first.json()["id_token"])
    assert {name: claims[name] for name in ("sub", "auth_time", "sid")} == {
        name: tokens["claims"][name] for name in ("sub", "auth_time", "sid")
    }
    assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert client.refresh(first.json()["refresh_token"]).json()["error"] == "invalid_grant"
    assert client.userinfo(first.json()["access_token"]).status_code == 401


def _check_introspection_and_revocation(client: ForeignClient, tokens: dict[str, Any]) -> None:
    if client.name == "public":  # RFC 7662 §2.1: only who can authenticate
        assert client.post(client.endpoint("introspection"), token="x").status_code == 401
    else:
        for kind in ("access_token", "refresh_token"):
            found = client.introspect(tokens[kind])
            assert (found["active"], found["client_id"]) == (True, client.client_id)
    revoke = client.endpoint("revocation")
    assert client.post(revoke, token=tokens["refresh_token"], token_type_hint="access_token").status_code == 200
    assert client.userinfo(tokens["access_token"]).status_code == 401
    assert client.post(revoke, token="made up").status_code == 200


@pytest.mark.parametrize(("name", "key"), CLIENTS)
def test_client_acts_for_itself_only_where_registered(
    foreign: Callable[..., ForeignClient], name: str, key: str
) -> None:
    client = foreign(name, key)
    answer = client.token(grant_type="client_credentials", scope=client.target["client_credentials_scope"])
    if name not in {"confidential", "private_key_jwt"}:
        assert answer.json()["error"] == "unauthorized_client"
        return
    assert answer.status_code == 200, answer.text
    assert not {"refresh_token", "id_token"} & answer.json().keys()
    header, claims = client.decode(answer.json()["access_token"])
    assert (header["typ"], claims["sub"], claims["aud"]) == ("at+jwt", client.client_id, client.target["resource"])


def test_code_used_twice_gives_nothing_and_takes_back_what_it_gave(
    client: ForeignClient, person: Person, user: dict[str, Any]
) -> None:
    attempt = client.begin()
    code = client.read_answer(client.walk(person, user, attempt), attempt)["code"]
    tokens = client.exchange(code, attempt)
    again = {"code": code, "redirect_uri": attempt.redirect_uri, "code_verifier": attempt.verifier}
    assert client.token(grant_type="authorization_code", **again).json()["error"] == "invalid_grant"
    assert client.userinfo(tokens["access_token"]).status_code == 401
    assert client.refresh(tokens["refresh_token"]).status_code == 400


# --- ways of asking --------------------------------------------------------------------------------------------------


def test_form_post_carries_the_answer_in_a_form_of_our_own(
    other: ForeignClient, person: Person, user: dict[str, Any]
) -> None:
    other.log_in(person, user)
    for wrong in ({}, {"max_age": "soon"}):
        attempt = other.begin(response_mode="form_post", prompt="none", **wrong)
        page = person.open(attempt.url)
        form = page.document.forms[0]
        fields = dict(form.form_values())
        assert (page.status, form.method, form.action) == (200, "POST", attempt.redirect_uri)
        assert (fields["iss"], fields["state"]) == (other.issuer, attempt.state)
        assert ("code" in fields) != bool(wrong)
        assert page.document.xpath("//noscript//button | //form//button")


def test_request_posted_by_another_site_finds_the_session_again(
    other: ForeignClient, person: Person, new_person: Callable[..., Person], user: dict[str, Any]
) -> None:
    other.log_in(person, user)
    attempt = other.begin()
    endpoint = other.endpoint("authorization")
    answer = other.http.post(endpoint, data=dict(parse_qsl(urlsplit(attempt.url).query)))  # SameSite=Lax: no cookies
    assert answer.status_code == 303
    back = urljoin(endpoint, answer.headers["Location"])
    assert "code" in other.read_answer(person.open(back, stop_before=attempt.redirect_uri), attempt)
    stranger = new_person("en")
    page = stranger.open(back, stop_before=attempt.redirect_uri)
    assert "code" in other.read_answer(other.walk_on(stranger, user, attempt, page), attempt)


PAGES = [("login", "/login"), ("consent", "/consent"), ("select_account", "/select-account"), ("create", "/register")]


@pytest.mark.parametrize(("prompt", "path"), PAGES)
def test_prompt_shows_its_page_to_who_is_signed_in(
    other: ForeignClient, person: Person, user: dict[str, Any], prompt: str, path: str
) -> None:
    other.log_in(person, user)
    assert person.open(other.begin(prompt=prompt).url).path == path


def test_fresh_login_has_a_new_time_and_the_same_person(
    other: ForeignClient, person: Person, user: dict[str, Any]
) -> None:
    first = other.log_in(person, user)["claims"]
    _until_after(first["auth_time"])
    second = other.log_in(person, user, prompt="login")["claims"]
    assert (second["sub"], second["auth_time"] > first["auth_time"]) == (first["sub"], True)
    assert other.log_in(person, user, max_age="10000")["claims"]["auth_time"] == second["auth_time"]
    _until_after(second["auth_time"])
    assert other.answer(person, user, max_age="0", prompt="none")["error"] == "login_required"
    assert other.log_in(person, user, max_age="0")["claims"]["auth_time"] > second["auth_time"]


def _until_after(moment: int) -> None:
    """Whole seconds are all that auth_time tells."""
    while time.time() < moment + 1:
        time.sleep(0.05)


SILENT: list[tuple[dict[str, str | None], str]] = [
    ({"id_token_hint": "OWN"}, "code"),
    ({"id_token_hint": "OTHERS"}, "login_required"),
    ({"id_token_hint": "ACCESS"}, "invalid_request"),
    ({"id_token_hint": "UNSIGNED"}, "invalid_request"),
    ({"claims": '{"id_token":{"sub":{"value":"nobody"}}}'}, "login_required"),
    ({"claims": '{"id_token":{"acr":{"essential":true,"values":["urn:tongxing:loa:4"]}}}'},
     "unmet_authentication_requirements"),
    ({"claims": '{"userinfo":{"name":{"essential":true}}}'}, "code"),
    ({"claims": '{"userinfo":'}, "invalid_request"),
    ({"claims": '{"a":NaN}'}, "invalid_request"),
    ({"claims": "[" * 3000}, "invalid_request"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"prompt": "nothing"}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": None}, "invalid_request"),
    ({"scope": "openid authority.verify"}, "code"),
    ({"scope": "openid identity"}, "invalid_scope"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"request": "x.y.z"}, "invalid_request_object"),
    ({"request_uri": "https://127.0.0.1/x"}, "invalid_request_uri"),
    ({"display": "popup", "ui_locales": "xx de", "claims_locales": "fr", "unknown": "1", "login_hint": "x"}, "code"),
    ({"acr_values": "urn:example:nothing urn:tongxing:loa:4"}, "code"),
]  # fmt: skip


def test_silent_requests_are_answered_by_redirect_as_specified(
    other: ForeignClient, person: Person, new_person: Callable[..., Person], demo: Demo, user: dict[str, Any]
) -> None:
    assert other.answer(new_person(), user, prompt="none")["error"] == "login_required"
    own = other.log_in(person, user)
    foreign = other.log_in(new_person("en"), demo.target["users"][1])
    hints = {
        "OWN": own["id_token"],
        "OTHERS": foreign["id_token"],
        "ACCESS": own["access_token"],
        "UNSIGNED": forged(own["id_token"], {"alg": "none"}),
    }
    for parameters, expected in SILENT:
        sent: dict[str, str | None] = {"prompt": "none"}
        sent |= {name: hints.get(value or "", value) for name, value in parameters.items()}
        answer = other.answer(person, user, **sent)
        assert ("code" if "code" in answer else answer["error"]) == expected, (parameters, answer)
        assert answer.keys() <= {"code", "error", "error_description", "state", "iss", "session_state"}


def test_acr_is_one_of_those_asked_for_where_one_is_reached(
    other: ForeignClient, person: Person, user: dict[str, Any]
) -> None:
    """OpenID Connect Core §5.5.1.1; a client knows the values it asked for and not their order."""
    reached = other.log_in(person, user)["claims"]["acr"]
    assert reached == f"urn:tongxing:loa:{user['level']}"
    essential = {"id_token": {"acr": {"essential": True, "values": ["urn:tongxing:loa:1"]}}}
    for asked, expected in (
        ({"acr_values": "urn:tongxing:loa:2"}, "urn:tongxing:loa:2"),
        ({"acr_values": "urn:tongxing:loa:0 urn:tongxing:loa:2 urn:x"}, "urn:tongxing:loa:2"),
        ({"acr_values": "urn:tongxing:loa:4"}, reached),
        ({"claims": json.dumps(essential)}, "urn:tongxing:loa:1"),
    ):
        tokens = other.log_in(person, user, prompt="none", **asked)
        assert tokens["claims"]["acr"] == expected
        assert other.decode(tokens["access_token"])[1]["acr"] == reached  # resource servers judge by the level itself


def test_person_who_denies_sends_access_denied(other: ForeignClient, person: Person, user: dict[str, Any]) -> None:
    attempt = other.begin(prompt="consent")
    page = other.walk(person, user, attempt, decision="deny")
    assert other.read_answer(page, attempt)["error"] == "access_denied"


def test_login_hint_fills_in_the_name(other: ForeignClient, person: Person, user: dict[str, Any]) -> None:
    page = person.open(other.begin(login_hint=user["username"]).url)
    assert page.get(other.target["login_form"]["username_field"]).get("value") == user["username"]


# --- logout ----------------------------------------------------------------------------------------------------------

URI, OTHER_URI = "URI", "OTHER URI"
LOGOUTS = [
    # parameters, what comes: back to the client, a question, signed out, or an error about a parameter
    ({"id_token_hint": "HINT", "post_logout_redirect_uri": URI, "state": "s" * 128}, "back"),
    ({"id_token_hint": "HINT", "post_logout_redirect_uri": URI}, "back"),
    ({"id_token_hint": "HINT", "client_id": "OWN", "post_logout_redirect_uri": URI}, "back"),
    ({"id_token_hint": "HINT"}, "signed-out"),
    ({}, "logout-yes"),
    ({"state": "x"}, "logout-yes"),
    ({"client_id": "OWN", "post_logout_redirect_uri": URI}, "logout-yes"),
    ({"id_token_hint": "OLD", "post_logout_redirect_uri": URI}, "logout-yes"),
    ({"post_logout_redirect_uri": URI}, "post_logout_redirect_uri"),
    ({"id_token_hint": "HINT", "post_logout_redirect_uri": "https://evil.example/"}, "post_logout_redirect_uri"),
    ({"id_token_hint": "HINT", "post_logout_redirect_uri": OTHER_URI}, "post_logout_redirect_uri"),
    ({"id_token_hint": "HINT", "post_logout_redirect_uri": "ADDED"}, "post_logout_redirect_uri"),
    ({"id_token_hint": "UNSIGNED", "post_logout_redirect_uri": URI}, "id_token_hint"),
    ({"id_token_hint": "ACCESS", "post_logout_redirect_uri": URI}, "id_token_hint"),
    ({"id_token_hint": "garbage"}, "id_token_hint"),
    ({"id_token_hint": "HINT", "client_id": "OTHER"}, "id_token_hint"),
]


def test_logout_leads_back_only_where_it_is_proved_to_belong(
    client: ForeignClient, other: ForeignClient, person: Person, user: dict[str, Any]
) -> None:
    registered = client.registered["post_logout_redirect_uri"]
    old = client.log_in(person, user, scope="openid")
    person.open(f"{client.endpoint('end_session')}?{urlencode({'id_token_hint': old['id_token']})}")
    for parameters, expected in LOGOUTS:
        tokens = client.log_in(person, user, scope="openid")
        words = {
            "HINT": tokens["id_token"],
            "OLD": old["id_token"],
            "ACCESS": tokens["access_token"],
            "UNSIGNED": forged(tokens["id_token"], {"alg": "none"}),
            URI: registered,
            OTHER_URI: other.registered["post_logout_redirect_uri"],
            "ADDED": f"{registered}?more=1",
            "OWN": client.client_id,
            "OTHER": other.client_id,
        }
        query = {name: words.get(value, value) for name, value in parameters.items()}
        page = person.open(f"{client.endpoint('end_session')}?{urlencode(query)}", stop_before=registered)
        _check_logout(client, person, user, page, expected, query.get("state"))


def _check_logout(
    client: ForeignClient, person: Person, user: dict[str, Any], page: Page, expected: str, state: str | None
) -> None:
    registered = client.registered["post_logout_redirect_uri"]
    is_alive = "code" in client.answer(person, user, prompt="none", scope="openid")
    if expected == "back":
        assert page.url == registered + (f"?state={state}" if state else "")
    elif expected == "signed-out":
        assert page.has("signed-out")
    elif expected == "logout-yes":
        assert (is_alive, page.has("logout-yes")) == (True, True)
        person.submit(page, "logout-yes", stop_before=registered)
        is_alive = "code" in client.answer(person, user, prompt="none", scope="openid")
    else:
        assert (page.status, page.text_of("error-parameter"), is_alive) == (400, expected, True)
        return
    assert not is_alive


def test_posted_logout_leads_back_too(client: ForeignClient, person: Person, user: dict[str, Any]) -> None:
    tokens, uri = client.log_in(person, user), client.registered["post_logout_redirect_uri"]
    form = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": uri, "state": "z"}
    answer = client.http.post(client.endpoint("end_session"), data=form)
    page = person.open(urljoin(client.endpoint("end_session"), answer.headers["Location"]), stop_before=uri)
    assert page.url == f"{uri}?state=z"


def test_backchannel_logout_reaches_the_client_at_last(
    client: ForeignClient, person: Person, user: dict[str, Any]
) -> None:
    """OpenID Connect Back-Channel Logout 1.0 §2.4, §2.5; a listener that fails first is tried again."""
    may_answer = threading.Event()
    with _listener(client.registered["backchannel_logout_uri"], may_answer) as received:
        tokens = client.log_in(person, user)
        started = time.monotonic()
        person.open(f"{client.endpoint('end_session')}?{urlencode({'id_token_hint': tokens['id_token']})}")
        assert time.monotonic() - started < TOTAL_SECONDS, "the browser waited for a client that does not answer"
        may_answer.set()
        bodies = _await(received, tokens["claims"]["sid"], client, 2)
    first, second = (client.decode(body["logout_token"]) for body in bodies)
    assert all(body.keys() == {"logout_token"} for body in bodies)
    header, claims = first
    assert header["typ"] == "logout+jwt"
    assert claims["events"] == {LOGOUT_EVENT: {}}
    assert (claims["aud"], claims["iss"], claims["sub"]) == (client.client_id, client.issuer, tokens["claims"]["sub"])
    assert "nonce" not in claims
    assert claims["exp"] - claims["iat"] <= 120
    assert first[1]["jti"] != second[1]["jti"]
    _check_useless(client, bodies[0]["logout_token"])


def _check_useless(client: ForeignClient, logout_token: str) -> None:
    """A logout token opens nothing else (ASVS 9.2.2)."""
    assert client.userinfo(logout_token).status_code == 401
    hinted = client.http.get(client.endpoint("end_session"), params={"id_token_hint": logout_token})
    assert hinted.status_code == 400


@contextmanager
def _listener(uri: str, may_answer: threading.Event) -> Iterator[list[dict[str, str]]]:
    """The client's own server, which answers when it may and fails the first time it hears of a session."""
    received: list[dict[str, str]] = []
    heard: set[str] = set()

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            may_answer.wait(60)
            sid = payload(body["logout_token"])["sid"]
            self.send_response(404 if self.path != urlsplit(uri).path else 200 if sid in heard else 503)
            self.end_headers()
            heard.add(sid)
            received.append(body)

        def log_message(self, *_arguments: Any) -> None:
            return

    server = ThreadingHTTPServer((urlsplit(uri).hostname or "", urlsplit(uri).port or 0), Listener)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _await(
    received: list[dict[str, str]], sid: str, client: ForeignClient, number: int, seconds: float = 20
) -> list[dict[str, str]]:
    """The first bodies about this session; those about earlier ones may still be on their way."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ours = [body for body in received if client.decode(body["logout_token"])[1]["sid"] == sid]
        if len(ours) >= number:
            return ours
        time.sleep(0.05)
    raise AssertionError(f"{len(received)} logout tokens arrived, none of them enough for {sid}")


# --- browsers of other origins, and many people at once ---------------------------------------------------------------

OPEN_TO_PAGES = ["token_endpoint", "userinfo_endpoint", "revocation_endpoint", "jwks_uri"]
CLOSED_TO_PAGES = ["authorization_endpoint", "introspection_endpoint", "end_session_endpoint"]


@pytest.mark.parametrize("endpoint", OPEN_TO_PAGES + CLOSED_TO_PAGES)
def test_pages_of_the_public_client_may_call_and_no_others(
    foreign: Callable[..., ForeignClient], endpoint: str
) -> None:
    client = foreign("public")
    own = client.registered["redirect_uri"].removesuffix("/callback")
    for origin in (own, "null", "http://evil.example", f"{own}.evil.example", "http://127.0.0.1:9009"):
        wish = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        for answer in (
            client.http.options(client.metadata[endpoint], headers=wish),
            client.http.request(
                "GET" if endpoint == "jwks_uri" else "POST", client.metadata[endpoint], headers={"Origin": origin}
            ),
        ):
            allowed = answer.headers.get("Access-Control-Allow-Origin")
            assert allowed == (own if origin == own and endpoint in OPEN_TO_PAGES else None)
            assert "Access-Control-Allow-Credentials" not in answer.headers


def test_metadata_is_open_to_the_public_client_and_cacheable(client: ForeignClient) -> None:
    for path in ("openid-configuration", "oauth-authorization-server"):
        url = f"{client.issuer}/.well-known/{path}"
        answer = client.http.get(url, headers={"Origin": "http://127.0.0.1:9010"})
        assert answer.headers["Access-Control-Allow-Origin"] == "http://127.0.0.1:9010"
        assert "max-age=3600" in answer.headers["Cache-Control"]
        assert answer.json()["issuer"] == client.issuer


def test_hundred_good_logins_from_one_address_go_through(
    app: Flask, new_http: Callable[[Flask], FlaskClient], add_person: AddPerson
) -> None:
    """Within one moment of the clock: right passwords are never counted."""
    people = [add_person(username=f"passenger{number}") for number in range(4)]
    for number in range(100):
        browser = new_http(app)
        page = browser.get("/login").get_data(as_text=True)
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert token is not None
        who = {"username": people[number % 4].username, "password": PASSWORD, "csrf_token": token[1]}
        assert browser.post("/login", data=who).status_code == 303


def test_everything_asked_for_is_offered_by_discovery(client: ForeignClient) -> None:
    metadata = client.metadata
    assert set(EVERYTHING.split()) <= set(metadata["scopes_supported"])
    assert {name for name in client.target["users"][0]["claims"]} - {"email_verified", "phone_number_verified"} <= set(
        metadata["claims_supported"]
    )
    for name in ("authorization", "token", "userinfo", "introspection", "revocation", "end_session"):
        assert client.endpoint(name).startswith(client.issuer)
