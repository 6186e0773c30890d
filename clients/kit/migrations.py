"""Bringing a small database up to date: its tables with their versions in one Alembic folder under ``migrations/``.

Of the databases that need no more than this: the relying parties' sessions, and the simulated national side's own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, MetaData

MIGRATIONS = Path(__file__).parents[2] / "migrations"
_URL = "sqlalchemy.url"


def upgrade(folder: str, url: str) -> None:
    """Bring the tables in the database at `url` to the newest version in ``migrations/<folder>``."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS / folder))
    config.attributes[_URL] = url
    command.upgrade(config, "head")


def run(metadata: MetaData, version_table: str, open_engine: Callable[[str], Engine]) -> None:
    """An ``env.py``'s part. A `version_table` of their own lets these tables live in one database with others."""
    from alembic import context

    url: str = context.config.attributes[_URL]
    engine = open_engine(url)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            version_table=version_table,
            render_as_batch=url.startswith("sqlite"),
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()
