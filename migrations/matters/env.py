"""Alembic environment of the middle platform's tables; clients.matters.database runs it."""

from __future__ import annotations

from alembic import context

from clients.matters.tables import metadata

given = context.config.attributes
context.configure(
    connection=given["connection"],
    target_metadata=metadata,
    version_table=given["version_table"],
    render_as_batch=given["connection"].dialect.name == "sqlite",
    transactional_ddl=True,
    compare_type=True,
)
context.run_migrations()
