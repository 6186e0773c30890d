"""The federation's pages in Chromium: accessible, inside their window at both widths, nothing refused by the policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.clients.portals.test_in_browser import judge
from tests.conftest import PASSWORD, AddPerson
from tests.journeys.federated import ANOTHER, SOMEONE, add_registered
from tests.members import PERSONS, Federation


@pytest.fixture
def said(page: Page) -> list[str]:
    """What the console says besides status codes we asked for."""
    lines: list[str] = []
    page.on("console", lambda message: "status of" in message.text or lines.append(message.text))
    return lines


def sign_in(page: Page, username: str) -> None:
    page.fill("#username", username)
    page.fill("#password", PASSWORD)
    page.click("#login-submit")
    page.wait_for_load_state()  # a click ends when the next page begins
    if page.locator("#consent-allow").count():
        page.click("#consent-allow")


def test_a_clash_is_bound_by_hand_and_the_hall_tells_who_vouched(
    members: Federation, add_person: AddPerson, page: Page, said: list[str]
) -> None:
    add_registered(add_person, members.national)
    add_registered(add_person, members.region, name="古丽", phone="13800000002")
    page.goto(f"{members.portal.url}/login?next=/")
    page.click("#upstream-national")
    sign_in(page, "national")
    judge(page)
    page.fill("#username", "local")
    page.fill("#password", "not the password")
    page.click("#bind-submit")
    judge(page)
    page.fill("#username", "local")
    page.fill("#password", PASSWORD)
    page.click("#bind-submit")
    judge(page)
    page.click("#bind-confirm")
    page.wait_for_url(f"{members.portal.url}/")
    for path in ("/", "/login?next=/hall/", "/identity", "/nothing", "/callback?code=a&state=b"):
        page.goto(members.hall_url + path)
        judge(page)
    page.goto(f"{members.hall_url}/")
    assert SOMEONE.name in page.locator("#person-card").inner_text()
    page.click("#sign-out")
    page.wait_for_url(lambda url: url.startswith(f"{members.hall_url}/signed-out"))
    judge(page)
    page.click("#provider-signed-out")
    page.wait_for_load_state()
    members.deliver()
    page.reload()
    assert "新疆交通运输统一身份认证" in page.locator("#signed-out-state").inner_text()
    judge(page)
    assert said == []


def test_the_pages_that_ask_and_refuse(members: Federation, add_person: AddPerson, page: Page, said: list[str]) -> None:
    add_person(provider=members.national.provider, username="unproved", name="新用户", level=1)
    other = PERSONS[11]
    add_person(
        provider=members.national.provider, username="other", name=other.name, id_number=other.id_number, level=3
    )
    add_registered(add_person, members.region, ANOTHER)
    page.goto(f"{members.portal.url}/login?next=/&idp_hint=national")
    sign_in(page, "unproved")
    expect(page.locator("#insufficient-bind")).to_have_count(1)
    judge(page)
    page.context.clear_cookies()
    page.goto(f"{members.portal.url}/login?next=/")
    sign_in(page, "local")
    page.goto(f"{members.region.url}/upstream/national/start")
    sign_in(page, "other")
    expect(page.locator("#switch-yes")).to_have_count(1)
    judge(page)
    page.goto(f"{members.region.url}/upstream/national/callback?state=nobody")
    judge(page)
    assert said == []


def test_the_whole_way_in_and_out_works_without_javascript(
    members: Federation, add_person: AddPerson, browser: Browser
) -> None:
    add_registered(add_person, members.region)
    context = browser.new_context(java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    page.goto(f"{members.portal.url}/login?next=/")
    sign_in(page, "local")
    page.goto(f"{members.hall_url}/login?idp_hint=region&next=/hall/")
    page.click("#consent-allow")
    assert SOMEONE.name in page.locator("#person-card").inner_text()
    page.click("#sign-out")
    expect(page.locator("#signed-out")).to_have_count(1)
    members.deliver()
    page.goto(f"{members.portal.url}/")
    expect(page.locator("#nobody")).to_have_count(1)
    context.close()


def test_nothing_is_loaded_from_elsewhere(members: Federation, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{members.hall_url}/")
    assert asked and all(url.startswith(members.hall_url) for url in asked)
