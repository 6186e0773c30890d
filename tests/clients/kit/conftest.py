from __future__ import annotations

from datetime import UTC, datetime

import pytest
from joserfc.jwk import ECKey

from clients.kit.http import HttpClient
from clients.kit.relying_party import Login, LoginStart, PrivateKeyJwt, RelyingParty, RelyingPartyConfig
from tests.clients.browser import follow
from tests.clients.op import TestProvider

REDIRECT_URI = "http://127.0.0.1:9/callback"


class Journey:
    """One login against the test provider, step by step."""

    def __init__(self, op: TestProvider, rp: RelyingParty) -> None:
        self.op, self.rp = op, rp

    def at_provider(self, start: LoginStart) -> dict[str, str]:
        """What the provider sends the browser back with."""
        return follow(start.url)

    def log_in(self, **asked: object) -> Login:
        start = self.rp.start_login(**asked)  # type: ignore[arg-type]
        return self.rp.finish_login(self.at_provider(start), start.pending, now=datetime.now(UTC))


@pytest.fixture
def http(kit_http: HttpClient) -> HttpClient:
    return kit_http


@pytest.fixture
def rp(op: TestProvider, http: HttpClient, client_key: ECKey) -> RelyingParty:
    op.clients["portal"] = {"jwk": client_key.as_dict(private=False)}
    config = RelyingPartyConfig(
        issuer=op.issuer,
        client_id="portal",
        redirect_uri=REDIRECT_URI,
        scope="openid profile",
        auth=PrivateKeyJwt(client_key.as_dict(private=True)),
        post_logout_redirect_uri="http://127.0.0.1:9/signed-out",
    )
    return RelyingParty(config, http)


@pytest.fixture
def journey(op: TestProvider, rp: RelyingParty) -> Journey:
    return Journey(op, rp)
