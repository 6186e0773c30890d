"""Persons, enterprises and the count of requests of each client"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "authority_persons",
        sa.Column("id_number_index", sa.String(64), primary_key=True),
        sa.Column("person_sealed", sa.LargeBinary, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
    )
    op.create_table(
        "authority_enterprises",
        sa.Column("uscc", sa.String(18), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("division", sa.String(6), nullable=False),
        sa.Column(
            "representative_index",
            sa.String(64),
            sa.ForeignKey("authority_persons.id_number_index", ondelete="RESTRICT"),
            nullable=False,
        ),
        sa.Column("status", sa.String(16), nullable=False),
    )
    op.create_index("ix_authority_enterprises_representative_index", "authority_enterprises", ["representative_index"])
    op.create_table(
        "authority_request_counts",
        sa.Column("client_id", sa.String(255), primary_key=True),
        sa.Column("minute", sa.Integer, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("authority_request_counts")
    op.drop_table("authority_enterprises")
    op.drop_table("authority_persons")
