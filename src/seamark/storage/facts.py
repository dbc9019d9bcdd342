"""The workspace's own id, by which other places name it."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, insert, select

from seamark.storage.inserting import try_insert
from seamark.storage.tables import workspace_facts

_ID = "workspace_id"
_BYTES = 16


def read_workspace_id(connection: Connection) -> str | None:
    """The workspace's id, 32 random hexadecimal digits; None before it was needed."""
    query = select(workspace_facts.c.value).where(workspace_facts.c.key == _ID)
    return connection.execute(query).scalar_one_or_none()


def lock_workspace_id(connection: Connection) -> str:
    """The workspace's id, made on first need; its row is locked until the transaction ends.

    The lock is what everybody holds who changes people, so that rules about all of them stay true.
    """
    chosen = select(workspace_facts.c.value).where(workspace_facts.c.key == _ID).with_for_update()
    found = connection.execute(chosen).scalar_one_or_none()
    if found is None:
        value = secrets.token_hex(_BYTES)
        try_insert(connection, insert(workspace_facts).values(key=_ID, value=value))
        found = connection.execute(chosen).scalar_one()
    return str(found)
