"""How Alembic runs a migration: on the connection, and within the transaction, that it is handed."""

from __future__ import annotations

from alembic import context

from seamark.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
