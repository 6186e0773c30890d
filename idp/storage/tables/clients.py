"""Registered clients and the tokens to register with."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Integer, LargeBinary, String, Table

from idp.storage.tables.columns import id_column, metadata
from idp.storage.utc_time import Time

clients = Table(
    "clients",
    metadata,
    Column("client_id", String(255), primary_key=True),
    Column("secret_hash", String(64)),
    Column("secret_sealed", LargeBinary),  # only where the secret is a key: client_secret_jwt
    Column("registration_token_hash", String(64)),
    Column("metadata", JSON, nullable=False),
    Column("is_first_party", Boolean, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
)

client_logos = Table(
    "client_logos",
    metadata,
    Column("client_id", String(255), ForeignKey("clients.client_id", ondelete="CASCADE"), primary_key=True),
    Column("media_type", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("fetched_at", Time, nullable=False),
)

initial_access_tokens = Table(
    "initial_access_tokens",
    metadata,
    id_column(),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("label", String(255), nullable=False),
    Column("policy", JSON, nullable=False),  # the profile and openings that clients registered with it get
    Column("uses_left", Integer),  # None: not counted
    Column("expires_at", Time),
    Column("created_at", Time, nullable=False),
)
