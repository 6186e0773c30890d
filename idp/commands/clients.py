"""``tongxing client``: register, list and disable relying parties and services."""

from __future__ import annotations

import json
from typing import Any, TextIO

import click

from idp.commands.work import working
from idp.context import Provider
from idp.domain.profile import DEFAULT
from idp.outbound import OutboundBusy
from idp.protocol.client_documents import check_sector, fetch_logo, keep_logo, logo_uri
from idp.protocol.client_metadata import OPERATOR, validate
from idp.protocol.client_report import State, report
from idp.protocol.client_secrets import new_client_secret
from idp.protocol.errors import ProtocolError
from idp.storage import clients as storage

_COLOURS = {State.UNMET: "red", State.OPEN: "red", State.MET: "green"}


@click.group("client")
def group() -> None:
    """Relying parties and services."""


@group.command("list")
def list_clients() -> None:
    """All clients, a line each: id, name, method, party, state, profile, openings (in red where they count)."""
    with working() as context:
        colour = "red" if context.settings.openings_allowed else None
        for client in storage.list_all(context.db):
            state = "active" if client.is_active else "disabled"
            party = "first-party" if client.is_first_party else "third-party"
            profile = str(client.metadata.get("profile", DEFAULT))
            openings = click.style(f"OPEN: {', '.join(client.openings)}", fg=colour) if client.openings else "-"
            words = (client.client_id, client.name, client.auth_method, party, state, profile, openings)
            click.echo("\t".join(words))
        if not context.settings.openings_allowed:
            return
    click.secho("openings count: setting openings_allowed is on", fg="red", err=True)


@group.command("check")
@click.argument("client_id")
def check(client_id: str) -> None:
    """CLIENT_ID beside the requirements of its profile; the exit code is 1 where one is not met."""
    with working() as context:
        client = storage.find_even_disabled(context.db, client_id)
        if client is None:
            raise click.ClickException(f"no client {client_id}")
        rows = report(context.settings, client)
    click.echo(f"{client.client_id}, {client.name}: profile {client.metadata.get('profile', DEFAULT)}")
    for row in rows:
        state = click.style(f"{row.state:<15}", fg=_COLOURS.get(row.state))
        click.echo(f"  {state} {row.requirement}" + (f"\n{'':18}{row.advice}" if row.advice else ""))
    if any(row.state is State.UNMET for row in rows):
        raise SystemExit(1)


@group.command("add")
@click.argument("client_id")
@click.option("--metadata", type=click.File(), required=True, help="JSON file in the words of RFC 7591 §2")
@click.option("--first-party", is_flag=True, help="Needs no consent page")
@click.option("--replace", is_flag=True, help="Replace an existing client, its secret included")
def add(client_id: str, metadata: TextIO, first_party: bool, replace: bool) -> None:
    """Register CLIENT_ID. A secret, where its method needs one, is printed once and never again."""
    document = _read(metadata)
    with working() as context:
        try:
            values = _validated(context.provider, document)
            logo = fetch_logo(context.provider, logo_uri(values))
        except OutboundBusy:
            raise click.ClickException("too many hosts do not answer at the moment: try again") from None
        if not replace and storage.find(context.db, client_id):
            raise click.ClickException(f"{client_id} exists; --replace gives it new metadata and a new secret")
        secret = new_client_secret(context.vault, client_id, values["token_endpoint_auth_method"])
        storage.put(
            context.db,
            client_id,
            values,
            context.now,
            secret_hash=secret.hash if secret else None,
            secret_sealed=secret.sealed if secret else None,
            is_first_party=first_party,
        )
        keep_logo(context, client_id, logo)
    told = {"client_secret": secret.text} if secret else {}
    click.echo(json.dumps({"client_id": client_id, **told}))


@group.command("disable")
@click.argument("client_id")
def disable(client_id: str) -> None:
    """Refuse CLIENT_ID from now on; its registration is kept."""
    with working() as context:
        client = storage.find(context.db, client_id)
        if client is None:
            raise click.ClickException(f"no active client {client_id}")
        storage.put(
            context.db,
            client_id,
            client.metadata,
            context.now,
            secret_hash=client.secret_hash,
            secret_sealed=client.secret_sealed,
            registration_token_hash=client.registration_token_hash,
            is_first_party=client.is_first_party,
            is_active=False,
        )


def _read(metadata: TextIO) -> dict[str, Any]:
    try:
        values = json.load(metadata)
    except ValueError as error:
        raise click.ClickException(f"metadata is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise click.ClickException("metadata must be a JSON object")
    return values


def _validated(provider: Provider, document: dict[str, Any]) -> dict[str, Any]:
    try:
        values = validate(provider.settings, document, policy=OPERATOR)
        check_sector(provider, values)
        return values
    except ProtocolError as error:
        raise click.ClickException(f"{error.error}: {error.description} ({error.parameter})") from error
