"""The platform's database: engine, and its migrations (``migrations/matters``)."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from clients.kit.session_tables import open_engine

MIGRATIONS = Path(__file__).parents[2] / "migrations" / "matters"

__all__ = ["downgrade", "open_engine", "upgrade"]


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema up to `revision`; does nothing when it is there already."""
    with engine.begin() as connection:
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the schema back to `revision` (``base``: nothing left)."""
    with engine.begin() as connection:
        command.downgrade(_config(connection), revision)


def _config(connection: object) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
