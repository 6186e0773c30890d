"""`tongxing smoke`: the story played over HTTP against the running demonstration, each step with its time.

A step is green only when the page shows what the person must see; a broken step ends its chapter in red.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import click
import httpx

from idp.demo.layout import Layout
from idp.demo.people import unregistered_people
from idp.demo.sample_values import certificate, review
from idp.demo.visitor import Page, StoryBroken, Visitor

_PATIENCE = 10.0  # seconds a logout or a message may take to arrive
_NEW_PASSWORD = "Silk-road-caravan-7"  # noqa: S105 -- an invented person's


@dataclass
class Story:
    """The target, and what has been played against it."""

    target: dict[str, Any]
    visitor: Visitor = field(default_factory=Visitor)
    results: list[tuple[str, bool]] = field(default_factory=list)

    def person(self, name: str, place: str = "region") -> dict[str, Any]:
        people = self.target["users"] if place == "region" else self.target["national"]["users"]
        return next(person for person in people if person["username"] == name)

    @property
    def drivers(self) -> str:
        return str(self.target["portals"]["drivers"])

    @property
    def vehicles(self) -> str:
        return str(self.target["portals"]["vehicles"])

    @property
    def hall(self) -> str:
        return str(self.target["hall"])

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Play one step and print how it went."""
        started = time.perf_counter()
        try:
            yield
        except (StoryBroken, httpx.HTTPError) as error:
            self.results.append((text, False))
            click.secho(f"  ✗ {text}: {error}", fg="red")
            raise StoryBroken(text) from error
        self.results.append((text, True))
        click.echo(f"  ✓ {(time.perf_counter() - started) * 1000:6.0f} ms  {text}")


def play(layout: Layout) -> bool:
    """Whether every step of every chapter was green."""
    if not layout.target.exists():
        raise click.ClickException(f"{layout.target} does not exist: start the demo first (make demo)")
    story = Story(json.loads(layout.target.read_text()))
    started, broken = time.perf_counter(), 0
    for title, chapter in CHAPTERS.items():
        click.secho(title, bold=True)
        story.visitor = Visitor()
        try:
            chapter(story, story.visitor)
        except StoryBroken:
            broken += 1
        story.visitor.close()
    green = sum(is_right for _, is_right in story.results)
    click.echo(f"{green} steps green, {len(story.results) - green} red, {time.perf_counter() - started:.1f} s")
    return broken == 0


def register(story: Story, visitor: Visitor) -> None:
    with story.step("the portal offers registration"):
        newcomer = next(_newcomers(story))
        page = visitor.get(visitor.get(story.drivers + "/").link_to("prompt=create"))
    with story.step("a phone number is given"):
        page = visitor.submit(page, "phone", {"phone": newcomer["phone"]})
    with story.step("its code proves it"):
        page = visitor.submit(page, "code", {"code": _code_sent_to(story, newcomer["phone"])})
    with story.step("name and ID number are confirmed by the authority"):
        page = visitor.submit(page, "id_number", {"name": newcomer["name"], "id_number": newcomer["id_number"]})
    with story.step("a password is chosen: signed in at the portal"):
        password = {"password": _NEW_PASSWORD, "repeated": _NEW_PASSWORD, "terms": "y"}
        _must_be_signed_in(visitor.submit(page, "repeated", password))
    with story.step("the other portal knows the person too"):
        _silently(visitor, story.vehicles + "/identity")


def log_in_once(story: Story, visitor: Visitor) -> None:
    with story.step("the drivers' portal leads to the login page"):
        page = visitor.get(story.drivers + "/cases")
    with story.step("one login opens it"):
        _must_be_signed_in(log_in(visitor, page, story.person("driver")))
    with story.step("the vehicles' portal asks for nothing"):
        _silently(visitor, story.vehicles + "/cases")
    with story.step("matter 1 is filled in from the verified identity"):
        page = visitor.get(story.drivers + "/matters/freight_practitioner_certificate/apply")
    with story.step("matter 1 is submitted"):
        _must_have(visitor.submit(page, "matter-submit", _filled_in(certificate(date.today()))), "case-number")
    with story.step("it stands under my cases with its status"):
        _must_say(visitor.get(story.drivers + "/cases"), "从业资格证")
    with story.step("a logout at the portal says which services were signed out"):
        sign_out(visitor, story.drivers)
    with story.step("the other portal asks for a login again"):
        _must_ask(visitor, story.vehicles + "/cases")


def act_for_a_company(story: Story, visitor: Visitor) -> None:
    with story.step("a handler logs in and is asked for whom to act"):
        page = log_in(visitor, visitor.get(story.vehicles + "/cases"), story.person("agent"))
        _must_have(page, "act-as-submit")
    with story.step("the company is chosen"):
        company = page.radio_values("act_as")[-1]
        _must_be_signed_in(visitor.submit(page, "act-as-submit", {"act_as": company}))
    with story.step("matter 7 is filled in from the company's identity"):
        page = visitor.get(story.vehicles + "/matters/freight_vehicle_annual_review/apply")
    with story.step("matter 7 is submitted"):
        _must_have(visitor.submit(page, "matter-submit", _filled_in(review(date.today()))), "case-number")


