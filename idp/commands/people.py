"""``tongxing user``: people as an operator sees them. Nobody ever chooses a person's password for them."""

from __future__ import annotations

import click

from idp.accounts.standing import set_status
from idp.authn.identifiers import identify
from idp.commands.work import working
from idp.context import Context
from idp.domain.account import Account, AccountStatus
from idp.storage import accounts


@click.group("user")
def group() -> None:
    """People's accounts."""


@group.command("show")
@click.argument("person")
def show(person: str) -> None:
    """Status, level and proofs of PERSON (mobile number, ID number or username); personal values are not printed."""
    with working() as context:
        account = _get(context, person)
        click.echo(f"{account.subject}\t{account.status}\tlevel {account.level}\tsince {account.created_at:%Y-%m-%d}")
        for proof in accounts.list_proofs(context.db, account.id):
            click.echo(f"  level {proof.level}\t{proof.method}\t{proof.source}\t{proof.verified_at:%Y-%m-%d %H:%M}")


@group.command("freeze")
@click.argument("person")
def freeze(person: str) -> None:
    """Stop an account: its sessions end everywhere and its grants are revoked."""
    with working() as context:
        set_status(context, _get(context, person), AccountStatus.FROZEN)


@group.command("unfreeze")
@click.argument("person")
def unfreeze(person: str) -> None:
    """Let a frozen account log in again."""
    with working() as context:
        set_status(context, _get(context, person), AccountStatus.ACTIVE)


def _get(context: Context, person: str) -> Account:
    account = accounts.find_by_identifier(context.db, context.vault, identify(person))
    if account is None:
        raise click.ClickException("nobody is known by that mobile number, ID number or username")
    return account
