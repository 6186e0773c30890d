"""Who people and companies are, and registrations under way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_accounts()
    _create_proofs()
    _create_linked_identities()
    _create_organisations()
    _create_mandates()
    _create_registrations()


def downgrade() -> None:
    op.drop_table("registrations")
    op.drop_table("mandates")
    op.drop_table("organisations")
    op.drop_table("linked_identities")
    op.drop_table("proofs")
    op.drop_table("accounts")


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("username", sa.String(64)),
        sa.Column("phone_index", sa.String(64)),
        sa.Column("id_number_index", sa.String(64)),
        sa.Column("claims_sealed", sa.LargeBinary, nullable=False),
        sa.Column("locale", sa.String(16)),
        sa.Column("password_hash", sa.Text),
        sa.Column("password_changed_at", TIME),
        sa.Column("failed_count", sa.Integer, server_default="0", nullable=False),
        sa.Column("last_failed_at", TIME),
        sa.Column("terms_version", sa.String(32)),
        sa.Column("terms_accepted_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("id_number_index", name="uq_accounts_id_number_index"),
        sa.UniqueConstraint("phone_index", name="uq_accounts_phone_index"),
        sa.UniqueConstraint("subject", name="uq_accounts_subject"),
        sa.UniqueConstraint("username", name="uq_accounts_username"),
    )


def _create_proofs() -> None:
    op.create_table(
        "proofs",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column(
            "account_id",
            sa.String(64),
            sa.ForeignKey("accounts.id", name="fk_proofs_account_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("source", sa.String(255), nullable=False),
        sa.Column("source_level", sa.String(255)),
        sa.Column("method", sa.String(64), nullable=False),
        sa.Column("verified_at", TIME, nullable=False),
        sa.Column("expires_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_proofs"),
    )
    op.create_index("ix_proofs_account_id", "proofs", ["account_id"])
    op.create_index(
        "ix_proofs_expires_at",
        "proofs",
        ["expires_at"],
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )


def _create_linked_identities() -> None:
    op.create_table(
        "linked_identities",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column(
            "account_id",
            sa.String(64),
            sa.ForeignKey("accounts.id", name="fk_linked_identities_account_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("upstream", sa.String(64), nullable=False),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("is_proved_here", sa.Boolean, nullable=False),
        sa.Column("linked_at", TIME, nullable=False),
        sa.Column("last_login_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_linked_identities"),
        sa.UniqueConstraint("account_id", "issuer", name="uq_linked_identities_account_id_issuer"),
        sa.UniqueConstraint("issuer", "subject", name="uq_linked_identities_issuer_subject"),
    )


def _create_organisations() -> None:
    op.create_table(
        "organisations",
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("source", sa.String(255), nullable=False),
        sa.Column("verified_at", TIME, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("uscc", name="pk_organisations"),
    )


def _create_mandates() -> None:
    op.create_table(
        "mandates",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column(
            "uscc",
            sa.String(18),
            sa.ForeignKey("organisations.uscc", name="fk_mandates_uscc", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column(
            "account_id",
            sa.String(64),
            sa.ForeignKey("accounts.id", name="fk_mandates_account_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("valid_from", TIME, nullable=False),
        sa.Column("valid_until", TIME),
        sa.Column("granted_by", sa.String(64)),
        sa.Column("accepted_at", TIME),
        sa.Column("revoked_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mandates"),
    )
    op.create_index("ix_mandates_account_id", "mandates", ["account_id"])
    op.create_index("ix_mandates_uscc", "mandates", ["uscc"])


def _create_registrations() -> None:
    op.create_table(
        "registrations",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("state_sealed", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("account_id", sa.String(64)),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_registrations"),
        sa.UniqueConstraint("token_hash", name="uq_registrations_token_hash"),
    )
    op.create_index("ix_registrations_expires_at", "registrations", ["expires_at"])
