"""OpenID Connect Front-Channel Logout 1.0: who is told by a frame, with what, on which page, and where that page leads.
That the frames are really loaded is shown in Chromium (tests/journeys/test_logout_in_chromium.py)."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import html
from werkzeug.test import TestResponse

from idp.context import Context
from idp.domain.client import Client
from idp.domain.session import Session
from idp.protocol.frontchannel_logout import notice_for
from idp.protocol.logout import end_session
from idp.storage import clients
from tests.authorizing import csrf_token, location
from tests.conftest import ISSUER, AddPerson, RegisterClient, SignIn
from tests.logging_out import RETURN, Party, confirm, follow, party

Work = Callable[[], AbstractContextManager[Context]]
TOLD = "http://127.0.0.1:9009/frontchannel_logout"
TELLING = "/signed-out?tell=browser"


@pytest.fixture
def session(http: FlaskClient, add_person: AddPerson, sign_in: SignIn) -> Session:
    return sign_in(add_person(password=None))


@pytest.fixture
def told(http: FlaskClient, session: Session, register_client: RegisterClient) -> Party:
    """A relying party that wants to be told through the browser, with tokens of the session."""
    found = party(
        http,
        register_client,
        "client",
        frontchannel_logout_uri=TOLD,
        frontchannel_logout_session_required=True,
    )
    found.log_in()
    return found


def frames(response: TestResponse) -> list[str]:
    return list(html.fromstring(response.get_data(as_text=True)).xpath("//iframe/@src"))


def policy(response: TestResponse) -> dict[str, list[str]]:
    directives = (part.split() for part in response.headers["Content-Security-Policy"].split(";"))
    return {name: sources for name, *sources in directives}


def test_discovery_promises_it(http: FlaskClient) -> None:
    """§3; certification's frontchannel-logout-discovery-endpoint-verification."""
    document = http.get("/.well-known/openid-configuration").json
    assert document is not None
    assert document["frontchannel_logout_supported"] is True
    assert document["frontchannel_logout_session_supported"] is True
    assert document["end_session_endpoint"] == ISSUER + "/logout"


def test_browser_tells_the_client_and_then_leads_back_with_the_state_only(http: FlaskClient, told: Party) -> None:
    """§2, §3; certification's frontchannel-rp-initiated-logout."""
    response = told.log_out()
    assert location(response) == TELLING
    page = follow(http, response)
    [address] = frames(page)
    assert address.partition("?")[0] == TOLD
    assert parse_qsl(urlsplit(address).query) == [("iss", ISSUER), ("sid", told.claims["sid"])]
    document = html.fromstring(page.get_data(as_text=True))
    assert document.get_element_by_id("signed-out") is not None
    [back] = document.xpath("//a[@id='signed-out-return']/@href")
    assert back.partition("?")[0] == RETURN and parse_qs(urlsplit(back).query) == {"state": ["s" * 128]}
    assert document.xpath("//script/@src") == ["/static/frontchannel-logout.js"]
    assert document.xpath("//noscript/meta/@content") == [f"5; url={back}"], "without JavaScript too"
    assert told.silent_error() == "login_required"


def test_policy_of_that_page_alone_allows_frames_of_exactly_these_origins(
    http: FlaskClient, session: Session, register_client: RegisterClient, told: Party
) -> None:
    party(http, register_client, "second", frontchannel_logout_uri="https://second.example/bye?a=b").log_in()
    party(http, register_client, "third", frontchannel_logout_uri="https://second.example:8443/bye").log_in()
    asking = http.get("/logout")
    page = follow(http, told.log_out())
    origins = ["http://127.0.0.1:9009", "https://second.example", "https://second.example:8443"]
    assert policy(page)["frame-src"] == origins
    assert policy(page)["frame-ancestors"] == ["'none'"] and page.headers["X-Frame-Options"] == "DENY"
    assert policy(page)["script-src"] == ["'self'"]
    for other in (asking, http.get("/signed-out"), http.get("/login")):
        assert "frame-src" not in policy(other) and frames(other) == []


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("https://rp.example/bye?tenant=7&x=%20", "https://rp.example/bye?tenant=7&x=%20&"),
        ("https://rp.example", "https://rp.example?"),
    ],
)
def test_query_of_the_registered_address_is_kept(
    http: FlaskClient, session: Session, register_client: RegisterClient, uri: str, expected: str
) -> None:
    """§2."""
    found = party(http, register_client, "queried", frontchannel_logout_uri=uri)
    found.log_in()
    [address] = frames(follow(http, found.log_out()))
    assert address.startswith(expected) and address.count("?") == 1
    assert dict(parse_qsl(address.removeprefix(expected))) == {"iss": ISSUER, "sid": session.sid}


