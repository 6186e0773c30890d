"""The tables of the middle platform, for SQLite and PostgreSQL. Columns in ``_sealed`` are ciphertext."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
)

from clients.kit.session_tables import UtcDateTime

metadata = MetaData()
_Id = BigInteger().with_variant(Integer, "sqlite")

cases = Table(
    "cases",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("number", String(24), nullable=False, unique=True),
    Column("matter", String(40), nullable=False),
    Column("declaration_version", String(32), nullable=False),
    Column("profile", String(16), nullable=False),
    Column("state", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("subject_index", String(64), nullable=False),
    Column("organisation_index", String(64)),
    Column("idempotency_index", String(64), nullable=False, unique=True),
    Column("request_index", String(64), nullable=False),
    Column("client_id", String(255), nullable=False),
    Column("channel", SmallInteger, nullable=False),
    Column("division", String(6), nullable=False),
    Column("authority", String(6), nullable=False),
    Column("content_sealed", LargeBinary, nullable=False),
    Column("submitted_at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("accepted_at", UtcDateTime),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("acceptance_due", Date),
    Column("correction_due", Date),
    Column("promised_due", Date),
    Column("statutory_due", Date),
    Column("delivery_due", Date),
    Index("ix_cases_subject", "subject_index", "id"),
    Index("ix_cases_organisation", "organisation_index", "id"),
    Index("ix_cases_acceptance_due", "acceptance_due"),
    Index("ix_cases_correction_due", "correction_due"),
)

case_events = Table(
    "case_events",
    metadata,
    Column("case_id", _Id, ForeignKey("cases.id"), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("event", String(40), nullable=False),
    Column("source", String(32), nullable=False),
    Column("target", String(32), nullable=False),
    Column("actor", String(16), nullable=False),
    Column("actor_index", String(64)),
    Column("at", UtcDateTime, nullable=False),
    Column("detail_sealed", LargeBinary),
)

case_serials = Table(
    "case_serials",
    metadata,
    Column("prefix", String(17), primary_key=True),
    Column("last_serial", Integer, nullable=False),
)
