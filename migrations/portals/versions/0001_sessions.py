"""Sessions, pending logins and logout notices of relying parties"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "rp_pending_login",
        sa.Column("state_hash", sa.String(64), primary_key=True),
        sa.Column("client_id", sa.String(255), primary_key=True),
        sa.Column("browser_hash", sa.String(64), nullable=False),
        sa.Column("pending_sealed", sa.LargeBinary, nullable=False),
        sa.Column("next_path", sa.Text, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
    )
    op.create_index("ix_rp_pending_login_expires_at", "rp_pending_login", ["expires_at"])
    op.create_table(
        "rp_session",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("client_id", sa.String(255), nullable=False),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("sid", sa.String(255)),
        sa.Column("acr_asked", sa.Text, nullable=False),
        sa.Column("login_sealed", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("refreshing_until", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("last_seen_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
    )
    op.create_index("ix_rp_session_expires_at", "rp_session", ["expires_at"])
    op.create_index("ix_rp_session_sid", "rp_session", ["issuer", "sid"])
    op.create_index("ix_rp_session_subject", "rp_session", ["issuer", "subject"])
    op.create_table(
        "rp_logout_notice",
        sa.Column("jti_hash", sa.String(64), primary_key=True),
        sa.Column("client_id", sa.String(255), primary_key=True),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("sid", sa.String(255)),
        sa.Column("subject", sa.String(255)),
        sa.Column("issued_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
    )
    op.create_index("ix_rp_logout_notice_expires_at", "rp_logout_notice", ["expires_at"])
    op.create_index("ix_rp_logout_notice_sid", "rp_logout_notice", ["issuer", "sid"])
    op.create_index("ix_rp_logout_notice_subject", "rp_logout_notice", ["issuer", "subject"])


def downgrade() -> None:
    op.drop_table("rp_logout_notice")
    op.drop_table("rp_session")
    op.drop_table("rp_pending_login")
