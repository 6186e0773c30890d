"""Every table of the provider's database.

Personal data and private keys are sealed (``*_sealed``), look-ups go by keyed blind index (``*_index``), secrets are
stored as hashes (``*_hash``). Times are aware UTC.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
)

from idp.storage.utc_time import Time

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id(name: str = "id", **options: Any) -> Column[str]:
    return Column(name, String(64), primary_key=True, **options)


def _account() -> Column[str]:
    return Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False)


accounts = Table(
    "accounts",
    metadata,
    _id(),
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
    _id(),
    _account(),
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
    _id(),
    _account(),
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
    _id(),
    Column("uscc", String(18), ForeignKey("organisations.uscc", ondelete="CASCADE"), nullable=False),
    _account(),
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
    _id(),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("state_sealed", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False),
    Column("account_id", String(64)),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False),
    Index(None, "expires_at"),
)

clients = Table(
    "clients",
    metadata,
    Column("client_id", String(255), primary_key=True),
    Column("secret_hash", String(64)),
    Column("metadata", JSON, nullable=False),
    Column("is_first_party", Boolean, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    _id(),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("sid", String(64), nullable=False, unique=True),
    _account(),
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
    _id(),
    # No foreign key: every authorization would lock its client's one row, and a grant without its client opens nothing.
    Column("client_id", String(255), nullable=False),
    _account(),
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
)

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("jti", String(64), primary_key=True),
    Column("expires_at", Time, nullable=False),
    Index(None, "expires_at"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", String(64), primary_key=True),
    Column("alg", String(16), nullable=False),
    Column("private_sealed", LargeBinary, nullable=False),
    Column("public_jwk", JSON, nullable=False),
    Column("published_at", Time, nullable=False),
    Column("signs_from", Time, nullable=False),
    Column("signs_until", Time, nullable=False),
    Column("gone_at", Time, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    Column("kind", String(64), nullable=False),
    Column("batch", String(64), nullable=False),  # what caused it: one logout is one batch
    Column("recipient", String(255), nullable=False),  # client_id or upstream name
    Column("payload", JSON, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("next_attempt_at", Time, nullable=False),  # while a worker has it: when its lease ends
    Column("expires_at", Time, nullable=False),  # a failure after it is final
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("delivered_at", Time),
    Column("dead_at", Time),
    Column("last_error", String(255)),
    Index(None, "batch"),
)
_is_pending = and_(outbox.c.delivered_at.is_(None), outbox.c.dead_at.is_(None))
Index(None, outbox.c.next_attempt_at, postgresql_where=_is_pending, sqlite_where=_is_pending)
for _name in ("delivered_at", "dead_at"):
    _is_over = outbox.c[_name].is_not(None)
    Index(None, outbox.c[_name], postgresql_where=_is_over, sqlite_where=_is_over)

ephemeral = Table(
    "ephemeral",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("value_sealed", LargeBinary),
    Column("count", Integer, nullable=False),
    Column("expires_at", Time, nullable=False),
    Index(None, "expires_at"),
)
