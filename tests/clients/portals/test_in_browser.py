"""The portals in Chromium, in front of the real middle platform: every page accessible, inside its window, without
JavaScript, and nothing refused by the content security policy."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.clients.matters.conftest import CERTIFICATE, CERTIFICATE_VALUES
from tests.clients.portals.conftest import World
from tests.clients.portals.test_with_matters import real  # noqa: F401  the fixture
from tests.web_pages.test_rendering import OVERFLOWING, SMALL_TARGETS, broken_rules

VIEWS: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 390), ("dark", 1280))


def judge(page: Page) -> None:
    """The page as it stands, at both widths and in both colour schemes."""
    page.wait_for_load_state()  # a click ends when the next page begins
    for scheme, width in VIEWS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        # Colours change gradually; what is judged is where they end.
        page.evaluate("() => Promise.all(document.getAnimations().map(change => change.finished))")
        assert broken_rules(page) == {}, (page.url, scheme, width)
        assert page.evaluate(OVERFLOWING) == [], (page.url, scheme, width)
        assert page.evaluate(SMALL_TARGETS) == [], (page.url, scheme, width)


def fill(page: Page) -> None:
    for name, value in CERTIFICATE_VALUES.items():
        control = page.locator(f"#v-{name}")
        kind = control.evaluate("element => element.type")
        if kind == "checkbox":
            control.check()
        elif kind.startswith("select"):
            control.select_option(str(value))
        else:
            control.fill(str(value))


@pytest.fixture
def said(page: Page) -> list[str]:
    """What the console says besides status codes we asked for."""
    lines: list[str] = []
    page.on("console", lambda message: "status of" in message.text or lines.append(message.text))
    return lines


def test_person_applies_and_signs_out(real: World, page: Page, said: list[str]) -> None:  # noqa: F811
    page.goto(real.url)
    judge(page)
    page.get_by_role("link", name="普货从业资格证网上申请").click()
    judge(page)
    page.click("#apply")
    page.wait_for_url(f"{real.url}/matters/{CERTIFICATE}/apply")
    judge(page)
    page.click("#matter-submit")
    judge(page)
    page.locator(".error-summary a").first.click()
    page.wait_for_function("document.activeElement.id.startsWith('v-')")
    fill(page)
    page.click("#matter-submit")
    assert page.locator("#case-number").inner_text() in page.url
    judge(page)
    page.click("#case-withdraw")
    judge(page)
    for path in ("/cases", "/identity", "/nowhere"):
        page.goto(real.url + path)
        judge(page)
    page.click("#sign-out")
    page.wait_for_url(f"{real.url}/signed-out")
    judge(page)
    assert said == []


def test_person_below_the_level_sees_the_ways_up(real: World, page: Page, said: list[str]) -> None:  # noqa: F811
    real.op.acr = real.op.reachable_acr = "urn:tongxing:loa:1"
    page.goto(f"{real.url}/matters/{CERTIFICATE}/apply")
    judge(page)
    page.click("#level-step-up")
    assert page.locator("#level-too-low").inner_text().count("人脸识别或银行卡核验") == 1
    judge(page)
    assert said == []


def test_everything_works_without_javascript(real: World, browser: Browser) -> None:  # noqa: F811
    context: BrowserContext = browser.new_context(java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    page.goto(f"{real.url}/matters/{CERTIFICATE}/apply")
    for name, value in CERTIFICATE_VALUES.items():
        control = page.locator(f"#v-{name}")
        if value is True:
            control.check()
        elif name in {"vehicle_mass", "photo", "handling_region", "delivery"}:
            control.select_option(str(value))
        else:
            control.fill(str(value))
    page.click("#matter-submit")
    expect(page.locator("#case-number")).to_have_count(1)
    context.close()


def test_nothing_is_loaded_from_elsewhere(real: World, page: Page) -> None:  # noqa: F811
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in ("/", "/matters", f"/matters/{CERTIFICATE}/apply", "/cases"):
        page.goto(real.url + path)
    assert all(url.startswith((real.url, real.op.issuer)) for url in asked)
    assert not [url for url in asked if url.startswith(real.op.issuer) and "/authorize" not in url]
