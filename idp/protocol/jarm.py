"""Authorization responses as JWTs: who answers, for whom, and how long the answer is good.

JWT Secured Authorization Response Mode for OAuth 2.0 (JARM): OAuth 2.0 JARM §2.1 (the JWT), §2.2 (signed, then
encrypted where registered), §3 (client metadata), §4 (our metadata). Never unsigned.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from idp.config import Settings
from idp.context import Context
from idp.domain.client import Client
from idp.protocol import client_jwts
from idp.protocol.client_jwts import Kind

LIFETIME = timedelta(minutes=5)  # §2.1 recommends at most ten


def response(context: Context, client: Client, parameters: Mapping[str, str]) -> str:
    """The parameters, ``iss`` among them, as a JWT for the client. Raises UnusableRegistration."""
    claims = {"aud": client.client_id, "exp": int((context.now + LIFETIME).timestamp()), **parameters}
    return client_jwts.signed(context, client, Kind.AUTHORIZATION, claims)


def check(context: Context, client: Client) -> None:
    """Whether the client can be answered so at all. Raises UnusableRegistration."""
    client_jwts.signing_algorithm(context.settings, client, Kind.AUTHORIZATION)
    client_jwts.check_encryption(context, client, Kind.AUTHORIZATION)


def server_metadata(settings: Settings) -> dict[str, Any]:
    """§4."""
    return client_jwts.metadata_for(settings, Kind.AUTHORIZATION)
