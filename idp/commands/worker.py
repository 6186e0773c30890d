"""``tongxing worker``: deliver the outbox and keep house, for deployments whose processes run with worker = "none"."""

from __future__ import annotations

import click

from idp.commands.work import application
from idp.worker import run_forever


@click.command("worker")
def worker() -> None:
    """Run until interrupted; several may run at once."""
    run_forever(application().extensions["tongxing"])
