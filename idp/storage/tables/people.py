"""People, what was proved of them, and for whom they may act."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from idp.storage.tables.columns import account_column, id_column, metadata
from idp.storage.utc_time import Time

accounts = Table(
    "accounts",
    metadata,
    id_column(),
    Column("subject", String(64), nullable=False, unique=True),
    Column("status", String(16), nullable=False),
    Column("level", Integer, nullable=False),
    Column("username", String(64), unique=True),
    Column("phone_index", String(64), unique=True),
    Column("id_number_index", String(64), unique=True),
    Column("claims_sealed", LargeBinary, nullable=False),
    Column("locale", String(16)),
    Column("password_hash", Text),
    Column("password_changed_at", Time),
    Column("failed_count", Integer, nullable=False, server_default="0"),
    Column("last_failed_at", Time),
    Column("terms_version", String(32)),
    Column("terms_accepted_at", Time),
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
)

proofs = Table(
    "proofs",
    metadata,
    id_column(),
    account_column(),
    Column("level", Integer, nullable=False),
    Column("source", String(255), nullable=False),
    Column("source_level", String(255)),
    Column("method", String(64), nullable=False),
    Column("verified_at", Time, nullable=False),
    Column("expires_at", Time),
    Index(None, "account_id"),
)
Index(
    None,
    proofs.c.expires_at,
    postgresql_where=proofs.c.expires_at.is_not(None),
    sqlite_where=proofs.c.expires_at.is_not(None),
)

linked_identities = Table(
    "linked_identities",
    metadata,
    id_column(),
    account_column(),
    Column("upstream", String(64), nullable=False),
    Column("issuer", String(255), nullable=False),
    Column("subject", String(255), nullable=False),
    # The person proved this account too when it was linked (or it was made of the identity): only then does the
    # identity's proof count for a login with the account's own password.
    Column("is_proved_here", Boolean, nullable=False),
    Column("linked_at", Time, nullable=False),
    Column("last_login_at", Time),
    UniqueConstraint("issuer", "subject"),
    UniqueConstraint("account_id", "issuer"),
)

organisations = Table(
    "organisations",
    metadata,
    Column("uscc", String(18), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("status", String(16), nullable=False),
    Column("source", String(255), nullable=False),
    Column("verified_at", Time, nullable=False),
    Column("created_at", Time, nullable=False),
)

mandates = Table(
    "mandates",
    metadata,
    id_column(),
    Column("uscc", String(18), ForeignKey("organisations.uscc", ondelete="CASCADE"), nullable=False),
    account_column(),
    Column("role", String(32), nullable=False),
    Column("scope", Text, nullable=False),  # what it is for, in the grantor's words
    Column("valid_from", Time, nullable=False),
    Column("valid_until", Time),
    Column("granted_by", String(64)),
    Column("accepted_at", Time),
    Column("revoked_at", Time),
    Column("created_at", Time, nullable=False),
    Index(None, "account_id"),
    Index(None, "uscc"),
)

registrations = Table(
    "registrations",
    metadata,
    id_column(),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("state_sealed", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False),
    Column("account_id", String(64)),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False),
    Index(None, "expires_at"),
)
