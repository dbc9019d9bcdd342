"""Rows of taxonomy releases, and which taxonomy is live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from seamark.storage.ids import make_id
from seamark.storage.inserting import try_insert
from seamark.storage.tables import taxonomy_releases, workspace_facts
from seamark.taxonomy.release import parse_number

_LIVE = "taxonomy"


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """One release of a taxonomy, without its skills.

    Attributes:
        name: the taxonomy's.
        number: X.Y.Z.
        digest: SHA-256 of its content.
        skills: how many it has, retired ones included.
        source: the file or folder it was imported from, by its name.
        imported_at: when, in UTC.
        object_key: where its document is in the object store.
        report: what became of the source's rows; empty where that was lost in a crash.
        changes: what changed since the release before, kind → skills; empty for the first one.
    """

    name: str
    number: str
    digest: str
    skills: int
    source: str
    imported_at: datetime
    object_key: str
    report: dict[str, Any]
    changes: dict[str, int]


_COLUMNS = [taxonomy_releases.c[name] for name in StoredRelease.__dataclass_fields__]


def add_release(connection: Connection, release: StoredRelease) -> StoredRelease:
    """The row with this name and number: the given one, or the one that was there before."""
    values = {name: getattr(release, name) for name in StoredRelease.__dataclass_fields__}
    statement = insert(taxonomy_releases).values(id=make_id("taxonomy"), **values)
    if try_insert(connection, statement):
        return release
    table = taxonomy_releases
    found = select(*_COLUMNS).where(table.c.name == release.name, table.c.number == release.number)
    return StoredRelease(**connection.execute(found).mappings().one())


def list_releases(connection: Connection, name: str | None = None) -> list[StoredRelease]:
    """The releases of one taxonomy, or of all, by name, the oldest first."""
    query = select(*_COLUMNS)
    if name is not None:
        query = query.where(taxonomy_releases.c.name == name)
    found = [StoredRelease(**row) for row in connection.execute(query).mappings()]
    return sorted(found, key=lambda release: (release.name, parse_number(release.number)))


def read_live(connection: Connection) -> str | None:
    """The name of the live taxonomy; None where there is none yet."""
    query = select(workspace_facts.c.value).where(workspace_facts.c.key == _LIVE)
    return connection.execute(query).scalar_one_or_none()


def write_live(connection: Connection, name: str) -> None:
    """Make ``name`` the live taxonomy."""
    if not try_insert(connection, insert(workspace_facts).values(key=_LIVE, value=name)):
        fact = workspace_facts.c.key == _LIVE
        connection.execute(update(workspace_facts).where(fact).values(value=name))
