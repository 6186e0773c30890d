"""A command's unit of work: the provider of the configured settings and one transaction."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import Flask

from idp.app import create_app
from idp.config import Settings, SettingsError, load
from idp.context import Context, Provider


def settings_table() -> str:
    """The table of the configuration file that holds the provider's settings."""
    return os.environ.get("TONGXING_TABLE", "idp")


def settings() -> Settings:
    """The settings of TONGXING_CONFIG and TONGXING_TABLE; a mistake ends the command with one line."""
    try:
        found = load(table=settings_table())
    except (SettingsError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if not found.master_key:
        raise click.ClickException("setting master_key is missing: set TONGXING_CONFIG or TONGXING_MASTER_KEY")
    return found


def application() -> Flask:
    """The provider of those settings; one that names a file nobody can read ends the command with one line too."""
    try:
        return create_app(settings())
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def working() -> Iterator[Context]:
    """A context whose transaction commits when the block ends well."""
    provider: Provider = application().extensions["tongxing"]
    try:
        with provider.work() as context:
            yield context
    finally:
        provider.engine.dispose()
        provider.alone.dispose()
