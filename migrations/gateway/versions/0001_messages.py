"""Messages that were handed in"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gateway_messages",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("recipient_index", sa.String(64), nullable=False),
        sa.Column("message_sealed", sa.LargeBinary, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_gateway_messages_recipient_index", "gateway_messages", ["recipient_index"])


def downgrade() -> None:
    op.drop_table("gateway_messages")
