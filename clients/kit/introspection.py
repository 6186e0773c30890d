"""Asking the provider whether an access token still counts: a logout or a revocation ends it before it runs out.

RFC 7662 §2 (the question and its answer). A resource server asks as a client of the provider, one that is registered
with the resource server's identifier.
"""

from __future__ import annotations

from datetime import datetime

from clients.kit.client_auth import ClientAuthentication
from clients.kit.errors import ProviderUnavailable
from clients.kit.http import JsonInvalid
from clients.kit.provider import Provider
from clients.kit.token_endpoint import ClientEndpoint


class Introspection:
    """The resource server as the client ``client_id``. Safe to share between threads."""

    def __init__(self, provider: Provider, client_id: str, auth: ClientAuthentication) -> None:
        self._provider = provider
        self._client = ClientEndpoint(provider, client_id, auth)

    def is_active(self, token: str, *, now: datetime) -> bool:
        """Raises ProviderUnavailable for everything that is no answer, being refused as a client included: whoever
        shows the token cannot help it."""
        with self._provider.http.within():
            url = self._provider.endpoint("introspection_endpoint")
            answer = self._client.post(url, {"token": token, "token_type_hint": "access_token"}, now)
        if answer.status != 200:
            raise ProviderUnavailable(f"introspection was answered with status {answer.status}")
        try:
            active = answer.json_object().get("active")
        except JsonInvalid as error:
            raise ProviderUnavailable("the introspection answer is no JSON object") from error
        if not isinstance(active, bool):
            raise ProviderUnavailable("the introspection answer does not say whether the token is active")
        return active
