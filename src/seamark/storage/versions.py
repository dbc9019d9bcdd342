"""Rows of model versions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from seamark.storage.tables import LINE, versions


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One model version, as the database has it.

    Attributes:
        number: X.Y.Z.
        line: the model line.
        major: X.
        minor: Y.
        patch: Z.
        status: ``registering`` while its bundle is put in place, then ``registered``.
        experiment_id: the experiment that made it.
        run_id: the pipeline run that made it; one run makes at most one version.
        parent: the champion it was made from; None for one made from a base model.
        change: what is different from the version before (:class:`seamark.registry.numbering.Change`).
        taxonomy_name: whose skills it predicts.
        taxonomy_number: of the taxonomy's release.
        taxonomy_digest: SHA-256 of the release's content.
        manifest_digest: SHA-256 of the bundle's manifest.
        path: where its bundle is in the object store, with a slash at the end.
        recipe: the manifest's recipe.
        metrics: what was measured before it was registered.
        lineage: where it came from: data, trigger, code commit, packages, digests of its weights.
        size: bytes of all files of the bundle but the manifest.
        created_at: when its number was reserved, in UTC.
        registered_at: when it was registered, in UTC; None while registering.
    """

    number: str
    major: int
    minor: int
    patch: int
    status: str
    experiment_id: str
    run_id: str
    path: str
    created_at: datetime
    line: str = LINE
    parent: str | None = None
    change: str = ""
    taxonomy_name: str = ""
    taxonomy_number: str = ""
    taxonomy_digest: str = ""
    manifest_digest: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    lineage: dict[str, Any] = field(default_factory=dict)
    size: int = 0
    registered_at: datetime | None = None


_FIELDS = tuple(VersionRecord.__dataclass_fields__)
_COLUMNS = [versions.c[name] for name in _FIELDS]


def add_version(connection: Connection, record: VersionRecord) -> bool:
    """Whether the row was added; False where its number is taken, or its run has a version already."""
    try:
        with connection.begin_nested():
            connection.execute(insert(versions).values({name: getattr(record, name) for name in _FIELDS}))
    except IntegrityError:
        if find_version(connection, record.number) or find_version_of_run(connection, record.run_id):
            return False
        raise  # it names a run, an experiment or a parent that does not exist
    return True


def find_version(connection: Connection, number: str) -> VersionRecord | None:
    """The version with this number, registered or not; None where there is none."""
    return _find_one(connection, _select().where(versions.c.number == number))


def find_version_of_run(connection: Connection, run_id: str) -> VersionRecord | None:
    """The version that a run made or is making; None where there is none."""
    return _find_one(connection, _select().where(versions.c.run_id == run_id))


def find_newest_version(
    connection: Connection, *, line: str = LINE, status: str | None = None
) -> VersionRecord | None:
    """The highest number of a line, of one status where it is given; None where there is none."""
    table = versions.c
    query = _select(status).where(table.line == line)
    newest = query.order_by(table.major.desc(), table.minor.desc(), table.patch.desc()).limit(1)
    return _find_one(connection, newest)


def list_versions(
    connection: Connection, *, line: str = LINE, status: str | None = None
) -> list[VersionRecord]:
    """The versions of a line by their number, the lowest first; of one status where it is given."""
    table = versions.c
    query = _select(status).where(table.line == line).order_by(table.major, table.minor, table.patch)
    return [VersionRecord(**row) for row in connection.execute(query).mappings()]


def read_manifest_digests(connection: Connection, numbers: Collection[str]) -> dict[str, str]:
    """Number → SHA-256 of its bundle's manifest, for those of ``numbers`` that there are."""
    if not numbers:
        return {}
    query = select(versions.c.number, versions.c.manifest_digest).where(
        versions.c.number.in_(sorted(numbers))
    )
    return {row.number: row.manifest_digest for row in connection.execute(query)}


def mark_registered(connection: Connection, number: str, *, registered_at: datetime) -> None:
    """The version is registered from now on; one that was before stays as it is."""
    waiting = versions.c.number == number, versions.c.status == "registering"
    values = {"status": "registered", "registered_at": registered_at}
    connection.execute(update(versions).where(*waiting).values(values))


def remove_unregistered(connection: Connection, number: str) -> None:
    """No row has this number any more, unless its version is registered."""
    connection.execute(
        delete(versions).where(versions.c.number == number, versions.c.status == "registering")
    )


def _select(status: str | None = None) -> Select[Any]:
    query = select(*_COLUMNS)
    return query if status is None else query.where(versions.c.status == status)


def _find_one(connection: Connection, query: Select[Any]) -> VersionRecord | None:
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else VersionRecord(**row)
