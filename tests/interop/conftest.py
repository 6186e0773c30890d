"""A provider on a real port, a person in a browser, and a relying party that somebody else wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from idp.context import Provider
from tests.conftest import PASSWORD
from tests.interop.openid_client import OpenidClient, running_openid_client
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


@pytest.fixture
def party_port(free_port: Callable[[], int]) -> int:
    """Where a relying party that listens will do so."""
    return free_port()


@pytest.fixture
def running(request: pytest.FixtureRequest, free_port: Callable[[], int], party_port: int) -> Iterator[Provider]:
    """A provider that listens and may call the relying party; settings of its own by
    ``@pytest.mark.parametrize("running", [{…}], indirect=True)``."""
    changes: dict[str, Any] = {"outbound_allow": (f"127.0.0.1:{party_port}",), **getattr(request, "param", {})}
    port = free_port()
    app = request.getfixturevalue("make_app")(issuer=f"http://127.0.0.1:{port}", **changes)
    request.getfixturevalue("serve")(app, port)
    yield app.extensions["tongxing"]


@pytest.fixture
def visitor(running: Provider, add_person: Any, everything: dict[str, Any]) -> Iterator[Visitor]:
    person = Person("en")
    account = add_person(provider=running, **everything)
    yield Visitor(person, str(account.username))
    person.close()


@pytest.fixture
def everything() -> dict[str, Any]:
    """Every standard claim of one person (OpenID Connect Core §5.1)."""
    return {
        "name": "Alim Rehim",
        "given_name": "Alim",
        "family_name": "Rehim",
        "email": "alim@example.test",
        "email_verified": True,
        "address": {"country": "CN", "locality": "Urumqi"},
    }


@pytest.fixture(scope="session")
def node() -> Iterator[OpenidClient]:
    with running_openid_client() as client:
        yield client
