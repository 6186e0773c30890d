"""The national platform alone: its provider, with the authority's API and the hall under its address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from clients.kit.client_auth import PrivateKeyJwt
from clients.kit.http import HttpClient
from clients.kit.login import RelyingPartyConfig
from clients.kit.relying_party import RelyingParty
from idp.config import Settings
from tests.members import Federation, client_key, federation
from tests.person import Person


@pytest.fixture
def members(settings: Settings, new_database: Callable[[], str], tmp_path: Path) -> Iterator[Federation]:
    with federation(settings, new_database, tmp_path) as built:
        yield built


@pytest.fixture
def new_person() -> Iterator[Callable[..., Person]]:
    with ExitStack() as stack:

        def new(language: str = "zh") -> Person:
            person = Person(language)
            stack.callback(person.close)
            return person

        yield new


@dataclass
class Caller:
    """A client of the authority: asks with its own access token."""

    members: Federation
    client: RelyingParty
    http: HttpClient

    def token(self, scope: str = "authority.verify") -> str:
        return self.client.client_credentials(scope).access_token

    def ask(self, path: str, body: object, token: str | None = None, **headers: str):  # type: ignore[no-untyped-def]
        bearer = {"Authorization": f"Bearer {self.token() if token is None else token}"}
        return self.http.send(
            "POST", f"{self.members.national.url}/authority{path}", headers=bearer | headers, body=body
        )

    def person(self, name: str, id_number: str):  # type: ignore[no-untyped-def]
        return self.ask("/persons/verify", {"name": name, "id_number": id_number})


@pytest.fixture
def caller(members: Federation) -> Caller:
    """A ministry that may ask the authority."""
    key = client_key("ministry")
    members.national.register(
        "ministry", key, redirect_uris=["http://127.0.0.1:9/callback"], scope="openid profile authority.verify"
    )
    http = HttpClient()
    config = RelyingPartyConfig(
        issuer=members.national.url,
        client_id="ministry",
        redirect_uri="http://127.0.0.1:9/callback",
        scope="openid profile",
        auth=PrivateKeyJwt(key),
    )
    return Caller(members, RelyingParty(config, http), http)
