"""What alembic runs: the steps that are missing, on the connection it is given."""

from __future__ import annotations

from alembic import context

from gateway.ledger.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
context.run_migrations()
