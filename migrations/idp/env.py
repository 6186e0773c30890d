"""Alembic environment of the provider's tables; :mod:`idp.storage.migrate` runs it."""

from __future__ import annotations

from alembic import context

from idp.storage.migrate import run
from idp.storage.tables import metadata

run(context.config, metadata)
