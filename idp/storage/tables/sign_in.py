"""Sessions, consents and what came of them."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, false

from idp.storage.tables.columns import account_column, id_column, metadata
from idp.storage.utc_time import Time

sessions = Table(
    "sessions",
    metadata,
    id_column(),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("sid", String(64), nullable=False, unique=True),
    account_column(),
    Column("auth_time", Time, nullable=False),
    Column("level", Integer, nullable=False),
    Column("amr", String(255), nullable=False),
    Column("source", String(64), nullable=False),
    Column("upstream_issuer", String(255)),
    Column("upstream_subject", String(255)),
    Column("upstream_sid", String(255)),
    Column("upstream_id_token_sealed", LargeBinary),
    Column("is_choice_made", Boolean, nullable=False),
    Column("mandate_id", String(64)),
    Column("act_as", JSON),
    Column("user_agent", String(255), nullable=False),
    Column("address", String(64), nullable=False),
    Column("created_at", Time, nullable=False),
    Column("last_seen_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False),
    Column("ended_at", Time),
    Column("end_reason", String(64)),
    Index(None, "account_id"),
    Index(None, "expires_at"),
)
for _name in ("upstream_sid", "upstream_subject"):  # local logins, by far the most, stay out of these two
    Index(
        None,
        sessions.c.upstream_issuer,
        sessions.c[_name],
        postgresql_where=sessions.c.upstream_issuer.is_not(None),
        sqlite_where=sessions.c.upstream_issuer.is_not(None),
    )

consents = Table(
    "consents",
    metadata,
    Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("client_id", String(255), ForeignKey("clients.client_id", ondelete="CASCADE"), primary_key=True),
    Column("scope", Text, nullable=False),
    Column("claims", Text, nullable=False),
    Column("granted_at", Time, nullable=False),
)

grants = Table(
    "grants",
    metadata,
    id_column(),
    # No foreign key: every authorization would lock its client's one row, and a grant without its client opens nothing.
    Column("client_id", String(255), nullable=False),
    account_column(),
    Column("subject", String(255), nullable=False),
    Column("session_id", String(64)),
    Column("sid", String(64)),
    Column("scope", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("audience", JSON, nullable=False),
    Column("auth_time", Time, nullable=False),
    Column("acr", String(64), nullable=False),
    Column("amr", String(255), nullable=False),
    Column("nonce", Text),
    Column("requested_claims", JSON, nullable=False),
    Column("act_as", JSON),
    Column("dpop_jkt", String(64)),
    Column("request_hash", String(64)),  # a pushed request or request object is answered once
    Column("confirmation", JSON(none_as_null=True)),
    Column("is_front_channel", Boolean, nullable=False, server_default=false()),
    Column("code_hash", String(64), unique=True),
    Column("code_challenge", String(128)),
    Column("code_expires_at", Time),
    Column("code_used_at", Time),
    Column("refresh_hash", String(64)),
    Column("refresh_generation", Integer, nullable=False, server_default="0"),
    Column("refresh_expires_at", Time),
    Column("refresh_ends_at", Time),
    Column("created_at", Time, nullable=False),
    Column("revoked_at", Time),
    Column("revoked_reason", String(64)),
    Index(None, "session_id"),
    Index(None, "account_id"),
    Index(None, "created_at"),
    Index(None, "request_hash", unique=True),
)

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("jti", String(64), primary_key=True),
    Column("expires_at", Time, nullable=False),
    Index(None, "expires_at"),
)
