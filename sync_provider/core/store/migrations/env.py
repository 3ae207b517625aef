"""Alembic's entry: runs the migrations on the connection `upgrade` hands over."""

from __future__ import annotations

from alembic import context

from sync_provider.core.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="sync_version",
    render_as_batch=True,  # SQLite cannot ALTER
)
with context.begin_transaction():
    context.run_migrations()
