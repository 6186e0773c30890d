"""The story clicked through in Chromium, at desktop and phone width; each page is kept in build/screenshots."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from idp.demo.people import unregistered_people
from idp.demo.sample_values import certificate, review
from tests.journeys.demo import ROOT, Demo

SCREENSHOTS = ROOT / "build" / "screenshots"
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}


@dataclass
class Walk:
    """One person's walk through the services in a real browser."""

    page: Page
    demo: Demo
    folder: Path
    width: int
    faults: list[str] = field(default_factory=list)
    taken: int = 0

    def shot(self, name: str) -> None:
        """Keep the page as a picture; it must not be wider than the screen nor have raised a fault."""
        self.taken += 1
        self.page.screenshot(path=self.folder / f"{self.taken:02d}-{name}.png", full_page=True)
        assert self.page.evaluate("document.documentElement.scrollWidth") <= self.width, f"{name} is too wide"
        assert not self.faults, f"{name}: {self.faults}"

    def log_in(self, name: str, place: str = "region") -> None:
        target = self.demo.target
        people = target["users"] if place == "region" else target["national"]["users"]
        person = next(person for person in people if person["username"] == name)
        self.page.fill("#username", person["username"])
        self.page.fill("#password", person["password"])
        self.page.click("#login-submit")

    def fill_in(self, values: dict[str, str]) -> None:
        for name, value in values.items():
            control = self.page.locator(f"[name='v-{name}']")
            kind = control.evaluate("item => item.tagName + ':' + item.type")
            if kind.startswith("SELECT"):
                control.select_option(value)
            elif kind == "INPUT:checkbox":
                control.check(force=True)
            else:
                control.fill(value)

    def agree(self) -> None:
        """Consent is asked the first time only."""
        self.page.wait_for_load_state()  # a click ends when the next page begins
        if self.page.locator("#consent-allow").count():
            self.shot("consent")
            self.page.click("#consent-allow")

    def must_be_signed_in(self) -> None:
        expect(self.page.locator("#person-name")).to_be_visible()

    def must_be_asked(self, url: str) -> None:
        """The login page instead of ``url``; a logout may need a moment to arrive."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            self.page.goto(url)
            if self.page.locator("#login-submit").count():
                return
        raise AssertionError(f"still signed in at {self.page.url}")


@pytest.fixture(params=list(WIDTHS))
def walk(request: pytest.FixtureRequest, browser: Browser, demo: Demo) -> Iterator[Walk]:
    width, height = WIDTHS[request.param]
    context = browser.new_context(locale="zh-CN", viewport={"width": width, "height": height})
    context.set_default_timeout(20_000)
    folder = SCREENSHOTS / request.param / request.function.__name__.removeprefix("test_")
    folder.mkdir(parents=True, exist_ok=True)
    page = context.new_page()
    walk = Walk(page, demo, folder, width)
    page.on("console", lambda said: walk.faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: walk.faults.append(str(error)))
    yield walk
    context.close()


def test_register_once_and_be_known_everywhere(walk: Walk) -> None:
    page, target = walk.page, walk.demo.target
    gateway = target["message_gateway"]
    person = next(
        person
        for person in unregistered_people()
        if not httpx.get(f"{gateway}/messages.json", params={"to": person.phone}).json()
    )
    page.goto(target["portals"]["drivers"])
    walk.shot("portal")
    page.click("#register")
    walk.shot("register-phone")
    page.fill("[name=phone]", person.phone)
    page.keyboard.press("Enter")
    expect(page.locator("[name=code]")).to_be_visible()
    walk.shot("register-code")
    text = httpx.get(f"{gateway}/messages.json", params={"to": person.phone}).json()[0]["text"]
    page.fill("[name=code]", re.findall(r"\b\d{6}\b", text)[0])
    page.keyboard.press("Enter")
    expect(page.locator("[name=id_number]")).to_be_visible()
    walk.shot("register-identity")
    page.fill("[name=name]", person.name)
    page.fill("[name=id_number]", person.id_number)
    page.keyboard.press("Enter")
    expect(page.locator("[name=repeated]")).to_be_visible()
    walk.shot("register-password")
    page.fill("[name=password]", "Silk-road-caravan-7")
    page.fill("[name=repeated]", "Silk-road-caravan-7")
    page.locator("[name=terms]").check(force=True)
    page.locator("[name=repeated]").press("Enter")
    walk.must_be_signed_in()
    walk.shot("portal-signed-in")
    page.goto(target["portals"]["vehicles"] + "/identity")
    walk.must_be_signed_in()
    walk.shot("other-portal-identity")


def test_log_in_once_and_file_a_matter(walk: Walk) -> None:
    page, target = walk.page, walk.demo.target
    page.goto(target["portals"]["drivers"] + "/cases")
    walk.shot("login")
    walk.log_in("driver")
    walk.must_be_signed_in()
    walk.shot("my-cases")
    page.goto(target["portals"]["drivers"] + "/matters/freight_practitioner_certificate")
    walk.shot("guide")
    page.goto(target["portals"]["drivers"] + "/matters/freight_practitioner_certificate/apply")
    walk.fill_in(certificate(date.today()))
    walk.shot("form")
    page.click("#matter-submit")
    expect(page.locator("#case-number")).to_be_visible()
    walk.shot("case")
    for address in target["account_pages"]:
        page.goto(address)
        walk.must_be_signed_in()
        walk.shot("account-" + address.rsplit("/", 1)[1])


def test_act_for_a_company(walk: Walk) -> None:
    page, vehicles = walk.page, walk.demo.target["portals"]["vehicles"]
    page.goto(vehicles + "/cases")
    walk.log_in("agent")
    walk.shot("act-as")
    page.locator("label[for^=act-as-]").last.click()
    page.click("#act-as-submit")
    walk.must_be_signed_in()
    page.goto(vehicles + "/matters/freight_vehicle_annual_review/apply")
    walk.fill_in(review(date.today()))
    page.click("#matter-submit")
    expect(page.locator("#case-number")).to_be_visible()
    walk.shot("case")


def test_national_login_opens_the_region(walk: Walk) -> None:
    page, target = walk.page, walk.demo.target
    page.goto(target["portals"]["drivers"] + "/cases")
    page.click("#upstream-national")
    walk.shot("national-login")
    walk.log_in("national", "national")
    walk.agree()
    walk.must_be_signed_in()
    walk.shot("portal-signed-in")
    page.goto(target["hall"] + "/identity")
    walk.must_be_signed_in()
    walk.shot("hall-identity")
    page.goto(target["portals"]["drivers"])
    page.click("#sign-out")
    expect(page.locator("#signed-out")).to_be_visible()
    walk.shot("signed-out-portal")
    page.click("#provider-signed-out")
    expect(page.locator("#signed-out")).to_be_visible()
    walk.shot("signed-out-services")
    walk.must_be_asked(target["hall"] + "/identity")


def test_regional_login_opens_the_national_hall(walk: Walk) -> None:
    page, target = walk.page, walk.demo.target
    page.goto(target["portals"]["drivers"] + "/cases")
    walk.log_in("owner")
    page.locator("label[for^=act-as-]").first.click()
    page.click("#act-as-submit")
    walk.must_be_signed_in()
    page.goto(target["portals"]["drivers"])
    page.locator(f"a[href^='{target['hall']}']").first.click()
    walk.agree()
    walk.must_be_signed_in()
    assert page.url.startswith(target["hall"])
    walk.shot("hall")
    page.click("#sign-out")
    page.wait_for_load_state()
    if page.locator("#logout-yes").count():
        page.click("#logout-yes")
    expect(page.locator("#signed-out")).to_be_visible()
    walk.shot("signed-out")
    walk.must_be_asked(target["portals"]["drivers"] + "/cases")
