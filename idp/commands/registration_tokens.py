"""``tongxing client token``: initial access tokens, with which others register clients for themselves."""

from __future__ import annotations

import json
from datetime import timedelta

import click

from idp.commands.work import working
from idp.domain.opening import Opening
from idp.domain.profile import DEFAULT, PROFILES
from idp.protocol.client_metadata.policy import Policy, known_scopes
from idp.storage import initial_access_tokens as storage

_DAYS = timedelta(days=1)


@click.command("token")
@click.option("--label", required=True, help="For whom it is")
@click.option("--profile", type=click.Choice(sorted(PROFILES)), default=DEFAULT, help="The least strict profile")
@click.option(
    "--opening",
    "openings",
    type=click.Choice([one.value for one in Opening]),
    multiple=True,
    help="A test-only relaxation",
)
@click.option("--scope", default="", help="Scopes beyond the setting registration_scopes, separated by spaces")
@click.option("--first-party", is_flag=True, help="The clients need no consent page")
@click.option("--uses", type=click.IntRange(min=1), help="How many clients may be registered with it; else any number")
@click.option("--expires", type=click.IntRange(min=1), metavar="DAYS", help="Else it is good until it is withdrawn")
def new_token(
    label: str,
    profile: str,
    openings: tuple[str, ...],
    scope: str,
    first_party: bool,
    uses: int | None,
    expires: int | None,
) -> None:
    """Make an initial access token. It is printed once and never again."""
    policy = Policy(profile, openings, frozenset(scope.split()), is_first_party=first_party)
    with working() as context:
        unknown = policy.scope - known_scopes(context.settings)
        if unknown:
            raise click.ClickException(f"no such scope here: {', '.join(sorted(unknown))}")
        expires_at = context.now + expires * _DAYS if expires else None
        token, text = storage.add(
            context.db, label=label, policy=policy.as_document(), now=context.now, uses=uses, expires_at=expires_at
        )
    click.echo(json.dumps({"id": token.id, "initial_access_token": text}))


@click.command("tokens")
def list_tokens() -> None:
    """All initial access tokens, a line each."""
    with working() as context:
        for token in storage.list_all(context.db):
            uses = "any number of clients" if token.uses_left is None else f"{token.uses_left} more"
            until = token.expires_at.date().isoformat() if token.expires_at else "withdrawn"
            profile = token.policy.get("profile", DEFAULT)
            click.echo(f"{token.id}\t{token.label}\t{profile}\t{uses}\tuntil {until}")


@click.command("withdraw-token")
@click.argument("token_id")
def withdraw_token(token_id: str) -> None:
    """Let nobody register with TOKEN_ID any more; clients that were registered with it stay."""
    with working() as context:
        if not storage.withdraw(context.db, token_id):
            raise click.ClickException(f"no token {token_id}")


COMMANDS = (new_token, list_tokens, withdraw_token)
"""Sub-commands of ``tongxing client``."""
