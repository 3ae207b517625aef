"""The report table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create `sync_report`."""
    op.create_table(
        "sync_report",
        sa.Column("interface", sa.String(255), primary_key=True),
        sa.Column("run_id", sa.String(255), primary_key=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows_read", sa.BigInteger, nullable=False),
        sa.Column("rows_loaded", sa.BigInteger, nullable=False),
        sa.Column("rows_rejected", sa.BigInteger, nullable=False),
        sa.Column("error_kind", sa.String(32), nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("config_hash", sa.String(64), nullable=False),
        sa.Column("report", sa.Text, nullable=False),
    )
    op.create_index("ix_sync_report_started_at", "sync_report", ["started_at"])


def downgrade() -> None:
    """Drop `sync_report`."""
    op.drop_table("sync_report")
