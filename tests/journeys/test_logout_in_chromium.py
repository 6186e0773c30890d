"""Front-channel logout and session management in a real browser: frames that are really loaded, pages that really go
on, and what the page in the relying party's frame answers."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from flask import Flask, request
from playwright.sync_api import Browser, BrowserContext, Page, expect

from idp.crypto.random import hash_secret
from idp.storage import grants
from tests.authorizing import asking
from tests.journeys.service import RunningService, log_in


@dataclass
class Service(RunningService):
    """On 127.0.0.1, as the provider is: for cookies one site with it, yet another origin."""

    told: list[dict[str, str]] = field(default_factory=list)
    hanging: threading.Event | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        return super().metadata | {"is_first_party": True, "frontchannel_logout_uri": f"{self.url}/told?kept=1"}

    def app(self) -> Flask:
        app = super().app()

        @app.get("/told")
        def told() -> str:
            self.told.append(dict(request.args))
            if self.hanging is not None:
                self.hanging.wait(30)
            return "<script>top.location = '/stolen'</script>"

        @app.get("/watch")
        def watch() -> str:
            """As certification's page does: the provider's frame, and messages from this origin."""
            return f"""<iframe id="op" src="{self.issuer}/check-session" hidden></iframe><script>
                window.heard = [];
                window.addEventListener("message", event => window.heard.push([event.origin, event.data]));
                window.ask = message => document.getElementById("op").contentWindow.postMessage(message, "*");
                </script>"""

        return app

    def log_in(self, page: Page) -> dict[str, str]:
        """The whole login in the browser; the answer the service got, its code redeemed."""
        page.goto(f"{self.issuer}/authorize?{urlencode(asking(redirect_uri=self.callback))}")
        log_in(page)
        expect(page.locator("#arrived")).to_be_visible()
        answer = self.received.pop()
        with self.provider.work() as work:
            assert grants.consume_code(work.db, hash_secret(answer["code"]), "client", work.now)
        return answer


@pytest.fixture(name="service")
def running_service(start_service: Callable[..., Service]) -> Iterator[Service]:
    started = start_service(Service, "127.0.0.1")
    yield started
    if started.hanging is not None:
        started.hanging.set()


# --- front-channel logout ---------------------------------------------------------------------------------------------


def end_session_url(service: Service, hint: str) -> str:
    query = {"id_token_hint": hint, "post_logout_redirect_uri": f"{service.url}/bye", "state": "s1"}
    return f"{service.issuer}/logout?{urlencode(query)}"


def hint_of(service: Service) -> tuple[str, str]:
    """An ID token of the only session, and its sid."""
    from idp.crypto.jose import sign
    from idp.storage.tables import accounts, sessions

    with service.provider.work() as work:
        row = work.db.execute(sessions.select()).one()
        subject = work.db.execute(accounts.select().where(accounts.c.id == row.account_id)).one().subject
        claims = {"iss": service.issuer, "sub": subject, "aud": "client", "sid": row.sid, "exp": 1, "iat": 0}
        return sign(work.keys, "RS256", claims, "JWT", work.now), row.sid


@pytest.mark.parametrize("has_script", [True, False])
def test_logout_loads_the_services_frame_and_then_arrives_at_the_service(
    browser: Browser, service: Service, has_script: bool
) -> None:
    """Certification's frontchannel-rp-initiated-logout; the framed page cannot take the person elsewhere."""
    context: BrowserContext = browser.new_context(java_script_enabled=has_script)
    page = context.new_page()
    service.log_in(page)
    hint, sid = hint_of(service)
    page.goto(end_session_url(service, hint))
    page.wait_for_url(f"{service.url}/bye?state=s1")
    assert service.told == [{"kept": "1", "iss": service.issuer, "sid": sid}]
    context.close()


def test_service_that_hangs_keeps_nobody(page: Page, service: Service) -> None:
    service.hanging = threading.Event()
    service.log_in(page)
    page.goto(end_session_url(service, hint_of(service)[0]), wait_until="commit")
    page.wait_for_url(f"{service.url}/bye?state=s1", wait_until="commit")
    assert len(service.told) == 1


def test_without_a_way_back_the_page_stays_and_says_who_was_told(page: Page, service: Service) -> None:
    service.log_in(page)
    page.goto(f"{service.issuer}/logout")
    with page.expect_response(lambda response: urlsplit(response.url).path == "/told"):
        page.click("#logout-yes")
    expect(page.locator(".delivery-told")).to_contain_text("client (test)")
    assert urlsplit(page.url).path == "/signed-out"


# --- session management -----------------------------------------------------------------------------------------------


