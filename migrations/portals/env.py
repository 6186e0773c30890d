"""Alembic environment of the relying parties' session tables; clients.kit.migrations runs it."""

from __future__ import annotations

from clients.kit.migrations import run
from clients.kit.session_tables import metadata, open_engine

run(metadata, "alembic_version_portals", open_engine)
