from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import ECKey

from clients.kit.http import HttpClient
from clients.kit.sessions import migrate
from clients.portals.app import create_app
from clients.portals.config import Settings
from tests.clients.browser import Browser
from tests.clients.op import TestProvider
from tests.clients.portals.middle_platform import MiddlePlatform
from tests.clients.serving import answering, bind, serving


@dataclass
class World:
    """A portal, its provider and its middle platform, each on its own socket; and one browser."""

    url: str
    app: Flask
    op: TestProvider
    platform: Any
    settings: Settings
    browser: Browser = field(default_factory=Browser)

    def sign_in(self, **person: Any) -> None:
        self.op.person.update(person)
        answer = self.browser.open(f"{self.url}/login?next=/identity")
        assert answer.status_code == 200, answer.text

    def get(self, path: str) -> Any:
        return self.browser.open(self.url + path)

    def post(self, path: str, form: dict[str, str], page: str = "/identity") -> Any:
        """Send a form with the anti-forgery token that stands in `page`."""
        token = hidden(self.browser.open(self.url + page).text, "csrf_token")
        return self.browser.submit(self.url + path, {"csrf_token": token, **form})


def hidden(page: str, name: str) -> str:
    marker = f'<input type="hidden" name="{name}" value="'
    assert marker in page, page
    return page.split(marker, 1)[1].split('"', 1)[0]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("portal") / "template.sqlite3"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> str:
    copy = tmp_path / "portal.sqlite3"
    copy.write_bytes(migrated.read_bytes())
    return f"sqlite:///{copy}"


@pytest.fixture
def platform(op: TestProvider, kit_http: HttpClient) -> MiddlePlatform:
    middle = MiddlePlatform(kit_http)
    middle.issuer = op.issuer
    return middle


@contextmanager
def portal_world(
    op: TestProvider, key: ECKey, database: str, matters_url: str, platform: MiddlePlatform | None = None
) -> Iterator[World]:
    """The drivers' portal on a socket of its own, in front of the middle platform at `matters_url`."""
    # The portal's address goes into its settings, so the socket must be there before the application.
    server = bind(lambda environ, start: app(environ, start))  # noqa: PLW0108
    url = f"http://127.0.0.1:{server.port}"
    op.clients["portal-drivers"] = {"jwk": key.as_dict(private=False)}
    settings = Settings(
        portal="drivers",
        base_url=url,
        issuer=op.issuer,
        client_key=key.as_dict(private=True),
        database_url=database,
        master_key=base64.urlsafe_b64encode(bytes(range(32))).decode(),
        matters_url=matters_url,
        portals={"drivers": url, "vehicles": "http://127.0.0.1:8202"},
        hall_url="http://127.0.0.1:8100/hall",
        national_url="http://127.0.0.1:8100",
        demo=True,
    )
    app = create_app(settings)
    with answering(server):
        yield World(url, app, op, platform, settings)


@pytest.fixture
def world(op: TestProvider, platform: MiddlePlatform, database: str, client_key: ECKey) -> Iterator[World]:
    op.person.update(id_number="650102199001011234", phone_number="13800138000", act_as=None)
    with serving(platform.app()) as url, portal_world(op, client_key, database, url, platform) as made:
        yield made