def inbound(story: Story, visitor: Visitor) -> None:
    with story.step("our login page leads to the national one"):
        page = visitor.get(visitor.get(story.drivers + "/cases").link_to("/upstream/national/"))
    with story.step("a login there"):
        page = log_in(visitor, page, story.person("national", "national"))
    page = _agree(story, visitor, page)
    with story.step("back in the portal, signed in without registering"):
        _must_be_signed_in(page)
    with story.step("the national hall knows the person too"):
        _silently(visitor, story.hall + "/identity")
    with story.step("a logout at the portal says which services were signed out"):
        sign_out(visitor, story.drivers)
    with story.step("the national side has ended its session"):
        _must_ask(visitor, story.hall + "/identity")


def outbound(story: Story, visitor: Visitor) -> None:
    with story.step("a login at the region"):
        _must_be_signed_in(log_in(visitor, visitor.get(story.drivers + "/cases"), story.person("driver")))
    with story.step("the hall is opened from the portal"):
        page = visitor.get(visitor.get(story.drivers + "/").link_to(story.hall))
    page = _agree(story, visitor, page)
    with story.step("signed in at the national hall, no login form seen"):
        _must_be_signed_in(page)
    with story.step("a logout at the hall says which services were signed out"):
        sign_out(visitor, story.hall)
    with story.step("the region and its portal have ended their sessions"):
        _must_ask(visitor, story.drivers + "/cases")


CHAPTERS: dict[str, Callable[[Story, Visitor], None]] = {
    "Register once 一地注册": register,
    "Log in once 一次认证": log_in_once,
    "Act for a company 代企业办理": act_for_a_company,
    "Inbound: national login, regional service 国家登录、本区办事": inbound,
    "Outbound: regional login, national service 本区登录、国家办事": outbound,
}


def log_in(visitor: Visitor, page: Page, person: dict[str, Any]) -> Page:
    values = {"username": person["username"], "password": person["password"]}
    return visitor.submit(_must_have(page, "login-submit"), "login-submit", values)


def sign_out(visitor: Visitor, service: str) -> Page:
    """Press “sign out” at a service, confirm where a confirmation is asked; ends at the list of services told."""
    page = visitor.submit(_must_have(visitor.get(service + "/"), "sign-out"), "sign-out")
    if "logout-yes" in page.ids:
        page = visitor.submit(page, "logout-yes")
    return _must_have(
        visitor.get(_must_have(page, "signed-out").link_named("provider-signed-out")), "signed-out-summary"
    )


def _filled_in(values: dict[str, str]) -> dict[str, str]:
    """The portals put this before a declared field's name."""
    return {f"v-{name}": value for name, value in values.items()}


def _agree(story: Story, visitor: Visitor, page: Page) -> Page:
    """Consent is asked the first time only."""
    if "consent-allow" not in page.ids:
        return page
    with story.step("what is passed on is shown and agreed to"):
        return visitor.submit(page, "consent-allow")


def _must_have(page: Page, element: str) -> Page:
    if page.status != 200 or element not in page.ids:
        raise StoryBroken(f"no #{element} at {page.url} ({page.status}): {page.text[:300]}")
    return page


def _must_be_signed_in(page: Page) -> Page:
    return _must_have(page, "person-name")


def _must_say(page: Page, text: str) -> Page:
    if text not in page.text:
        raise StoryBroken(f"{text!r} is not at {page.url}: {page.text[:300]}")
    return page


def _silently(visitor: Visitor, url: str) -> Page:
    """Signed in at ``url`` without a login page on the way."""
    page = visitor.get(url)
    if any(re.search(r"/login\?interaction=", visited) for visited in visitor.visited):
        raise StoryBroken(f"a login page was shown on the way to {url}")
    return _must_be_signed_in(page)


def _must_ask(visitor: Visitor, url: str) -> Page:
    """The login page instead of ``url``; a logout may need a moment to arrive."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        page = visitor.get(url)
        if "login-submit" in page.ids:
            return page
        if time.monotonic() > deadline:
            raise StoryBroken(f"still signed in at {page.url}: {page.text[:200]}")
        time.sleep(0.2)


def _newcomers(story: Story) -> Iterator[dict[str, str]]:
    """People of the registry to whom no message was sent yet: they have not registered."""
    for person in unregistered_people():
        if not _messages(story, person.phone):
            yield {"name": person.name, "id_number": person.id_number, "phone": person.phone}
    raise StoryBroken("everybody of the registry has registered: make demo-reset starts anew")


def _code_sent_to(story: Story, phone: str) -> str:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        for message in _messages(story, phone):
            if found := re.search(r"\b(\d{6})\b", message["text"]):
                return found[1]
        time.sleep(0.1)
    raise StoryBroken(f"no message with a code arrived for {phone}")


def _messages(story: Story, phone: str) -> list[dict[str, str]]:
    answer = httpx.get(f"{story.target['message_gateway']}/messages.json", params={"to": phone}, timeout=5)
    answer.raise_for_status()
    messages: list[dict[str, str]] = answer.json()
    return messages
