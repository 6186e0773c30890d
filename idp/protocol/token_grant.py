"""What every grant type at the token endpoint is: Authlib's grant, filled in where ours differs (RFC 6749 §4, §5.1).

The client is authenticated before a grant is made; a grant says only what it issues.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from authlib.oauth2.rfc6749 import BaseGrant, TokenEndpointMixin

from idp.context import Context
from idp.domain.client import Client
from idp.protocol import form
from idp.protocol.errors import ProtocolError
from idp.protocol.messages import JSON_HEADERS, CoreRequest


class TokenGrant(BaseGrant, TokenEndpointMixin, ABC):
    """One token request of one grant type."""

    GRANT_TYPE: str  # type: ignore[assignment]  # Authlib begins with None
    request: CoreRequest

    @property
    def context(self) -> Context:
        context: Context = self.server.context
        return context

    @property
    def client(self) -> Client:
        client: Client = self.request.client
        return client

    def validate_token_request(self) -> None:
        """A client uses the grant types it is registered for (RFC 6749 §5.2)."""
        if not self.client.check_grant_type(self.GRANT_TYPE):
            raise ProtocolError("unauthorized_client", "The client is not registered for this grant_type.")

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        return 200, self.issue(), JSON_HEADERS

    @abstractmethod
    def issue(self) -> dict[str, Any]:
        """The members of the token response. Raises ProtocolError; what it claimed by then stays claimed."""

    def find(self, name: str) -> str | None:
        return form.find(self.request, name)

    def get(self, name: str) -> str:
        return form.get(self.request, name)

    @property
    def asked_scope(self) -> frozenset[str]:
        """The ``scope`` parameter (RFC 6749 §3.3); empty when it is left out."""
        return frozenset((self.find("scope") or "").split(" ")) - {""}

    @property
    def asked_resources(self) -> tuple[str, ...]:
        """The ``resource`` parameters (RFC 8707 §2.2), the only ones that may stand there more than once."""
        return tuple(dict.fromkeys(value for value in self.request.payload.datalist.get("resource", ()) if value))
