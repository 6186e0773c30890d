"""The tables of the authority's registry: personal values sealed, found by keyed index only."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table

metadata = MetaData()

persons = Table(
    "authority_persons",
    metadata,
    Column("id_number_index", String(64), primary_key=True),
    Column("person_sealed", LargeBinary, nullable=False),
    Column("level", Integer, nullable=False),
    Column("status", String(16), nullable=False),
)

enterprises = Table(
    "authority_enterprises",
    metadata,
    Column("uscc", String(18), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("division", String(6), nullable=False),
    Column(
        "representative_index",
        String(64),
        ForeignKey("authority_persons.id_number_index", ondelete="RESTRICT"),
        nullable=False,
    ),
    Column("status", String(16), nullable=False),
    Index("ix_authority_enterprises_representative_index", "representative_index"),
)

request_counts = Table(
    "authority_request_counts",
    metadata,
    Column("client_id", String(255), primary_key=True),
    Column("minute", Integer, primary_key=True),  # minutes since 1970
    Column("count", Integer, nullable=False),
)
