"""Registration of a client by itself: POST of its metadata, answered by who it is from now on.

RFC 7591 §3.1 and §3.2, OpenID Connect Registration §3. The order is the meaning: who may register, what is asked for,
what others publish (no transaction is open then), and only then is a use of the token counted and the client stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.config import Settings
from idp.context import Context
from idp.crypto.random import hash_secret, new_id, new_secret
from idp.domain.client import Client
from idp.protocol.client_documents import check_sector, fetch_logo, keep_logo, logo_uri
from idp.protocol.client_metadata import validate
from idp.protocol.client_secrets import Secret, new_client_secret
from idp.protocol.errors import ProtocolError
from idp.protocol.messages import JSON_HEADERS, Reply, Request
from idp.protocol.registration_access import admit
from idp.protocol.registration_document import read_document
from idp.protocol.software_statements import with_statement
from idp.storage import clients

PATH = "/clients"


def register(context: Context, request: Request, address: str) -> Reply:
    """201 with the client's information, or the error."""
    try:
        return _register(context, request, address)
    except ProtocolError as error:
        return error_reply(error)


def _register(context: Context, request: Request, address: str) -> Reply:
    registrant = admit(context, request, address)
    context.db.commit()  # an address is counted whatever comes of it
    document = with_statement(context, read_document(request))
    metadata = validate(context.settings, document, policy=registrant.policy)
    check_sector(context.provider, metadata)
    logo = fetch_logo(context.provider, logo_uri(metadata))
    registrant.count(context)
    client_id, token = f"client-{new_id()}", new_secret()  # nobody chooses one, nor can it be a person's subject
    secret = new_client_secret(context.vault, client_id, metadata["token_endpoint_auth_method"])
    client = clients.put(
        context.db,
        client_id,
        metadata,
        context.now,
        secret_hash=secret.hash if secret else None,
        secret_sealed=secret.sealed if secret else None,
        is_first_party=registrant.policy.is_first_party,
        registration_token_hash=hash_secret(token),
    )
    if logo is not None:
        keep_logo(context, client_id, logo)
    return Reply(201, information(context.settings, client, token, secret), tuple(JSON_HEADERS))


def information(settings: Settings, client: Client, token: str, secret: Secret | None = None) -> dict[str, Any]:
    """What a client is told about itself (RFC 7591 §3.2.1, RFC 7592 §3). A secret is told when it is made, never
    again: only its hash is kept."""
    issued_at = int(client.created_at.timestamp()) if client.created_at else 0
    known: Mapping[str, Any] = {
        "client_id": client.client_id,
        "client_id_issued_at": issued_at,
        "registration_access_token": token,
        "registration_client_uri": f"{settings.issuer}{PATH}/{client.client_id}",
    }
    told = {"client_secret": secret.text, "client_secret_expires_at": 0} if secret else {}
    return {**client.metadata, **known, **told}


def error_reply(error: ProtocolError) -> Reply:
    return Reply(error.status_code, dict(error.get_body()), tuple(error.get_headers()))


def server_metadata(settings: Settings) -> dict[str, Any]:
    """OpenID Connect Discovery §3, RFC 8414 §2: the endpoint where it is open to anybody, and pages about us."""
    pages = {name: getattr(settings, name) for name in ("op_policy_uri", "op_tos_uri", "service_documentation")}
    found = {name: uri for name, uri in pages.items() if uri}
    return found if settings.registration == "off" else found | {"registration_endpoint": settings.issuer + PATH}
