"""Tokens and the token response: access tokens as JWTs, refresh tokens, and what is answered with them.

RFC 9068 (access tokens), RFC 6749 §5.1 (the response) and §6 with RFC 9700 §4.14 (refresh tokens).
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from idp.config import Settings
from idp.context import Context
from idp.crypto.jose import sign
from idp.crypto.random import hash_secret, new_id, new_secret
from idp.crypto.vault import Vault
from idp.domain.client import Client
from idp.domain.grant import Grant
from idp.protocol import id_token

ACCESS_TOKEN = "at+jwt"  # noqa: S105  # the media type of RFC 9068 §2.1


def access_token(
    context: Context,
    *,
    client_id: str,
    subject: str,
    scope: Collection[str],
    audience: Sequence[str],
    grant: Grant | None = None,
) -> str:
    """A signed access token (RFC 9068 §2.2). ``grant`` is the person's; a client acting for itself has none."""
    settings, issued_at = context.settings, int(context.now.timestamp())
    claims: dict[str, Any] = {
        "iss": settings.issuer,
        "sub": subject,
        "aud": audience[0] if len(audience) == 1 else list(audience),
        "exp": issued_at + int(settings.access_token_lifetime.total_seconds()),
        "iat": issued_at,
        "jti": new_id(),
        "client_id": client_id,
    }
    if scope:
        claims["scope"] = " ".join(sorted(scope))
    if grant is not None:
        claims |= _about_authentication(grant)
    return sign(context.keys, settings.key_algorithms[0], claims, ACCESS_TOKEN, context.now)


def _about_authentication(grant: Grant) -> dict[str, Any]:
    """RFC 9068 §2.2.1: how the person authenticated, as it was when the grant was made, not now."""
    claims: dict[str, Any] = {
        "auth_time": int(grant.auth_time.timestamp()),
        "acr": grant.acr,
        "amr": list(grant.amr),
        "gid": grant.id,
    }
    if grant.sid:
        claims["sid"] = grant.sid
    if grant.act_as:
        claims["act_as"] = grant.act_as
    return claims


def token_response(
    context: Context,
    client: Client,
    grant: Grant,
    scope: frozenset[str],
    *,
    audience: Sequence[str],
    nonce: str | None = None,
    refresh_token: str | None = None,
) -> dict[str, Any]:
    """What a person's grant gives (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3)."""
    token = access_token(
        context, client_id=client.client_id, subject=grant.subject, scope=scope, audience=audience, grant=grant
    )
    body = bearer(context.settings, token, scope)
    if refresh_token is not None:
        body["refresh_token"] = refresh_token
    if "openid" in scope:
        body["id_token"] = id_token.issue(context, client, grant, access_token=token, nonce=nonce)
    return body


def bearer(settings: Settings, token: str, scope: Collection[str]) -> dict[str, Any]:
    """The members every token response has (RFC 6749 §5.1)."""
    body: dict[str, Any] = {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": int(settings.access_token_lifetime.total_seconds()),
    }
    if scope:
        body["scope"] = " ".join(sorted(scope))
    return body


@dataclass(frozen=True)
class RefreshToken:
    """A refresh token's parts. Its text is ``grant.generation.secret.mac``.

    The mac proves without a look-up that we issued it, so that the reuse of an old generation (a copy is about) is
    told from a made-up text (nothing is).
    """

    grant_id: str
    generation: int
    secret: str = field(repr=False)

    @property
    def hash(self) -> str:
        return hash_secret(self.secret)

    def successor(self) -> RefreshToken:
        return RefreshToken(self.grant_id, self.generation + 1, new_secret())

    def text(self, vault: Vault) -> str:
        body = f"{self.grant_id}.{self.generation}.{self.secret}"
        return f"{body}.{_mac(vault, body)}"


def read_refresh_token(vault: Vault, text: str) -> RefreshToken | None:
    """The parts of a refresh token that we issued, None for any other text."""
    body, _, mac = text.rpartition(".")
    parts = body.split(".")
    if (
        len(text) > 512
        or len(parts) != 3
        or not hmac.compare_digest(_mac(vault, body).encode(), mac.encode("utf-8", "surrogatepass"))
    ):
        return None
    return RefreshToken(parts[0], int(parts[1]), parts[2])


def refresh_lifetimes(settings: Settings, now: datetime) -> tuple[datetime, datetime]:
    """(end of the idle time, absolute end) of a family that starts now (RFC 9700 §4.14.2)."""
    return now + settings.refresh_idle_lifetime, now + settings.refresh_absolute_lifetime


def _mac(vault: Vault, body: str) -> str:
    digest = vault.mac("refresh_token", body.encode("utf-8", "surrogatepass"))
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
