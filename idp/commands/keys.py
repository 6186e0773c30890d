"""``tongxing keys``: the signing keys and their stages."""

from __future__ import annotations

import click

from idp.commands.work import working
from idp.protocol import keys as protocol
from idp.storage import signing_keys


@click.group("keys")
def group() -> None:
    """Signing keys; they rotate by themselves."""


@group.command("list")
def list_keys() -> None:
    """Every key with its algorithm, stage and times."""
    with working() as context:
        for key in signing_keys.list_all(context.db, context.vault):
            click.echo(
                f"{key.kid}\t{key.alg}\t{key.stage(context.now)}\t"
                f"signs {key.signs_from:%Y-%m-%d %H:%M} to {key.signs_until:%Y-%m-%d %H:%M} UTC"
            )


@group.command("rotate")
def rotate() -> None:
    """Let new keys sign at once; the old ones stay published until their last token has expired."""
    with working() as context:
        protocol.ensure_keys(context)
        protocol.rotate_now(context)
    click.echo("new keys sign from now on")
