"""``tongxing migrate``: bring the provider's database to this version's shape."""

from __future__ import annotations

import click

from idp.commands.work import settings
from idp.storage.migrate import upgrade


@click.command("migrate")
def migrate() -> None:
    """Run the migrations that are still due; a second run changes nothing."""
    upgrade(settings().database_url, "idp")
    click.echo("database is up to date")
