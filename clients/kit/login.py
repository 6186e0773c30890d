"""What a relying party is configured with, and what a login begins and ends as."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from clients.kit import jwt
from clients.kit.client_auth import ClientAuthentication, NoAuth
from clients.kit.pending_login import PendingLogin


@dataclass(frozen=True)
class RelyingPartyConfig:
    """What was agreed with the provider when the client was registered.

    `algorithms` are the signature algorithms accepted in ID and logout tokens. `scope` is space-separated and holds
    `openid`. `fetch_userinfo` False saves a request where the ID token says enough.
    """

    issuer: str
    client_id: str
    redirect_uri: str
    scope: str = "openid"
    auth: ClientAuthentication = field(default_factory=NoAuth, repr=False)
    post_logout_redirect_uri: str | None = None
    algorithms: tuple[str, ...] = jwt.ALGORITHMS
    fetch_userinfo: bool = True


@dataclass(frozen=True)
class LoginStart:
    """Send the browser to `url`; keep `pending` on the server, bound to this browser."""

    url: str
    pending: PendingLogin


@dataclass(frozen=True)
class Login:
    """A finished login. `id_token` holds its claims, `id_token_raw` the token as received (for `id_token_hint`)."""

    issuer: str
    subject: str
    id_token: dict[str, Any]
    id_token_raw: str = field(repr=False)
    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: datetime
    scope: str
    userinfo: dict[str, Any]

    @property
    def sid(self) -> str | None:
        sid = self.id_token.get("sid")
        return sid if isinstance(sid, str) else None

    @property
    def acr(self) -> str | None:
        acr = self.id_token.get("acr")
        return acr if isinstance(acr, str) else None

    @property
    def authenticated_at(self) -> datetime:
        """When the person last proved who they are (`auth_time`), or else when the ID token was issued; aware UTC."""
        return jwt.instant(self.id_token, "auth_time" if "auth_time" in self.id_token else "iat")
