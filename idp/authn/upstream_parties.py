"""The other providers as we meet them: each one a relying party of ours, built once from the settings.

OpenID Connect Core §3.1 with PKCE and private_key_jwt; one deadline for all requests of one step, so that a person sees
a page within five seconds whatever the other side does.
"""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import httpx

from clients.kit.client_auth import PrivateKeyJwt
from clients.kit.errors import ProviderUnavailable
from clients.kit.http import HttpClient
from clients.kit.login import RelyingPartyConfig
from clients.kit.provider import DISCOVERY_PATH
from clients.kit.relying_party import RelyingParty
from idp.config import Settings, SettingsError, Upstream
from idp.domain.client import Client

DEADLINE = timedelta(seconds=4)
"""For all requests of one step; drawing the page fits into what is left of five seconds."""
_SEEN_ALIVE_FOR = 5.0
_AWAY_FOR = 2.0


class UpstreamParty(RelyingParty):
    """Our registration at one upstream. Safe to share between threads."""

    def __init__(self, config: RelyingPartyConfig, http: HttpClient) -> None:
        super().__init__(config, http)
        self._asking = threading.Lock()
        self._alive_until = self._away_until = 0.0

    def check_alive(self) -> None:
        """Ask the upstream for a sign of life, at most once in a few seconds. Raises ProviderUnavailable.

        Discovery is cached for long: without this a browser would be sent to a server that is gone. One request asks
        and the others share its answer, so that a silent upstream cannot hold every thread of ours up again and again.
        """
        if time.monotonic() < self._alive_until:
            return
        if not self._asking.acquire(timeout=DEADLINE.total_seconds()):
            raise ProviderUnavailable("the upstream is still being asked")
        try:
            self._ask()
        finally:
            self._asking.release()

    def _ask(self) -> None:
        if time.monotonic() < self._alive_until:
            return
        if time.monotonic() < self._away_until:
            raise ProviderUnavailable("the upstream did not answer a moment ago")
        try:
            answer = self.provider.http.get(self.config.issuer + DISCOVERY_PATH)
            if answer.status != 200:
                raise ProviderUnavailable(f"discovery answered with status {answer.status}")
            self._alive_until = time.monotonic() + _SEEN_ALIVE_FOR
        finally:
            self._away_until = time.monotonic() + _AWAY_FOR


def http_client(settings: Settings) -> HttpClient:
    """The guarded way out to upstreams and the authority. Raises SettingsError where the bundle of authorities cannot
    be read: at the start, though the other ways out read it at their first call."""
    tls = None
    if settings.outbound_ca_bundle:
        tls = httpx.create_ssl_context(trust_env=False)
        try:
            tls.load_verify_locations(settings.outbound_ca_bundle)
        except (OSError, ValueError) as error:
            raise SettingsError(f"setting outbound_ca_bundle: {error}") from error
    return HttpClient(timeout=DEADLINE, tls=tls)


def upstream_parties(settings: Settings, http: HttpClient) -> dict[str, UpstreamParty]:
    """Name → our relying party there. Nothing is fetched before the first use."""
    return {upstream.name: _party(settings, upstream, http) for upstream in settings.upstreams}


def _party(settings: Settings, upstream: Upstream, http: HttpClient) -> UpstreamParty:
    config = RelyingPartyConfig(
        issuer=upstream.issuer,
        client_id=upstream.client_id,
        redirect_uri=f"{settings.issuer}/upstream/{upstream.name}/callback",
        scope=upstream.scope,
        auth=PrivateKeyJwt(dict(upstream.private_jwk), "ES256"),
    )
    return UpstreamParty(config, http)


def is_request_of(upstream: Upstream, client: Client | None) -> bool:
    """Whether ``client`` is that provider itself, logging its own people in here: never send it back to itself."""
    return client is not None and client.is_provider(upstream.issuer)


def offered_upstreams(settings: Settings, client: Client | None, level: int = 0) -> tuple[Upstream, ...]:
    """The upstreams worth offering to a person on the way to ``client`` that needs ``level``."""
    return tuple(
        upstream
        for upstream in settings.upstreams
        if upstream.assurance.cap >= level and not is_request_of(upstream, client)
    )
