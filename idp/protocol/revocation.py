"""Revocation: a client gives a token back (RFC 7009 §2).

An access token is denied by its identifier until it would have expired; a refresh token, live or used up, ends its
whole family with every access token of it (§2.1). A token that is not known is as good as revoked (§2.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from authlib.oauth2.rfc7009 import RevocationEndpoint

from idp.config import Settings
from idp.context import Context
from idp.domain.client import Client
from idp.protocol import bearer, client_authentication, form, tokens
from idp.protocol.messages import CoreRequest
from idp.storage import access_tokens, grants

PATH = "/revoke"


@dataclass(frozen=True)
class AccessToken:
    verified: bearer.VerifiedToken

    def check_client(self, client: Client) -> bool:
        return self.verified.client_id == client.client_id

    def revoke(self, context: Context) -> None:
        ends_at = datetime.fromtimestamp(self.verified.claims["exp"], UTC)
        access_tokens.revoke(context.db, self.verified.jti, ends_at)


@dataclass(frozen=True)
class RefreshFamily:
    grant_id: str
    client_id: str

    def check_client(self, client: Client) -> bool:
        return self.client_id == client.client_id

    def revoke(self, context: Context) -> None:
        grants.revoke(context.db, self.grant_id, "revoked_by_client", context.now)


class Revocation(RevocationEndpoint):
    """Authlib's endpoint, told what our tokens are. It refuses a token of another client (§2.1)."""

    CLIENT_AUTH_METHODS = client_authentication.ANY  # type: ignore[assignment]

    def check_params(self, request: CoreRequest, client: Client) -> None:
        """The kind of a token shows in its text; ``token_type_hint`` is not needed, a wrong one does no harm (§2.1)."""
        form.get(request, "token")

    def query_token(self, token_string: str, token_type_hint: str | None) -> AccessToken | RefreshFamily | None:
        context: Context = self.server.context
        verified = bearer.find_access_token(context, token_string)
        if verified is not None:
            return AccessToken(verified)
        refresh = tokens.read_refresh_token(context.vault, token_string)
        grant = grants.find(context.db, refresh.grant_id) if refresh else None
        return RefreshFamily(grant.id, grant.client_id) if grant else None

    def revoke_token(self, token: AccessToken | RefreshFamily, request: CoreRequest) -> None:
        token.revoke(self.server.context)


def server_metadata(settings: Settings) -> dict[str, Any]:
    """RFC 8414 §2."""
    methods = client_authentication.metadata_for(settings, "revocation", client_authentication.ANY)
    return {"revocation_endpoint": settings.issuer + PATH} | methods
