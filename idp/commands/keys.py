"""``tongxing keys``: the provider's keys and their stages."""

from __future__ import annotations

import click

from idp.commands.work import working
from idp.protocol import keys as protocol
from idp.storage import signing_keys


@click.group("keys")
def group() -> None:
    """Keys that sign and keys that decrypt; they rotate by themselves."""


@group.command("list")
def list_keys() -> None:
    """Every key with its algorithm, stage and times."""
    with working() as context:
        for key in signing_keys.list_all(context.db, context.vault):
            work = "signs" if key.is_for_signing else "decrypts"
            click.echo(
                f"{key.kid}\t{key.alg}\t{key.stage(context.now)}\t"
                f"{work} {key.signs_from:%Y-%m-%d %H:%M} to {key.signs_until:%Y-%m-%d %H:%M} UTC"
            )


@group.command("rotate")
def rotate() -> None:
    """Let new keys sign at once; the old ones stay published until their last token has expired."""
    with working() as context:
        protocol.ensure_keys(context)
        protocol.rotate_now(context)
    click.echo("new keys sign from now on")
