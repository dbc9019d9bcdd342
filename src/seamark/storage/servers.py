"""Rows of processes that serve, as they last said themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from seamark.storage.inserting import try_insert
from seamark.storage.tables import servers


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """A process that serves.

    Attributes:
        id: such as ``server-20261121T091530-4f3a9c``.
        address: its host's name and its process id.
        started_at: when, in UTC.
        seen_at: when it last said so, in UTC; one that has been silent for long is gone.
        stages: stage → what it runs there.
    """

    id: str
    address: str
    started_at: datetime
    seen_at: datetime
    stages: Mapping[str, Any] = field(default_factory=dict)


def put_server(connection: Connection, record: ServerRecord) -> None:
    """The server is there, and this is what it runs."""
    facts = {"seen_at": record.seen_at, "stages": dict(record.stages), "address": record.address}
    changed = connection.execute(update(servers).where(servers.c.id == record.id).values(facts))
    if not changed.rowcount:
        new = insert(servers).values(id=record.id, started_at=record.started_at, **facts)
        if not try_insert(connection, new):
            connection.execute(update(servers).where(servers.c.id == record.id).values(facts))


def remove_server(connection: Connection, server_id: str) -> None:
    """The server has stopped."""
    connection.execute(delete(servers).where(servers.c.id == server_id))


def remove_silent_servers(connection: Connection, *, before: datetime) -> None:
    """Forget servers that were last seen before a time: they were killed."""
    connection.execute(delete(servers).where(servers.c.seen_at < before))


def list_servers(connection: Connection, *, since: datetime | None = None) -> list[ServerRecord]:
    """The servers, the oldest first; only those seen since a time where it is given."""
    columns = [servers.c[name] for name in ("id", "address", "started_at", "seen_at", "stages")]
    query = select(*columns).order_by(servers.c.started_at, servers.c.id)
    if since is not None:
        query = query.where(servers.c.seen_at >= since)
    return [ServerRecord(*row) for row in connection.execute(query)]
