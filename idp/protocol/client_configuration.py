"""A registered client reads, changes and ends its own registration, by the token it was given with it.

RFC 7592 §2.1 (read), §2.2 (update replaces everything; 409 where somebody else changed it meanwhile), §2.3 (delete), §3
(the answer). The registration token stays the same for the life of the client; it opens nothing but this client's row,
and one answer is given to every other token, also where there is no such client.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from idp.context import Context
from idp.crypto.random import hash_secret
from idp.domain.client import Client
from idp.protocol.client_documents import check_sector, fetch_logo, keep_logo, logo_uri
from idp.protocol.client_metadata import OPERATORS_FIELDS, Policy, validate
from idp.protocol.client_secrets import Secret, new_client_secret
from idp.protocol.errors import ProtocolError
from idp.protocol.messages import JSON_HEADERS, Reply, Request
from idp.protocol.registration import error_reply, information
from idp.protocol.registration_access import bearer_token, invalid_token, no_token
from idp.protocol.registration_document import read_document
from idp.protocol.software_statements import with_statement
from idp.storage import clients
from idp.storage.client_logos import Logo
from idp.storage.db import begin_reading

_OURS_TO_SAY = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)
"""What an update must not hold (§2.2)."""


def read(context: Context, request: Request, client_id: str) -> Reply:
    """§2.1: 200 with the client's information."""

    def work(client: Client, token: str) -> Reply:
        return Reply(200, information(context.settings, client, token), tuple(JSON_HEADERS))

    return _for_client(context, request, client_id, work)


def update(context: Context, request: Request, client_id: str) -> Reply:
    """§2.2: 200 with the new information; a field that is left out is gone."""

    def work(client: Client, token: str) -> Reply:
        document = _document(request, client)
        changed, secret, logo = _changed(context, client, document)
        if not clients.change(context.db, changed, context.now):
            # Looking at what the client publishes takes seconds. Whatever an operator did in them must stand.
            raise ProtocolError("temporarily_unavailable", "The registration was changed meanwhile.", status_code=409)
        if logo_uri(changed.metadata) != logo_uri(client.metadata):
            keep_logo(context, client_id, logo)
        _forget(context, client_id)
        return Reply(200, information(context.settings, changed, token, secret), tuple(JSON_HEADERS))

    return _for_client(context, request, client_id, work)


def delete(context: Context, request: Request, client_id: str) -> Reply:
    """§2.3: 204; without its client every grant and token is dead, and consents to it are forgotten."""

    def work(client: Client, token: str) -> Reply:
        clients.delete(context.db, client_id)
        _forget(context, client_id)
        return Reply(204, "", (("Cache-Control", "no-store"),))

    return _for_client(context, request, client_id, work)


def _for_client(context: Context, request: Request, client_id: str, work: Callable[[Client, str], Reply]) -> Reply:
    try:
        token = bearer_token(request)
        if token is None:
            raise no_token()
        begin_reading(context.db)
        client = clients.find_registered(context.db, client_id, hash_secret(token))
        context.db.commit()
        if client is None:
            raise invalid_token()
        return work(client, token)
    except ProtocolError as error:
        return error_reply(error)


def _document(request: Request, client: Client) -> dict[str, Any]:
    """The metadata of an update: with the client's id, and its secret where that is repeated (§2.2)."""
    document = read_document(request)
    if document.pop("client_id", None) != client.client_id:
        raise _refused("client_id must be the one of this client.", "client_id")
    secret = document.pop("client_secret", None)
    if secret is not None and not (isinstance(secret, str) and client.check_client_secret(secret)):
        raise _refused("client_secret must be the one of this client.", "client_secret")
    for name in _OURS_TO_SAY:
        if name in document:
            raise _refused(f"{name} is not for the client to say.", name)
    return document


def _changed(context: Context, client: Client, document: dict[str, Any]) -> tuple[Client, Secret | None, Logo | None]:
    """The client as it would be: never more than it was given at its registration."""
    policy = Policy(
        profile=client.metadata.get("profile", "default"),
        openings=tuple(client.metadata.get("openings", ())),
        scope=client.scope,
    )
    document = with_statement(context, document, known=client.metadata.get("software_statement"))
    metadata = validate(context.settings, document, policy=policy)
    metadata |= {name: client.metadata[name] for name in OPERATORS_FIELDS if name in client.metadata}
    check_sector(context.provider, metadata)
    is_new_logo = logo_uri(metadata) != logo_uri(client.metadata)
    logo = fetch_logo(context.provider, logo_uri(metadata)) if is_new_logo else None
    changed = replace(client, metadata=metadata)
    method = changed.auth_method
    if _keeps_secret(client.auth_method, method):
        return changed, None, logo
    secret = new_client_secret(context.vault, client.client_id, method)
    hashed, sealed = (secret.hash, secret.sealed) if secret else (None, None)
    return replace(changed, secret_hash=hashed, secret_sealed=sealed), secret, logo


def _keeps_secret(before: str, after: str) -> bool:
    """A secret sent in the header may as well be sent in the body; one that signs is kept in another form."""
    return before == after or {before, after} == {"client_secret_basic", "client_secret_post"}


def _forget(context: Context, client_id: str) -> None:
    """Every copy this process has; other processes' are a second old at most."""
    context.provider.client_cache.forget(client_id)
    context.provider.parts["client_keys"].forget(client_id)


def _refused(description: str, parameter: str) -> ProtocolError:
    return ProtocolError("invalid_client_metadata", description, parameter=parameter)
