"""The store's tables; `migrations/` brings an older store here."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

#: newest migration, which makes the tables below
REVISION = "0002"

#: one row per run of an interface; the newest try wins
report = sa.Table(
    "sync_report",
    metadata,
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
    sa.Column("report", sa.Text, nullable=False),  # the whole RunReport as JSON
    sa.Index("ix_sync_report_started_at", "started_at"),
)

#: one row per source and environment: what it was compiled to when it was good
last_good = sa.Table(
    "sync_last_good",
    metadata,
    sa.Column("environment", sa.String(255), primary_key=True),
    sa.Column("source", sa.String(255), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("saved", sa.String(40), nullable=False),  # ISO 8601 in UTC, which sorts as text
    sa.Column("content", sa.Text, nullable=False),
)
