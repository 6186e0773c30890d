"""What only a real browser shows: cookies that another site's POST does not carry, a policy that must let the answer
through, a page that brings itself up to date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from flask import Flask, request
from markupsafe import Markup
from playwright.sync_api import BrowserContext, Page, expect

from idp.crypto.jose import read_unverified
from idp.crypto.random import hash_secret
from idp.outbox import Dispatcher
from idp.storage import grants
from idp.worker import HANDLERS
from tests.authorizing import asking
from tests.clock import Clock
from tests.conftest import RegisterClient
from tests.journeys.service import RunningService, log_in


@dataclass
class Service(RunningService):
    """On another site than the provider: it posts its request as well."""

    @property
    def metadata(self) -> dict[str, Any]:
        return super().metadata | {"client_name": "货运服务", "backchannel_logout_uri": self.url + "/logout"}

    def app(self) -> Flask:
        app = super().app()

        @app.get("/start")
        def start() -> str:
            hidden = "".join(
                Markup('<input type="hidden" name="{}" value="{}">').format(name, value)
                for name, value in {**self.asking(), **request.args}.items()
            )
            return f'<form method="post" action="{self.issuer}/authorize">{hidden}<button id="go">go</button></form>'

        @app.post("/logout")
        def logout() -> str:
            return ""

        return app

    def asking(self, **changes: Any) -> dict[str, Any]:
        return asking(redirect_uri=self.callback, **changes)

    def authorize_url(self, **changes: Any) -> str:
        return f"{self.issuer}/authorize?{urlencode(self.asking(**changes))}"


@pytest.fixture(name="service")
def running_service(start_service: Callable[..., Service]) -> Service:
    return start_service(Service, "localhost")


def test_request_posted_by_another_site_finds_the_session_and_answers_by_form_post(
    page: Page, service: Service
) -> None:
    page.goto(service.authorize_url(response_mode="form_post"))
    log_in(page)
    page.click("#consent-allow")
    expect(page.locator("#arrived")).to_be_visible()
    first = service.received.pop()
    assert "code" in first and first["iss"] == service.issuer
    page.goto(service.url + "/start?state=a%22b%26%3Cc&response_mode=form_post")
    page.click("#go")
    expect(page.locator("#arrived")).to_be_visible()
    second = service.received.pop()
    assert second["code"] != first["code"] and second["state"] == 'a"b&<c', "nobody was asked again"


def test_answer_goes_through_after_every_form_of_ours(page: Page, service: Service, clock: Clock) -> None:
    """Chromium applies form-action to redirects: login and consent end at another origin."""
    page.goto(service.authorize_url(prompt="consent"))
    log_in(page)
    page.click("#consent-deny")
    expect(page.locator("#arrived")).to_be_visible()
    assert service.received.pop()["error"] == "access_denied"
    clock.advance(10)
    page.goto(service.authorize_url(prompt="login"))
    page.click("#login-cancel")
    expect(page.locator("#arrived")).to_be_visible()
    assert service.received.pop()["error"] == "access_denied"
    page.goto(service.authorize_url(prompt="select_account"))
    page.click("#select-other")
    log_in(page)
    page.click("#consent-allow")
    expect(page.locator("#arrived")).to_be_visible()
    assert "code" in service.received.pop()


def test_form_post_without_script_has_its_button(browser: Any, service: Service) -> None:
    context: BrowserContext = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(service.authorize_url(response_mode="form_post"))
    log_in(page)
    page.click("#consent-allow")
    page.click("#form-post-submit")
    assert "code" in service.received.pop()
    context.close()


def test_tokens_reach_the_page_in_the_fragment_and_a_signed_answer_by_form(
    page: Page, service: Service, register_client: RegisterClient
) -> None:
    """OpenID Connect Core §3.3 and JARM §2.3.3, as a browser carries them; the fragment stays out of every request."""
    register_client(
        "legacy",
        provider=service.provider,
        is_first_party=True,
        profile="legacy",
        redirect_uris=[service.callback],
        response_types=["code id_token token"],
        grant_types=["authorization_code", "implicit"],
    )
    page.goto(service.authorize_url(client_id="legacy", response_type="code id_token token"))
    log_in(page)
    expect(page.locator("#arrived")).to_be_visible()
    told = dict(parse_qsl(urlsplit(page.url).fragment))
    assert {"code", "id_token", "access_token", "expires_in", "state", "iss"} <= set(told)
    assert service.received.pop() == {}
    page.goto(
        service.authorize_url(client_id="legacy", response_type="id_token token code", response_mode="form_post.jwt")
    )
    expect(page.locator("#arrived")).to_be_visible()
    answer = service.received.pop()
    assert set(answer) == {"response"}
    assert set(told) <= set(read_unverified(answer["response"])[1]), "nobody was asked again"


@pytest.mark.parametrize("has_script", [True, False])
def test_signed_out_page_follows_the_deliveries(browser: Any, service: Service, has_script: bool) -> None:
    context: BrowserContext = browser.new_context(java_script_enabled=has_script, locale="zh-CN")
    page = context.new_page()
    page.goto(service.authorize_url())
    log_in(page)
    page.click("#consent-allow")
    with service.provider.work() as work:
        assert grants.consume_code(work.db, hash_secret(service.received.pop()["code"]), "client", work.now)
    page.goto(service.issuer + "/logout")
    expect(page.locator("li", has_text="货运服务")).to_be_visible()
    page.click("#logout-yes")
    expect(page.locator("#signed-out-summary")).to_contain_text("0")
    assert Dispatcher(service.provider, HANDLERS).deliver_due() == 1
    expect(page.locator(".delivery-delivered")).to_be_visible()
    context.close()
