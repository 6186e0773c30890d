"""Tokens and the token response: access tokens as JWTs, refresh tokens, and what is answered with them.

RFC 9068 (access tokens), RFC 7800 §3.1 (those bound to a key), RFC 6749 §5.1 (the response) and §6 with RFC 9700 §4.14
(refresh tokens).
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from idp.context import Context
from idp.crypto.jose import sign
from idp.crypto.random import hash_secret, new_id, new_secret
from idp.crypto.vault import Vault
from idp.domain.client import Client
from idp.domain.grant import Grant
from idp.protocol import client_jwts, id_token, lifetimes
from idp.protocol.errors import ProtocolError

ACCESS_TOKEN = "at+jwt"  # noqa: S105  # the media type of RFC 9068 §2.1


def access_token(
    context: Context,
    client: Client,
    *,
    subject: str,
    scope: Collection[str],
    audience: Sequence[str],
    grant: Grant | None = None,
    confirmation: Mapping[str, str] | None = None,
) -> str:
    """A signed access token (RFC 9068 §2.2). ``grant`` is the person's; a client acting for itself has none.
    ``confirmation`` is the key it is bound to; whatever the way, who must bind tokens gets no other."""
    if client.must_bind_tokens and not confirmation:
        raise ProtocolError("invalid_request", "This client's tokens must be bound to a key it proves to have.")
    settings, issued_at = context.settings, int(context.now.timestamp())
    claims: dict[str, Any] = {
        "iss": settings.issuer,
        "sub": subject,
        "aud": audience[0] if len(audience) == 1 else list(audience),
        "exp": issued_at + int(lifetimes.access_token(settings, client).total_seconds()),
        "iat": issued_at,
        "jti": new_id(),
        "client_id": client.client_id,
    }
    if confirmation:
        claims["cnf"] = dict(confirmation)
    if scope:
        claims["scope"] = " ".join(sorted(scope))
    if grant is not None:
        claims |= _about_authentication(grant)
    alg = client_jwts.access_token_algorithm(settings, client)
    return sign(context.keys, alg, claims, ACCESS_TOKEN, context.now)


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
    confirmation: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What a person's grant gives (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3)."""
    token = access_token(
        context,
        client,
        subject=grant.subject,
        scope=scope,
        audience=audience,
        grant=grant,
        confirmation=confirmation,
    )
    body = described(context, client, token, scope, confirmation)
    if refresh_token is not None:
        body["refresh_token"] = refresh_token
    if "openid" in scope:
        body["id_token"] = id_token.issue(context, client, grant, access_token=token, nonce=nonce)
    return body


def described(
    context: Context, client: Client, token: str, scope: Collection[str], confirmation: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The members every response with an access token has (RFC 6749 §5.1)."""
    body: dict[str, Any] = {
        "access_token": token,
        "token_type": token_type(confirmation),
        "expires_in": int(lifetimes.access_token(context.settings, client).total_seconds()),
    }
    if scope:
        body["scope"] = " ".join(sorted(scope))
    return body


def token_type(confirmation: Mapping[str, str] | None) -> str:
    """How a token is presented (RFC 9449 §5); one bound to a certificate is shown as a bearer's (RFC 8705 §3)."""
    return "DPoP" if confirmation and "jkt" in confirmation else "Bearer"


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


def _mac(vault: Vault, body: str) -> str:
    digest = vault.mac("refresh_token", body.encode("utf-8", "surrogatepass"))
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
