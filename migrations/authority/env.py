"""Alembic environment of the authority's registry; the URL comes as the attribute `sqlalchemy.url`."""

from __future__ import annotations

from alembic import context

from federation.national.registry import open_engine
from federation.national.tables import metadata

config = context.config
url = config.attributes.get("sqlalchemy.url") or config.get_main_option("sqlalchemy.url")
if not url:
    raise SystemExit("no database URL: set the attribute or option sqlalchemy.url")

options = {
    "target_metadata": metadata,
    # Its own version table, so that these tables can live in one database with others.
    "version_table": "alembic_version_authority",
    "render_as_batch": url.startswith("sqlite"),
}

if context.is_offline_mode():
    context.configure(url=url, literal_binds=True, **options)
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = open_engine(url)
    with engine.connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()
