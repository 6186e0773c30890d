"""`tongxing demo`: configuration, databases, processes, story, in that order; Ctrl-C ends everything."""

from __future__ import annotations

import shutil
import signal
import time
from types import FrameType
from typing import Any

import click
from sqlalchemy.exc import SQLAlchemyError

from clients.kit import sessions as portal_sessions
from clients.matters.database import migrate as migrate_matters
from federation.message_gateway.storage import migrate as migrate_gateway
from federation.national import registry
from idp.config import from_table
from idp.demo import clients, configuration, secrets, story, target
from idp.demo.layout import Layout
from idp.demo.people import demo_people
from idp.demo.seed import seed_provider
from idp.demo.supervisor import DemoError, check_ports, running, watch


def run(layout: Layout, *, reset: bool) -> None:
    """Return after Ctrl-C; raises DemoError with one line for the person."""
    started = time.monotonic()
    check_ports(layout.services)
    if reset:
        shutil.rmtree(layout.directory, ignore_errors=True)
    click.echo("Preparing the databases …")
    prepare(layout)
    click.echo("Starting the services …")
    for number in (signal.SIGTERM, signal.SIGINT):  # SIGINT too: whoever starts us in the background has it ignored
        signal.signal(number, _interrupt)
    try:
        with running(layout) as processes:
            click.echo(story.text(layout, demo_people(), time.monotonic() - started))
            watch(layout, processes)
    except KeyboardInterrupt:
        click.echo("\nEverything is stopped; the data is kept (make demo-reset starts anew).")


def prepare(layout: Layout) -> dict[str, Any]:
    """Write the configuration, migrate and seed every database, write target.json. Returns the demo's secrets."""
    try:
        layout.directory.mkdir(parents=True, exist_ok=True)
        known = secrets.load_or_create(layout.directory / "secrets.json")
        configuration.write(layout, known)
        _prepare_databases(layout, known)
    except (OSError, SQLAlchemyError) as error:
        raise DemoError(f"cannot prepare {layout.directory}: {error} (make demo-reset starts anew)") from error
    target.write(layout, known, demo_people())
    return known


def _prepare_databases(layout: Layout, known: dict[str, Any]) -> None:
    tables = configuration.tables(layout, known)
    people = demo_people()
    region, national = from_table(tables["idp"]), from_table(tables["national"])
    seed_provider(region, clients.of_region(layout, known), [one for one in people if one.is_at("region")])
    seed_provider(national, clients.of_national(layout, known), [one for one in people if one.is_at("national")])
    registry.seed(tables["authority"]["database_url"], tables["authority"]["master_key"])
    for name in ("hall", "portal_drivers", "portal_vehicles"):
        portal_sessions.migrate(tables[name]["database_url"])
    migrate_matters(tables["matters"]["database_url"])
    migrate_gateway(tables["gateway"]["database_url"])


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
