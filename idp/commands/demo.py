"""``tongxing demo`` and ``tongxing smoke``: everything on one machine, and the story played against it."""

from __future__ import annotations

from pathlib import Path

import click

from idp.demo.layout import Layout
from idp.demo.supervisor import DemoError

_directory = click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/demo"),
    show_default=True,
    help="Where the demo keeps its databases, secrets and logs",
)
_offset = click.option("--offset", type=int, default=0, help="Added to every port")


@click.command("demo")
@_directory
@_offset
@click.option("--reset", is_flag=True, help="Forget the data of earlier runs")
def demo(directory: Path, offset: int, reset: bool) -> None:
    """Install nothing, ask nothing: migrate, seed and start every service, then say where to click."""
    from idp.demo.run import run

    try:
        run(Layout(directory, offset), reset=reset)
    except DemoError as error:
        raise click.ClickException(str(error)) from error


@click.command("smoke")
@_directory
@_offset
def smoke(directory: Path, offset: int) -> None:
    """Play the story (register, log in once, two portals, inbound, outbound, logout) against the running demo."""
    from idp.demo.smoke import play

    if not play(Layout(directory, offset)):
        raise SystemExit(1)