def test_address_is_text_in_the_page_whatever_it_holds(
    http: FlaskClient, session: Session, register_client: RegisterClient
) -> None:
    uri = 'https://rp.example/bye?"><script>alert(1)</script>'
    found = party(http, register_client, "odd", frontchannel_logout_uri=uri)
    found.log_in()
    page = follow(http, found.log_out())
    assert "<script>alert" not in page.get_data(as_text=True)
    [address] = frames(page)
    assert address.startswith(uri)


@pytest.mark.parametrize("uri", ["javascript:alert(1)", "app://logout", "data:text/html,x", "/relative", "https:///x"])
def test_address_that_is_no_web_address_is_never_a_frame(
    http: FlaskClient, session: Session, register_client: RegisterClient, uri: str
) -> None:
    found = party(http, register_client, "odd", frontchannel_logout_uri=uri)
    found.log_in()
    assert location(found.log_out()).startswith(RETURN)


def test_every_client_with_tokens_of_the_session_is_told_and_no_other(
    http: FlaskClient, session: Session, register_client: RegisterClient, told: Party
) -> None:
    """§3: whether or not it requires the session to be named."""
    party(http, register_client, "second", frontchannel_logout_uri="https://second.example/bye").log_in()
    party(http, register_client, "silent").log_in()
    party(http, register_client, "absent", frontchannel_logout_uri="https://absent.example/bye")
    addresses = frames(follow(http, told.log_out()))
    assert [urlsplit(address).hostname for address in addresses] == ["127.0.0.1", "second.example"]
    assert all(dict(parse_qsl(urlsplit(address).query)) == {"iss": ISSUER, "sid": session.sid} for address in addresses)


def test_tokens_of_another_session_do_not_count(
    http: FlaskClient, session: Session, told: Party, add_person: AddPerson, sign_in: SignIn
) -> None:
    sign_in(add_person(password=None))
    assert location(confirm(http, http.get("/logout"))) == "/signed-out"


def test_client_that_is_gone_is_not_told(http: FlaskClient, told: Party, work: Work) -> None:
    with work() as context:
        clients.put(context.db, "client", {"redirect_uris": []}, context.now, is_active=False)
        told.http.application.extensions["tongxing"].client_cache.clear()
    assert location(confirm(http, http.get("/logout"))) == "/signed-out"


def test_a_way_back_too_long_to_be_kept_keeps_nobody_from_being_told(http: FlaskClient, told: Party) -> None:
    """A browser drops a cookie of more than 4096 bytes, and with it whom the page tells."""
    response = told.log_out(state="\U0001f68c" * 1024)
    assert all(len(value) < 4096 for value in response.headers.getlist("Set-Cookie"))
    page = follow(http, response)
    assert len(frames(page)) == 1 and 'id="signed-out-return"' not in page.get_data(as_text=True)


@pytest.mark.parametrize("button", ["head", "question"])
def test_without_a_way_back_the_page_tells_and_stays(http: FlaskClient, told: Party, button: str) -> None:
    """The button in the page's head, and a logout that the person confirmed."""
    page = http.get("/logout")
    in_head = {"csrf_token": csrf_token(page)}
    done = http.post("/sign-out", data=in_head) if button == "head" else confirm(http, page)
    assert location(done) == TELLING
    shown = follow(http, done)
    assert len(frames(shown)) == 1
    document = html.fromstring(shown.get_data(as_text=True))
    assert not document.xpath("//script") and not document.xpath("//meta[@http-equiv]")


def test_way_back_that_no_hint_vouches_for_is_a_link_only(http: FlaskClient, told: Party) -> None:
    asked = told.log_out(id_token_hint=None, client_id="client")
    shown = follow(http, confirm(http, asked))
    document = html.fromstring(shown.get_data(as_text=True))
    assert len(frames(shown)) == 1 and document.xpath("//a[@id='signed-out-return']")
    assert not document.xpath("//script") and not document.xpath("//meta[@http-equiv]")


