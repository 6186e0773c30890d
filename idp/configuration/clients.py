"""Clients of a configuration file: judged like any registration, compared, put.

An entry is a client's whole registration: what it leaves out is removed. Only the secret stays where none is given, for
as long as the client's method needs one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from idp.configuration.difference import differences
from idp.configuration.entries import ClientEntry
from idp.configuration.sealing import opened
from idp.configuration.step import Refused, Sector, Step, place_of
from idp.context import Context
from idp.crypto.random import hash_secret
from idp.domain.client import Client
from idp.protocol.client_documents import keep_logo, logo_uri
from idp.protocol.client_metadata import OPERATOR, validate
from idp.protocol.client_secrets import kept, signing_key, uses_secret
from idp.protocol.errors import ProtocolError
from idp.storage import clients
from idp.storage.client_logos import Logo

_HIDDEN = ("client_secret_hash", "registration_access_token_hash")


def plan(context: Context, entry: ClientEntry, logos: Mapping[str, Logo | None]) -> Step:
    """``logos``: the pictures at hand, by their address. Raises Refused."""
    place = place_of("clients", entry.client_id)
    known = clients.find_even_disabled(context.db, entry.client_id)
    try:
        metadata = validate(context.settings, entry.metadata, policy=OPERATOR)
    except ProtocolError as error:
        raise Refused([f"{place}{_field(error)}: {error.description}"]) from error
    wanted = Client(
        client_id=entry.client_id,
        metadata=metadata,
        is_first_party=entry.first_party,
        is_active=entry.active,
        registration_token_hash=entry.registration_access_token_hash
        or (known.registration_token_hash if known else None),
        created_at=_issued_at(entry, known),
        **_secret(context, entry, str(metadata["token_endpoint_auth_method"]), known, place),
    )
    before = described(context, known) if known else None
    changes = differences(place, before, described(context, wanted), hidden=_HIDDEN)
    sector = _sector(place, metadata) if entry.active else None
    if known is not None and known.is_active and sector == _sector(place, known.metadata):
        sector = None  # it was looked at when it was new
    uri = logo_uri(metadata)
    if uri == (known and logo_uri(known.metadata)):
        return Step(changes, partial(_put, context, wanted), sector=sector)
    return Step(changes, partial(_put, context, wanted, logos), uri, sector)


def described(context: Context, client: Client) -> dict[str, Any]:
    """A client as a file would say it; its secret as a hash, whatever is stored of it."""
    found = {
        "client_id": client.client_id,
        "first_party": client.is_first_party,
        "active": client.is_active,
        "client_secret_hash": _hash(context, client),
        "registration_access_token_hash": client.registration_token_hash,
        "client_id_issued_at": int(client.created_at.timestamp()) if client.created_at else None,
    }
    return {**{name: value for name, value in found.items() if value is not None}, **client.metadata}


def secret_of(context: Context, client: Client) -> str | None:
    """The secret itself, which is known only where it is a key."""
    key = signing_key(context.vault, client)
    return None if key is None else key.decode()


def _issued_at(entry: ClientEntry, known: Client | None) -> datetime | None:
    """When the client was registered: as the file says to the second, as it is known, or else when it is put."""
    stated = None if entry.client_id_issued_at is None else datetime.fromtimestamp(entry.client_id_issued_at, UTC)
    stored = known.created_at if known else None
    return stored if stated is None or (stored and stored.replace(microsecond=0) == stated) else stated


def _sector(place: str, metadata: Mapping[str, Any]) -> Sector | None:
    uri = metadata.get("sector_identifier_uri")
    return None if uri is None else Sector(place, uri, tuple(metadata.get("redirect_uris", ())))


def _hash(context: Context, client: Client) -> str | None:
    secret = secret_of(context, client)
    return client.secret_hash if secret is None else hash_secret(secret)


def _field(error: ProtocolError) -> str:
    return f".{error.parameter}" if error.parameter else ""


def _secret(context: Context, entry: ClientEntry, method: str, known: Client | None, place: str) -> dict[str, Any]:
    """What is stored of the secret: its hash, or itself where the method signs with it. Raises Refused."""
    if not uses_secret(method):
        if entry.client_secret is not None or entry.client_secret_hash is not None:
            raise Refused([f"{place}.client_secret: {method} has none"])
        return {}
    is_key = method == "client_secret_jwt"  # which a hash is of no use for
    stored = _hash(context, known) if known is not None and is_key is (known.secret_sealed is not None) else None
    try:
        secret = opened(context, entry.client_secret, entry.client_id) if entry.client_secret else None
        wanted = entry.client_secret_hash if secret is None else hash_secret(secret)
        if known is not None and stored is not None and wanted in (None, stored):
            return {"secret_hash": known.secret_hash, "secret_sealed": known.secret_sealed}
        if secret is not None:
            made = kept(context.vault, entry.client_id, method, secret)
            return {"secret_hash": made.hash, "secret_sealed": made.sealed}
    except ValueError as error:
        raise Refused([f"{place}.client_secret: {error}"]) from error
    if wanted is None or is_key:
        raise Refused([f"{place}.client_secret: is needed by {method}"])
    return {"secret_hash": wanted}


def _put(context: Context, client: Client, logos: Mapping[str, Logo | None] | None = None) -> None:
    """``logos``: where the client's picture is among; None: it keeps the one it has."""
    clients.put(
        context.db,
        client.client_id,
        client.metadata,
        context.now,
        secret_hash=client.secret_hash,
        is_first_party=client.is_first_party,
        is_active=client.is_active,
        secret_sealed=client.secret_sealed,
        registration_token_hash=client.registration_token_hash,
        issued_at=client.created_at,
    )
    if logos is not None:
        uri = logo_uri(client.metadata)
        keep_logo(context, client.client_id, None if uri is None else logos[uri])
