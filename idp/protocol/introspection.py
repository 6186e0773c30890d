"""Introspection: is this token good, and what does it mean? (RFC 7662 §2; RFC 9068 tokens and refresh tokens.)

Only authenticated confidential clients may ask, about tokens issued to them or meant for them as a resource server;
about every other text they learn nothing but that it is not active (§4). At most one statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from idp.config import Settings
from idp.context import Context
from idp.domain.client import Client
from idp.domain.grant import Grant
from idp.protocol import bearer, client_authentication, form, introspection_jwt, tokens
from idp.protocol.messages import CoreRequest
from idp.storage import grants

PATH = "/introspect"
_MEMBERS = ("scope", "client_id", "exp", "iat", "sub", "aud", "iss", "jti", "cnf")
_OF_PERSON = ("auth_time", "acr", "amr", "sid", "act_as")


@dataclass(frozen=True)
class AccessToken:
    """An access token as Authlib's endpoint asks about it."""

    context: Context
    verified: bearer.VerifiedToken

    def is_for(self, client: Client) -> bool:
        return client.client_id == self.verified.client_id or client.resource_identifier in self.verified.audience

    def is_expired(self) -> bool:
        return False  # then it would not have been verified

    def is_revoked(self) -> bool:
        """Also when its client has ended or lost its registration meanwhile."""
        is_orphan = self.context.find_client(self.verified.client_id) is None
        return is_orphan or not self.verified.is_active(self.context)

    def members(self) -> dict[str, Any]:
        claims = self.verified.claims
        known = {name: claims[name] for name in _MEMBERS + _OF_PERSON if name in claims}
        return {"active": True, "token_type": tokens.token_type(self.verified.confirmation)} | known


@dataclass(frozen=True)
class RefreshToken:
    """A refresh token that is its family's live one."""

    context: Context
    grant: Grant

    def is_for(self, client: Client) -> bool:
        return client.client_id == self.grant.client_id

    def is_expired(self) -> bool:
        return False  # then it would not have been found

    def is_revoked(self) -> bool:
        return False

    def members(self) -> dict[str, Any]:
        grant = self.grant
        ends = [moment for moment in (grant.refresh_expires_at, grant.refresh_ends_at) if moment is not None]
        return {
            "active": True,
            "scope": " ".join(sorted(grant.scope)),
            "client_id": grant.client_id,
            "sub": grant.subject,
            "iss": self.context.settings.issuer,
            "iat": int(grant.created_at.timestamp()),
            "exp": int(min(ends).timestamp()),
        }


class Introspection(IntrospectionEndpoint):
    """Authlib's endpoint, told what our tokens are."""

    CLIENT_AUTH_METHODS = client_authentication.CONFIDENTIAL  # type: ignore[assignment]

    def create_endpoint_response(  # type: ignore[override]  # every request is ours
        self, request: CoreRequest
    ) -> tuple[int, Any, list[tuple[str, str]]]:
        status, answer, headers = super().create_endpoint_response(request)
        if not introspection_jwt.is_wanted(request):
            return status, answer, headers
        return status, introspection_jwt.written(self.server.context, request.client, answer), introspection_jwt.HEADERS

    def check_params(self, request: CoreRequest, client: Client) -> None:
        """A hint may help a server search; ours sees the kind of a token by itself, whatever the hint says."""
        form.get(request, "token")

    def query_token(self, token_string: str, token_type_hint: str | None) -> AccessToken | RefreshToken | None:
        context: Context = self.server.context
        verified = bearer.find_access_token(context, token_string)
        if verified is not None:
            return AccessToken(context, verified)
        refresh = tokens.read_refresh_token(context.vault, token_string)
        grant = refresh and grants.find_live_refresh(context.db, refresh.grant_id, refresh.hash, context.now)
        return RefreshToken(context, grant) if grant else None

    def check_permission(self, token: AccessToken | RefreshToken, client: Client, request: CoreRequest) -> bool:
        return token.is_for(client)

    def introspect_token(self, token: AccessToken | RefreshToken) -> dict[str, Any]:
        return token.members()


def server_metadata(settings: Settings) -> dict[str, Any]:
    """RFC 8414 §2."""
    methods = client_authentication.metadata_for(settings, "introspection", client_authentication.CONFIDENTIAL)
    return {"introspection_endpoint": settings.issuer + PATH} | methods
