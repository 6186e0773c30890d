"""``tongxing import`` and ``tongxing export``: a deployment as one file."""

from __future__ import annotations

import os
from pathlib import Path

import click

from idp.commands.work import settings_table, working
from idp.configuration import exporting, importing
from idp.configuration.document import read
from idp.configuration.step import Refused
from idp.configuration.writing import NotWritable, to_json, to_toml


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing")
def import_file(file: Path, dry_run: bool) -> None:
    """Bring clients, people, keys and tokens to what FILE says (JSON where its name ends in .json, else TOML).

    What FILE does not name stays. Anything FILE holds that is not known is refused, and then nothing changes.
    """
    with working() as context:
        try:
            document = read(file, context.now, settings_table())
            judge = importing.plan if dry_run else importing.carry_out
            plan = judge(context, document, settings_table())
        except (Refused, OSError) as error:
            raise click.ClickException(f"nothing is imported\n{error}") from error
        if dry_run:
            context.db.rollback()
    for change in plan.changes:
        click.echo(str(change))
    for change in plan.settings:
        click.echo(f"the running settings differ: {change}", err=True)
    done = "would change" if dry_run else "changed"
    click.echo(f"{len(plan.changes)} values {done}" if plan.changes else "nothing to change", err=True)


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option("--only", "parts", multiple=True, type=click.Choice(exporting.PARTS), help="This part; may be repeated")
@click.option("--with-passwords", is_flag=True, help="People's password hashes too")
@click.option(
    "--sealed",
    "sealed_folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write keys there, sealed under the master key, and refer to them",
)
def export_file(file: Path | None, parts: tuple[str, ...], with_passwords: bool, sealed_folder: Path | None) -> None:
    """Write clients, people, tokens and settings to FILE (JSON or TOML by its name), or to standard output as TOML.

    No secret is written in the clear. What the file cannot say is listed on standard error.
    """
    if file is not None and file.suffix not in {".json", ".toml"}:
        raise click.UsageError("FILE ends in .json or .toml")
    choice = exporting.Choice(
        parts=frozenset(parts or exporting.PARTS),
        settings_table=settings_table(),
        sealed_folder=os.path.relpath(sealed_folder, file.parent if file else ".") if sealed_folder else None,
        with_passwords=with_passwords,
    )
    with working() as context:
        made = exporting.export(context, choice)
    try:
        text = to_json(made.tables) if file is not None and file.suffix == ".json" else to_toml(made.tables)
    except NotWritable as error:
        raise click.ClickException(str(error)) from error
    if sealed_folder is not None:
        exporting.write_sealed(sealed_folder, made.sealed_files)
    if file is None:
        click.echo(text, nl=False)
    else:
        exporting.write_private(file, text)
    for sentence in made.missing:
        click.echo(f"not written: {sentence}", err=True)
