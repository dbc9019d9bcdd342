"""The audit trail as it is at one moment, also where somebody made its rows unreadable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from seamark.storage.audit import AuditEvent, AuditHead, read_head
from seamark.storage.tables import audit_events

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from seamark.storage.database import Database

_COLUMNS = [audit_events.c[name] for name in AuditEvent.__dataclass_fields__]
_PAGE = 1000  # rows read at a time


@dataclass(frozen=True, slots=True)
class DamagedEvent:
    """A row of the trail that can't be read any more.

    Attributes:
        seq: its number, or what stands in its place.
        cause: what is wrong with it.
    """

    seq: Any
    cause: str


@dataclass(frozen=True, slots=True)
class Trail:
    """What the database has of the trail.

    Attributes:
        head: the newest event as the head's row says; None where there is no such row.
        events: all of them in their order, some at a time; to be read while the trail is open.
    """

    head: AuditHead | None
    events: Iterator[AuditEvent | DamagedEvent]


@contextmanager
def open_trail(database: Database) -> Iterator[Trail]:
    """The trail at one moment, whatever is appended meanwhile.

    Raises:
        StorageError: the database is unreachable.
    """
    with database.read() as connection:
        if database.engine.dialect.name == "postgresql":  # SQLite's transactions see one moment anyway
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield Trail(read_head(connection), _iterate(connection))


def _iterate(connection: Connection) -> Iterator[AuditEvent | DamagedEvent]:
    """Events by their numbers alone first, since a row that can't be read would end a page of whole ones."""
    numbers = list(connection.execute(select(audit_events.c.seq).order_by(audit_events.c.seq)).scalars())
    for start in range(0, len(numbers), _PAGE):
        wanted = numbers[start : start + _PAGE]
        try:
            yield from _read(connection, wanted)
        except (ValueError, TypeError, AttributeError):
            for number in wanted:
                yield _read_one(connection, number)


def _read(connection: Connection, numbers: list[Any]) -> list[AuditEvent]:
    query = select(*_COLUMNS).where(audit_events.c.seq.in_(numbers)).order_by(audit_events.c.seq)
    return [AuditEvent(*row) for row in connection.execute(query)]


def _read_one(connection: Connection, number: Any) -> AuditEvent | DamagedEvent:
    try:
        return _read(connection, [number])[0]
    except (ValueError, TypeError, AttributeError) as error:
        return DamagedEvent(number, str(error))
