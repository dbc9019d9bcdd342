"""Everything that a workspace's database holds, for tests that nothing of it may change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from seamark.storage.tables import metadata

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

_TRAIL = {"audit_events", "audit_head"}


def read_rows(workspace: Workspace) -> dict[str, list[str]]:
    """Table → its rows as text; of every table but the audit trail's."""
    with workspace.database.read() as connection:
        return {
            name: sorted(repr(tuple(row)) for row in connection.execute(select(table)))
            for name, table in metadata.tables.items()
            if name not in _TRAIL
        }


def list_objects(workspace: Workspace) -> list[str]:
    """The keys of the object store, but for the audit trail's."""
    return [key for key in workspace.store.list("") if not key.startswith("audit/")]
