"""Template databases: the provider's tables as its migrations make them, with signing keys already there."""

from __future__ import annotations

from idp.context import Provider
from idp.storage.tables import metadata


def build(url: str) -> None:
    """Make the tables in an empty database."""
    from sqlalchemy import create_engine

    engine = create_engine(url)
    metadata.create_all(engine)
    engine.dispose()


def load_keys(provider: Provider) -> None:
    """Give a new application its signing keys."""
