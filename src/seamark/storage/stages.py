"""Rows of stages: which version each one has."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from seamark.storage.tables import stages


@dataclass(frozen=True, slots=True)
class StageRecord:
    """One stage.

    Attributes:
        name: ``dev``, ``uat`` or ``prod``.
        version: the number of the version on it; None: there is none.
        changed_at: since when, in UTC.
    """

    name: str
    version: str | None
    changed_at: datetime


def list_stages(connection: Connection) -> list[StageRecord]:
    """The stages that ever had a version, by name."""
    query = select(stages.c.name, stages.c.version, stages.c.changed_at).order_by(stages.c.name)
    return [StageRecord(*row) for row in connection.execute(query)]


def lock_stage(connection: Connection, name: str, *, now: datetime) -> StageRecord:
    """The stage, which nobody else changes until the transaction ends; without a version where it is new.

    SQLite's transactions exclude each other anyway; PostgreSQL needs the row.
    """
    chosen = select(stages.c.name, stages.c.version, stages.c.changed_at).where(stages.c.name == name)
    if connection.execute(chosen).one_or_none() is None:
        with suppress(IntegrityError), connection.begin_nested():  # another process made it meanwhile
            connection.execute(insert(stages).values(name=name, changed_at=now))
    return StageRecord(*connection.execute(chosen.with_for_update()).one())


def set_stage(connection: Connection, name: str, version: str | None, *, changed_at: datetime) -> None:
    """The stage has this version now; where it had it already, nothing changes."""
    if lock_stage(connection, name, now=changed_at).version != version:
        values = {"version": version, "changed_at": changed_at}
        connection.execute(update(stages).where(stages.c.name == name).values(values))
