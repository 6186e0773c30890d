"""``tongxing outbox``: deliveries that were given up, and another try for them."""

from __future__ import annotations

import click

from idp.commands.work import working
from idp.outbox_admin import Which, list_deliveries, retry, retry_all


@click.group("outbox")
def group() -> None:
    """Logout notices and other deliveries."""


@group.command("list")
@click.option("--waiting", is_flag=True, help="Those still to be tried, instead of the dead letters")
def list_outbox(waiting: bool) -> None:
    """Dead letters, the newest first: id, kind, recipient, attempts, what went wrong."""
    with working() as context:
        for item in list_deliveries(context, Which.WAITING if waiting else Which.DEAD):
            click.echo(f"{item.id}\t{item.kind}\t{item.recipient}\t{item.attempts} attempts\t{item.last_error or ''}")


@group.command("retry")
@click.argument("delivery_id", required=False)
@click.option("--all", "is_all", is_flag=True, help="Every dead letter")
def retry_outbox(delivery_id: str | None, is_all: bool) -> None:
    """Give the dead letter DELIVERY_ID, or every one, another life."""
    if bool(delivery_id) is is_all:
        raise click.UsageError("name one delivery, or --all")
    with working() as context:
        if is_all:
            click.echo(f"{retry_all(context)} will be tried again")
        elif not retry(context, str(delivery_id)):
            raise click.ClickException(f"{delivery_id} is no dead letter")
