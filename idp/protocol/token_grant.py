"""What every grant type at the token endpoint is: a name, and the token response it issues (RFC 6749 §4, §5.1).

The client is authenticated and allowed this grant type before :meth:`TokenGrant.issue` is called.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from idp.context import Context
from idp.domain.client import Client
from idp.protocol import form
from idp.protocol.messages import CoreRequest


class TokenGrant(ABC):
    """One token request of one grant type."""

    GRANT_TYPE: ClassVar[str]

    def __init__(self, context: Context, request: CoreRequest) -> None:
        self.context, self.request = context, request
        self.client: Client = request.client

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
