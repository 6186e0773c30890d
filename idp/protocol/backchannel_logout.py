"""Telling a relying party that a session is over: the logout token and its delivery.

OpenID Connect Back-Channel Logout 1.0 §2.4 (the token), §2.5 (the request), §2.8 (the answer). A token is made fresh
for every attempt: new ``jti``, two minutes of life. The body holds ``logout_token`` and nothing else. Who gets its ID
tokens encrypted gets its logout tokens so: the same algorithms and keys count for both (§2.4).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from idp.config import Settings
from idp.context import Context, Provider
from idp.crypto.jose import sign
from idp.crypto.random import new_id
from idp.domain.client import Client
from idp.outbound import OutboundBusy, OutboundError
from idp.outbox import DeliveryFailed
from idp.protocol import client_jwts
from idp.protocol.client_jwts import Kind, UnusableRegistration
from idp.storage.outbox import Delivery

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TYP = "logout+jwt"
LIFETIME = timedelta(minutes=2)


def logout_token(context: Context, client: Client, *, subject: str, sid: str) -> str:
    """A signed logout token for one client, encrypted where its ID tokens are (§2.4). It has no nonce, so that it can
    never pass for an ID token; it has ``sub`` and ``sid``, whether or not the client requires the session to be named
    (§2.2). Raises UnusableRegistration, OutboundBusy."""
    issued_at = int(context.now.timestamp())
    claims = {
        "iss": context.settings.issuer,
        "aud": client.client_id,
        "iat": issued_at,
        "exp": issued_at + int(LIFETIME.total_seconds()),
        "jti": new_id(),
        "events": {EVENT: {}},
        "sub": subject,
        "sid": sid,
    }
    alg = client_jwts.signing_algorithm(context.settings, client, Kind.ID_TOKEN)
    token = sign(context.keys, alg, claims, TYP, context.now)
    return client_jwts.encrypted(context, client, Kind.ID_TOKEN, token, issuer=context.settings.issuer)


def deliver(provider: Provider, delivery: Delivery) -> None:
    """Handler of the outbox. Raises DeliveryFailed; final only where nobody is left to tell."""
    client, token = _prepare(provider, delivery)
    try:
        answer = provider.parts["outbound"].post_form(client.backchannel_logout_uri, {"logout_token": token})
    except OutboundError as error:
        raise DeliveryFailed(error.detail) from error
    if not answer.is_success:  # §2.8: 200, and 204 is common
        raise DeliveryFailed(f"answered {answer.status}")


def _prepare(provider: Provider, delivery: Delivery) -> tuple[Client, str]:
    with provider.work() as context:
        client = context.find_client(delivery.recipient)
        if client is None or not client.backchannel_logout_uri:
            raise DeliveryFailed("the client is gone or takes no logout tokens any more", is_final=True)
        context.db.commit()  # nothing was written; no connection is held while the client's keys are fetched
        payload = delivery.payload
        try:
            return client, logout_token(context, client, subject=payload["sub"], sid=payload["sid"])
        except UnusableRegistration as error:
            raise DeliveryFailed(str(error.description)) from error
        except OutboundBusy as error:
            raise DeliveryFailed("too many calls for clients' keys are under way") from error


def server_metadata(settings: Settings) -> dict[str, Any]:
    """OpenID Connect Back-Channel Logout 1.0 §2.1."""
    return {"backchannel_logout_supported": True, "backchannel_logout_session_supported": True}
