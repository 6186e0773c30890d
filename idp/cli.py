"""The command line ``tongxing``: the list of its sub-commands."""

from __future__ import annotations

import click

from idp.commands import (
    clients,
    configuration,
    database,
    demo,
    keys,
    outbox,
    people,
    registration_tokens,
    worker,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tongxing")
def main() -> None:
    """Tongxing 通行: register once, log in once, be recognised everywhere."""


for command in registration_tokens.COMMANDS:
    clients.group.add_command(command)
for command in (
    demo.demo,
    demo.smoke,
    database.migrate,
    configuration.import_file,
    configuration.export_file,
    worker.worker,
    clients.group,
    people.group,
    keys.group,
    outbox.group,
):
    main.add_command(command)
