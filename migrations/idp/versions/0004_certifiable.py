"""What registration, proof of possession and pushed requests need to remember."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


COLUMNS = {
    "clients": (("secret_sealed", sa.LargeBinary), ("registration_token_hash", sa.String(64))),
    "grants": (("dpop_jkt", sa.String(64)), ("request_hash", sa.String(64)), ("confirmation", sa.JSON)),
}


def upgrade() -> None:
    # Column by column: rebuilding a table, as batches do on SQLite, would cascade into those that refer to it.
    for table, columns in COLUMNS.items():
        for name, kind in columns:
            op.add_column(table, sa.Column(name, kind))
    op.add_column("grants", sa.Column("is_front_channel", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("ix_grants_request_hash", "grants", ["request_hash"], unique=True)
    _create_client_logos()
    _create_initial_access_tokens()


def downgrade() -> None:
    op.drop_table("initial_access_tokens")
    op.drop_table("client_logos")
    op.drop_index("ix_grants_request_hash", "grants")
    op.drop_column("grants", "is_front_channel")
    for table, columns in COLUMNS.items():
        for name, _ in reversed(columns):
            op.drop_column(table, name)


def _create_client_logos() -> None:
    op.create_table(
        "client_logos",
        sa.Column(
            "client_id",
            sa.String(255),
            sa.ForeignKey("clients.client_id", name="fk_client_logos_client_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("fetched_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("client_id", name="pk_client_logos"),
    )


def _create_initial_access_tokens() -> None:
    op.create_table(
        "initial_access_tokens",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("label", sa.String(255), nullable=False),
        sa.Column("policy", sa.JSON, nullable=False),
        sa.Column("uses_left", sa.Integer),
        sa.Column("expires_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_initial_access_tokens"),
        sa.UniqueConstraint("token_hash", name="uq_initial_access_tokens_token_hash"),
    )
