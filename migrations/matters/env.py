"""Alembic's entry for the middle platform's database; the connection comes from clients.matters.database."""

from alembic import context

from clients.matters.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite")
with context.begin_transaction():
    context.run_migrations()
