"""Cases, their history and their serial numbers"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "cases",
        sa.Column("id", ID, primary_key=True),
        sa.Column("number", sa.String(24), nullable=False, unique=True),
        sa.Column("matter", sa.String(40), nullable=False),
        sa.Column("declaration_version", sa.String(32), nullable=False),
        sa.Column("profile", sa.String(16), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("subject_index", sa.String(64), nullable=False),
        sa.Column("organisation_index", sa.String(64)),
        sa.Column("idempotency_index", sa.String(64), nullable=False, unique=True),
        sa.Column("request_index", sa.String(64), nullable=False),
        sa.Column("client_id", sa.String(255), nullable=False),
        sa.Column("channel", sa.SmallInteger, nullable=False),
        sa.Column("division", sa.String(6), nullable=False),
        sa.Column("authority", sa.String(6), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary, nullable=False),
        sa.Column("submitted_at", MOMENT, nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("accepted_at", MOMENT),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("acceptance_due", sa.Date),
        sa.Column("correction_due", sa.Date),
        sa.Column("promised_due", sa.Date),
        sa.Column("statutory_due", sa.Date),
        sa.Column("delivery_due", sa.Date),
    )
    op.create_index("ix_cases_subject", "cases", ["subject_index", "id"])
    op.create_index("ix_cases_organisation", "cases", ["organisation_index", "id"])
    op.create_index("ix_cases_acceptance_due", "cases", ["acceptance_due"])
    op.create_index("ix_cases_correction_due", "cases", ["correction_due"])
    op.create_table(
        "case_events",
        sa.Column("case_id", ID, sa.ForeignKey("cases.id"), primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("target", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(16), nullable=False),
        sa.Column("actor_index", sa.String(64)),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("detail_sealed", sa.LargeBinary),
    )
    op.create_table(
        "case_serials",
        sa.Column("prefix", sa.String(17), primary_key=True),
        sa.Column("last_serial", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("case_serials")
    op.drop_table("case_events")
    op.drop_table("cases")
