"""Clients, sessions, consents and what came of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_clients()
    _create_sessions()
    _create_consents()
    _create_grants()
    _create_revoked_tokens()


def downgrade() -> None:
    op.drop_table("revoked_tokens")
    op.drop_table("grants")
    op.drop_table("consents")
    op.drop_table("sessions")
    op.drop_table("clients")


def _create_clients() -> None:
    op.create_table(
        "clients",
        sa.Column("client_id", sa.String(255), nullable=False),
        sa.Column("secret_hash", sa.String(64)),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("is_first_party", sa.Boolean, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("client_id", name="pk_clients"),
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("sid", sa.String(64), nullable=False),
        sa.Column(
            "account_id",
            sa.String(64),
            sa.ForeignKey("accounts.id", name="fk_sessions_account_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("auth_time", TIME, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("amr", sa.String(255), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("upstream_issuer", sa.String(255)),
        sa.Column("upstream_subject", sa.String(255)),
        sa.Column("upstream_sid", sa.String(255)),
        sa.Column("upstream_id_token_sealed", sa.LargeBinary),
        sa.Column("is_choice_made", sa.Boolean, nullable=False),
        sa.Column("mandate_id", sa.String(64)),
        sa.Column("act_as", sa.JSON),
        sa.Column("user_agent", sa.String(255), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("last_seen_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        sa.Column("end_reason", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("secret_hash", name="uq_sessions_secret_hash"),
        sa.UniqueConstraint("sid", name="uq_sessions_sid"),
    )
    op.create_index("ix_sessions_account_id", "sessions", ["account_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_index(
        "ix_sessions_upstream_issuer_upstream_sid",
        "sessions",
        ["upstream_issuer", "upstream_sid"],
        sqlite_where=sa.text("upstream_issuer IS NOT NULL"),
        postgresql_where=sa.text("upstream_issuer IS NOT NULL"),
    )
    op.create_index(
        "ix_sessions_upstream_issuer_upstream_subject",
        "sessions",
        ["upstream_issuer", "upstream_subject"],
        sqlite_where=sa.text("upstream_issuer IS NOT NULL"),
        postgresql_where=sa.text("upstream_issuer IS NOT NULL"),
    )


def _create_consents() -> None:
    op.create_table(
        "consents",
        sa.Column(
            "account_id",
            sa.String(64),
            sa.ForeignKey("accounts.id", name="fk_consents_account_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column(
            "client_id",
            sa.String(255),
            sa.ForeignKey("clients.client_id", name="fk_consents_client_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("claims", sa.Text, nullable=False),
        sa.Column("granted_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "client_id", name="pk_consents"),
    )


def _create_grants() -> None:
    op.create_table(
        "grants",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("client_id", sa.String(255), nullable=False),
        sa.Column(
            "account_id",
            sa.String(64),
            sa.ForeignKey("accounts.id", name="fk_grants_account_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("session_id", sa.String(64)),
        sa.Column("sid", sa.String(64)),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("redirect_uri", sa.Text, nullable=False),
        sa.Column("audience", sa.JSON, nullable=False),
        sa.Column("auth_time", TIME, nullable=False),
        sa.Column("acr", sa.String(64), nullable=False),
        sa.Column("amr", sa.String(255), nullable=False),
        sa.Column("nonce", sa.Text),
        sa.Column("requested_claims", sa.JSON, nullable=False),
        sa.Column("act_as", sa.JSON),
        sa.Column("code_hash", sa.String(64)),
        sa.Column("code_challenge", sa.String(128)),
        sa.Column("code_expires_at", TIME),
        sa.Column("code_used_at", TIME),
        sa.Column("refresh_hash", sa.String(64)),
        sa.Column("refresh_generation", sa.Integer, server_default="0", nullable=False),
        sa.Column("refresh_expires_at", TIME),
        sa.Column("refresh_ends_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME),
        sa.Column("revoked_reason", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_grants"),
        sa.UniqueConstraint("code_hash", name="uq_grants_code_hash"),
    )
    op.create_index("ix_grants_account_id", "grants", ["account_id"])
    op.create_index("ix_grants_created_at", "grants", ["created_at"])
    op.create_index("ix_grants_session_id", "grants", ["session_id"])


def _create_revoked_tokens() -> None:
    op.create_table(
        "revoked_tokens",
        sa.Column("jti", sa.String(64), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("jti", name="pk_revoked_tokens"),
    )
    op.create_index("ix_revoked_tokens_expires_at", "revoked_tokens", ["expires_at"])
