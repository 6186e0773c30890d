"""Alembic environment of the authority's registry; clients.kit.migrations runs it."""

from __future__ import annotations

from clients.kit.migrations import run
from federation.national.registry import open_engine
from federation.national.tables import metadata

run(metadata, "alembic_version_authority", open_engine)