@contextmanager
def watching(page: Page, url: str) -> Iterator[Callable[[Any], Any]]:
    """The relying party's page; calling what is given asks the provider's frame and returns its answer."""
    page.goto(url)

    def ask(message: Any) -> Any:
        before = page.evaluate("heard.length")
        page.evaluate("message => ask(message)", message)
        page.wait_for_function("count => heard.length > count", arg=before)
        origin, data = page.evaluate("heard[heard.length - 1]")
        assert origin == page.frames[1].url.removesuffix("/check-session")
        return data

    yield ask


def state_of(page: Page) -> str:
    return next(str(cookie["value"]) for cookie in page.context.cookies() if cookie["name"] == "tx_state")


def test_frame_says_unchanged_until_the_person_signs_out_and_changed_from_then_on(page: Page, service: Service) -> None:
    """Certification's session-management-rp-initiated-logout."""
    issued = service.log_in(page)["session_state"]
    with watching(page, f"{service.url}/watch") as ask:
        assert ask(f"client {issued}") == "unchanged"
        assert ask(f"client {issued}") == "unchanged"
        assert ask(f"other {issued}") == "changed"
        assert ask(f"client {issued[:-1]}") == "changed"
        assert ask(f"client 0{issued[1:]}"[:200]) == ("unchanged" if issued[0] == "0" else "changed")
    page.goto(end_session_url(service, hint_of(service)[0]))
    page.wait_for_url(f"{service.url}/bye?state=s1")
    with watching(page, f"{service.url}/watch") as ask:
        assert ask(f"client {issued}") == "changed"


def test_another_login_in_another_tab_is_noticed_by_the_frame_that_is_open(page: Page, service: Service) -> None:
    issued = service.log_in(page)["session_state"]
    with watching(page, f"{service.url}/watch") as ask:
        assert ask(f"client {issued}") == "unchanged"
        other = page.context.new_page()
        other.goto(f"{service.issuer}/logout")
        other.click("#logout-yes")
        assert ask(f"client {issued}") == "changed"


MALFORMED: tuple[Any, ...] = (
    "",
    "client",
    "client ",
    " hash.salt",
    "client hash",
    "client hash.",
    "client .salt",
    "client a.b.c",
    "ü hash.salt",
    "client hash.salt\n",
    "c" * 2048 + " hash.salt",
    7,
    None,
    {"client": "client"},
    ["client hash.salt"],
)


def test_malformed_message_is_an_error(page: Page, service: Service) -> None:
    """§3.2: never "changed", which would make the relying party ask us again and again."""
    service.log_in(page)
    with watching(page, f"{service.url}/watch") as ask:
        assert [ask(message) for message in MALFORMED] == ["error"] * len(MALFORMED)


def test_script_computes_what_the_provider_computes_whatever_the_length(page: Page, service: Service) -> None:
    """Every padding of SHA-256 (FIPS 180-4 §5.1.1): texts of up to four blocks, against Python's own."""
    service.log_in(page)
    state = state_of(page)
    with watching(page, f"{service.url}/watch") as ask:
        for length in [*range(1, 140), 190, 191, 192, 193, 1000]:
            client_id = ("~client id " * 100)[:length].rstrip() + "x"
            text = f"{client_id} {service.url} {state} salt-{length}"
            digest = hashlib.sha256(text.encode()).hexdigest()
            assert ask(f"{client_id} {digest}.salt-{length}") == "unchanged", length


def test_other_origin_never_hears_unchanged_and_other_sites_cannot_even_see(page: Page, service: Service) -> None:
    """§3.2, §5.1: a session_state counts where it was given out only; without cookies nothing is said."""
    issued = service.log_in(page)["session_state"]
    elsewhere = service.url.replace("127.0.0.1", "localhost")  # another site: it may not use our Lax cookie
    with watching(page, f"{elsewhere}/watch") as ask:
        assert ask(f"client {issued}") == "error"
    page.goto(f"{service.issuer}/check-session")
    heard = page.evaluate(
        """message => new Promise(resolve => {
            window.addEventListener("message", event => { if (event.data !== message) resolve(event.data); });
            window.postMessage(message, "*");
        })""",
        f"client {issued}",
    )
    assert heard == "changed", "the provider's own origin is not the client's"


def test_page_without_an_origin_gets_no_answer(page: Page, service: Service) -> None:
    issued = service.log_in(page)["session_state"]
    page.goto(f"{service.url}/watch")
    page.evaluate(
        """source => {
            const frame = document.createElement("iframe");
            frame.sandbox = "allow-scripts";
            frame.srcdoc = source;
            document.body.append(frame);
        }""",
        f"""<script>
            window.addEventListener("message", event => parent.postMessage(event.data, "*"));
            parent.frames[0].postMessage("client {issued}", "*");
            parent.postMessage("sent", "*");
        </script>""",
    )
    page.wait_for_function("heard.length === 1")
    page.evaluate("message => ask(message)", f"client {issued}")
    page.wait_for_function("heard.length === 2")
    assert [data for _origin, data in page.evaluate("heard")] == ["sent", "unchanged"]
