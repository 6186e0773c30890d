"""A client acting for itself (RFC 6749 §4.4). Nothing is stored: such a token has no person and no grant."""

from __future__ import annotations

from typing import Any

from idp.protocol import audience, tokens
from idp.protocol.claims import PERSON_SCOPES
from idp.protocol.errors import ProtocolError
from idp.protocol.token_grant import TokenGrant


class ClientCredentialsGrant(TokenGrant):
    GRANT_TYPE = "client_credentials"

    def issue(self) -> dict[str, Any]:
        if self.request.auth_method == "none":  # RFC 6749 §4.4: confidential clients only
            raise ProtocolError("unauthorized_client", "A public client cannot act for itself.")
        scope = self._scope()
        token = tokens.access_token(
            self.context,
            self.client,
            subject=self.client.client_id,
            scope=scope,
            audience=self._audience(scope),
            confirmation=self.request.confirmation,
        )
        return tokens.described(self.context, self.client, token, scope, self.request.confirmation)

    def _audience(self, scope: frozenset[str]) -> tuple[str, ...]:
        """The servers of the scope, or those of them that are named (RFC 8707 §2.2)."""
        audience.check(self.asked_resources, audience.of_scope(self.context.settings, scope))
        return audience.of_scope(self.context.settings, scope, self.asked_resources)

    def _scope(self) -> frozenset[str]:
        """The scope asked for, or everything registered that is not about a person (RFC 6749 §3.3)."""
        own = self.client.scope - PERSON_SCOPES
        asked = self.asked_scope
        if not asked <= own:
            raise ProtocolError("invalid_scope", "The client may not have this scope for itself.", parameter="scope")
        return asked or own
