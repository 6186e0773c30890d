"""A person with a browser who logs in to a relying party and agrees to whatever is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.conftest import PASSWORD
from tests.person import Page, Person

REDIRECT_URI = "http://127.0.0.1:9009/callback"


@dataclass
class Visitor:
    """A person who logs in and agrees to whatever is asked, until the browser is sent back to the client."""

    person: Person
    username: str

    def answer(self, url: str, redirect_uri: str = REDIRECT_URI) -> dict[str, Any]:
        """The authorization response, as ``finish`` takes it: the address, and the form where it came as one."""
        page = self.person.open(url, stop_before=redirect_uri)
        for _ in range(4):
            if page.url.startswith(redirect_uri):
                return {"url": page.url}
            if (form := posted(page, redirect_uri)) is not None:
                return {"url": redirect_uri, "form": form}
            page = self._do(page, redirect_uri)
        raise AssertionError(f"{page.status} {page.url}: {page.words[:300]}")

    def _do(self, page: Page, redirect_uri: str) -> Page:
        if page.has("login-submit"):
            who = {"username": self.username, "password": PASSWORD}
            return self.person.submit(page, "login-submit", stop_before=redirect_uri, **who)
        return self.person.submit(page, "consent-allow", stop_before=redirect_uri)


def posted(page: Page, redirect_uri: str) -> dict[str, str] | None:
    """The fields of a form that the browser is to post to the client, None on any other page."""
    for form in page.document.forms:
        if (form.get("action") or "").startswith(redirect_uri):
            return {name: value for name, value in form.form_values() if name}
    return None