def test_page_tells_later_too_who_was_told_but_tells_nobody_again(http: FlaskClient, told: Party) -> None:
    told.log_out()
    shown = http.get("/signed-out?ui_locales=en")
    assert frames(shown) == []
    text = shown.get_data(as_text=True)
    assert "client (test)" in text and "told through your browser" in text and "No other service" not in text
    assert not html.fromstring(text).xpath("//script"), "it stays open for the person to read"


def test_client_told_both_ways_is_shown_once_with_what_its_delivery_says(
    http: FlaskClient, session: Session, register_client: RegisterClient
) -> None:
    both = party(
        http,
        register_client,
        "both",
        frontchannel_logout_uri=TOLD,
        backchannel_logout_uri="https://both.example/logout",
    )
    both.log_in()
    text = follow(http, both.log_out()).get_data(as_text=True)
    document = html.fromstring(text)
    assert len(document.xpath("//li[contains(@class, 'delivery')]")) == 1
    assert document.xpath("//li[contains(@class, 'delivery-pending')]")
    assert document.get_element_by_id("signed-out-summary").text_content() == "共 1 个服务，已退出 0 个。"


def test_the_page_counts_every_service_it_lists(
    http: FlaskClient, session: Session, register_client: RegisterClient, told: Party
) -> None:
    """Who was told by a frame counts too, and with such a one nothing more than the telling is claimed."""
    party(http, register_client, "slow", backchannel_logout_uri="https://slow.example/logout").log_in()
    shown = follow(http, told.log_out(post_logout_redirect_uri=None))
    document = html.fromstring(shown.get_data(as_text=True))
    assert len(document.xpath("//li[contains(@class, 'delivery')]")) == 2
    assert document.get_element_by_id("signed-out-summary").text_content() == "共 2 个服务，已通知 1 个。"


@pytest.mark.parametrize("leads_back", [True, False])
def test_pending_deliveries_never_reload_the_frames(
    http: FlaskClient, session: Session, register_client: RegisterClient, told: Party, leads_back: bool
) -> None:
    """Without JavaScript the page brings itself up to date by reloading: not over frames that are still loading."""
    party(http, register_client, "slow", backchannel_logout_uri="https://slow.example/logout").log_in()
    done = told.log_out(**({} if leads_back else {"post_logout_redirect_uri": None}))
    document = html.fromstring(follow(http, done).get_data(as_text=True))
    [content] = document.xpath("//noscript/meta/@content")
    assert content.startswith("5; url=" + (RETURN if leads_back else "/signed-out")) and "tell" not in content
    script = "frontchannel-logout" if leads_back else "signed-out"
    assert document.xpath("//script/@src") == [f"/static/{script}.js"]


def test_session_that_ended_elsewhere_has_no_page_to_tell_from(
    http: FlaskClient, session: Session, told: Party, work: Work
) -> None:
    """Ours: an administrator, another device or an upstream ended it; the browser only learns it when it comes by."""
    with work() as context:
        end_session(context, session, reason="test")
    assert location(told.log_out()).startswith(RETURN)


def test_strangers_page_has_no_frames(http: FlaskClient, told: Party) -> None:
    stranger = http.application.test_client()
    assert frames(stranger.get(TELLING, base_url=ISSUER)) == []


@given(query=st.none() | st.text(alphabet=st.characters(codec="ascii", exclude_characters="#"), max_size=30))
def test_any_registered_query_is_kept_and_both_parameters_added(query: str | None) -> None:
    uri = "https://rp.example:8443/bye" + ("" if query is None else f"?{query}")
    notice = notice_for(Client("rp", {"frontchannel_logout_uri": uri}), ISSUER, "a sid")
    assert notice is not None and notice.origin == "https://rp.example:8443"
    assert notice.url == uri + ("?" if query is None else "&") + "iss=http%3A%2F%2F127.0.0.1%3A8000&sid=a+sid"


@given(uri=st.text(max_size=40) | st.from_regex(r"https?://[^/]{0,12}(:[0-9]{1,6})?/?.{0,8}", fullmatch=True))
@example(uri="https://rp.example;script-src *")
@example(uri="https://rp.example\nx/")
@example(uri="https://[")
@example(uri="https://rp.example:70000/")
def test_no_registered_text_breaks_out_of_the_policy(uri: str) -> None:
    notice = notice_for(Client("rp", {"frontchannel_logout_uri": uri}), ISSUER, "sid")
    assert notice is None or re.fullmatch(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d+)?", notice.origin)
