"""A provider on a real port, a person in a browser, and a relying party that somebody else wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from idp.context import Provider, utc_now
from tests.interop.openid_client import OpenidClient, running_openid_client
from tests.interop.parties import KEYS, PUBLIC_KEYS
from tests.interop.visitor import Visitor
from tests.person import Person


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """The time as it is: somebody else's program dates what it says by it, and knows no other."""
    return utc_now


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


@pytest.fixture
def party(node: OpenidClient, running: Provider, register_client: Any) -> Any:
    """`party(method, wished={…}, **metadata)` registers a client and makes the library discover the provider."""

    def make(
        method: str = "client_secret_basic", wished: dict[str, Any] | None = None, **metadata: Any
    ) -> OpenidClient:
        wishes = dict(wished or {})
        alg = wishes.pop("signs_with", "ES256")
        document = {"token_endpoint_auth_method": method, "jwks": PUBLIC_KEYS} | metadata
        client, secret = register_client(f"party-{method}", provider=running, **document)
        auth = {"method": method, "secret": secret, "jwk": KEYS[alg][0]}
        node.call(
            "discover",
            issuer=running.settings.issuer,
            client_id=client.client_id,
            metadata={name: value for name, value in metadata.items() if name.endswith(("_alg", "_enc"))},
            auth=auth,
            **wishes,
        )
        return node

    return make
