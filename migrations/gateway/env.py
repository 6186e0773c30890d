"""Alembic environment of the message gateway's simulator; the URL comes as the attribute `sqlalchemy.url`."""

from __future__ import annotations

from alembic import context

from federation.message_gateway.storage import metadata, open_engine

url = context.config.attributes["sqlalchemy.url"]
engine = open_engine(url)
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table="alembic_version_gateway",
        render_as_batch=url.startswith("sqlite"),
    )
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
