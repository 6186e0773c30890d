"""Every page in Chromium: accessible by axe, inside its window at every width, in both languages and colour schemes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, Route

from tests.web_pages.conftest import ORIGIN, answer_from
from tests.web_pages.samples import SAMPLES, Sample

AXE = Axe()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
VIEWS: tuple[tuple[str, Literal["light", "dark"], int], ...] = (
    ("zh", "light", 390),
    ("en", "dark", 390),
    ("en", "light", 1280),
    ("zh", "dark", 1280),
)
NARROWEST = 320  # WCAG 2.2 §1.4.10: content reflows at 320 CSS pixels
OVERFLOWING = """() => [...document.querySelectorAll('body *')].filter(element => {
  const box = element.getBoundingClientRect();
  return box.width > 0 && box.right > document.documentElement.clientWidth + 1
    && !element.closest('.site-nav, .table-wrap, .visually-hidden');
}).map(element => element.outerHTML.slice(0, 120))"""
SMALL_TARGETS = """() => [...document.querySelectorAll('button, .button, select, input:not([type=hidden])')].filter(
  e => { const {width, height} = e.getBoundingClientRect(); return width > 0 && Math.min(width, height) < 24; }
).map(element => element.outerHTML.slice(0, 120))"""


@contextmanager
def opened(
    browser: Browser, app: Flask, sample: str, language: str, scheme: Literal["light", "dark"], width: int
) -> Iterator[tuple[Page, list[str]]]:
    """A page of the sample and what its console says."""
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    context.route("**/*", answer_from(app))
    for leaving in ("form-post", "frontchannel-logout"):
        context.route(f"**/{leaving}.js", lambda route: route.abort())
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    response = page.goto(f"{ORIGIN}/{sample}?lang={language}")
    assert response is not None and response.status == 200
    yield page, said
    context.close()


def broken_rules(page: Page) -> dict[str, list[str]]:
    violations = AXE.run(page, options={"runOnly": {"type": "tag", "values": RULES}}).response["violations"]
    return {violation["id"]: [node["html"][:160] for node in violation["nodes"]] for violation in violations}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_page_is_accessible_and_stays_inside_its_window(sample: Sample, browser: Browser, pages: Flask) -> None:
    with opened(browser, pages, sample.name, "zh", "light", NARROWEST) as (page, said):
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROWEST
        for language, scheme, width in VIEWS:
            page.set_viewport_size({"width": width, "height": 844})
            page.emulate_media(color_scheme=scheme)
            page.goto(f"{ORIGIN}/{sample.name}?lang={language}")
            assert broken_rules(page) == {}, (language, scheme, width)
            assert page.evaluate(OVERFLOWING) == []
            assert page.evaluate(SMALL_TARGETS) == []
        assert [text for text in said if "ERR_FAILED" not in text] == []


@pytest.mark.parametrize("sample", ["login", "consent", "gallery-national"])
def test_text_may_be_twice_as_large(sample: str, browser: Browser, pages: Flask) -> None:
    """WCAG 2.2 §1.4.4, with §1.4.12's spacing on top."""
    spacing = "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }"
    with opened(browser, pages, sample, "zh", "light", 1280) as (page, _said):
        page.context.new_cdp_session(page).send("Page.setFontSizes", {"fontSizes": {"standard": 32}})
        page.evaluate("css => document.adoptedStyleSheets.push(Object.assign(new CSSStyleSheet()))", spacing)
        page.evaluate("css => document.adoptedStyleSheets[0].replaceSync(css)", spacing)
        assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_the_keyboard_finds_the_content_then_every_control_in_order(browser: Browser, pages: Flask) -> None:
    with opened(browser, pages, "login", "en", "light", 1280) as (page, _said):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"
        reached = []
        for _ in range(9):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id"))
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        wanted = ["username", "password", "login-submit", "login-register", "upstream-national", "login-cancel"]
        assert [identifier for identifier in reached if identifier in wanted] == wanted


def test_a_form_post_page_submits_itself_even_with_a_field_called_submit(browser: Browser, pages: Flask) -> None:
    context = browser.new_context()
    context.route("**/*", answer_from(pages))
    page = context.new_page()
    with page.expect_request("**/callback") as posted:
        page.goto(f"{ORIGIN}/form-post")
    assert posted.value.method == "POST"
    assert "code=c0de" in (posted.value.post_data or "")
    context.close()


def test_the_signed_out_page_follows_the_deliveries_in_place_and_stops(browser: Browser, pages: Flask) -> None:
    with opened(browser, pages, "signed-out-pending", "en", "light", 390) as (page, said):
        page.evaluate("document.body.dataset.mark = 'same page'")
        done = pages.test_client().get("/signed-out-done?lang=en").get_data(as_text=True)
        asked: list[str] = []

        def answer(route: Route) -> None:
            asked.append(route.request.url)
            route.fulfill(status=200, content_type="text/html", body=done)

        page.context.route("**/signed-out-pending*", answer)
        page.get_by_text("Signed out of 1 of 1 service.").wait_for()
        assert page.evaluate("document.body.dataset.mark") == "same page"
        assert not page.locator("#signed-out-state[data-refresh]").count()
        assert len(asked) == 1
        assert said == []


def test_nothing_moves_for_a_person_who_asked_for_less_motion(browser: Browser, pages: Flask) -> None:
    context = browser.new_context(reduced_motion="reduce")
    context.route("**/*", answer_from(pages))
    page = context.new_page()
    page.goto(f"{ORIGIN}/login")
    assert page.evaluate("getComputedStyle(document.querySelector('.button')).transitionDuration") == "0s"
    context.close()
