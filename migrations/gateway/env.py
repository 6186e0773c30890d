"""Alembic environment of the message gateway's simulator; clients.kit.migrations runs it."""

from __future__ import annotations

from clients.kit.migrations import run
from federation.message_gateway.storage import metadata, open_engine

run(metadata, "alembic_version_gateway", open_engine)
