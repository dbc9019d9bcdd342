"""Rows of the captures' archive: which Parquet objects there are, and which of them count."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, or_, select, update

from seamark.storage.tables import capture_archives

WRITING, GOING = 0, -1
"""What ``ArchivePart.captures`` is while its object is being written, and while it is being removed."""


@dataclass(frozen=True, slots=True)
class ArchivePart:
    """One Parquet object of the archive: captures of one stage and one day.

    Attributes:
        key: the object's.
        stage: of its captures.
        day: of its captures, in UTC, as YYYY-MM-DD.
        captures: how many; :data:`WRITING` or :data:`GOING` for an object that does not count.
        created_at: when, in UTC.
    """

    key: str
    stage: str
    day: str
    captures: int
    created_at: datetime


_PART = [capture_archives.c[name] for name in ArchivePart.__dataclass_fields__]


def add_part(connection: Connection, part: ArchivePart) -> None:
    """Insert a part; before its object is written, so that no object is without its row."""
    connection.execute(insert(capture_archives).values(**asdict(part)))


def change_part(connection: Connection, key: str, *, before: int, after: int) -> bool:
    """Give a part another number of captures; False where it had not ``before``, or is gone."""
    chosen = capture_archives.c.key == key, capture_archives.c.captures == before
    return connection.execute(update(capture_archives).where(*chosen).values(captures=after)).rowcount == 1


def is_counted(connection: Connection, key: str) -> bool:
    """Whether a part counts."""
    query = select(capture_archives.c.key).where(
        capture_archives.c.key == key, capture_archives.c.captures > 0
    )
    return connection.execute(query).first() is not None


def delete_part(connection: Connection, key: str) -> None:
    """Delete a part's row; after its object."""
    connection.execute(delete(capture_archives).where(capture_archives.c.key == key))


def list_parts(
    connection: Connection, *, stage: str | None = None, day: str | None = None, before: str | None = None
) -> list[ArchivePart]:
    """The archive's parts that count, the newest day first; only of a stage, a day, or before a day."""
    query = select(*_PART).where(capture_archives.c.captures > 0)
    query = query if stage is None else query.where(capture_archives.c.stage == stage)
    query = query if day is None else query.where(capture_archives.c.day == day)
    query = query if before is None else query.where(capture_archives.c.day < before)
    ordered = query.order_by(capture_archives.c.day.desc(), capture_archives.c.key)
    return [ArchivePart(*row) for row in connection.execute(ordered)]


def list_unfinished_parts(connection: Connection, written_before: datetime) -> list[ArchivePart]:
    """The parts that are going, and those whose writing was begun before a time and never ended."""
    stale = (capture_archives.c.captures == WRITING) & (capture_archives.c.created_at < written_before)
    query = select(*_PART).where(or_(capture_archives.c.captures == GOING, stale))
    return [ArchivePart(*row) for row in connection.execute(query.order_by(capture_archives.c.key))]
