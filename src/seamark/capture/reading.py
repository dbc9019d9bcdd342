"""Looks at captures: lists them, finds one wherever it is kept, counts them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from seamark.capture.parts import read_ids, read_part
from seamark.capture.record import clean_text
from seamark.capture.segments import SPOOL, list_sizes
from seamark.errors import NotFoundError
from seamark.governance.acting import require
from seamark.storage import archive_parts
from seamark.storage import captures as rows

if TYPE_CHECKING:
    from seamark.capture.record import CapturedPrediction
    from seamark.governance.actors import Actor
    from seamark.storage.archive_parts import ArchivePart
    from seamark.storage.captures import CaptureCount
    from seamark.storage.workspace import Workspace

_READ = "capture.read"


@dataclass(frozen=True, slots=True)
class CaptureStats:
    """How many captures there are, and where.

    Attributes:
        counts: those in the database, by stage, version and role.
        archived: those in the archive.
        parts: the archive's objects.
        first_day: the archive's first day as YYYY-MM-DD; empty: there is none.
        last_day: the archive's last day.
        spool_files: files in this workspace's spool.
        spool_bytes: their bytes; those of a running server's open file are mostly in the database already.
    """

    counts: tuple[CaptureCount, ...]
    archived: int
    parts: int
    first_day: str
    last_day: str
    spool_files: int
    spool_bytes: int


def list_captures(
    workspace: Workspace,
    actor: Actor,
    *,
    stage: str | None = None,
    version: str | None = None,
    role: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 100,
) -> list[CapturedPrediction]:
    """The captures that the database has, the newest first; archived ones are not listed.

    Args:
        workspace: whose captures.
        actor: who asks.
        stage: only of this stage.
        version: only of this version.
        role: only of versions in this role: ``champion``, ``canary`` or ``shadow``.
        since: only from this time on.
        until: only before this time.
        limit: at most so many.

    Raises:
        NotAllowedError: the actor may not read captured texts.
        StorageError: the database can't be used.
    """
    require(workspace, actor, _READ)
    stage, version, role = (one if one is None else clean_text(one) for one in (stage, version, role))
    with workspace.database.read() as connection:
        return rows.list_captures(
            connection, stage=stage, version=version, role=role, since=since, until=until, limit=limit
        )


def get_capture(workspace: Workspace, actor: Actor, request_id: str) -> CapturedPrediction:
    """The capture of a request, from the database or the archive; the archive is searched part by part.

    Raises:
        NotAllowedError: the actor may not read captured texts.
        NotFoundError: neither has it.
        StorageError: the database or the object store can't be used.
    """
    require(workspace, actor, _READ)
    request_id = clean_text(request_id)
    with workspace.database.read() as connection:
        found = rows.get_capture(connection, request_id)
    if found is None:
        found = _read_archived(workspace, request_id)
    if found is None:
        raise explain_missing(request_id)
    return found


def read_stats(workspace: Workspace, actor: Actor) -> CaptureStats:
    """How many captures there are in the database, the archive and this workspace's spool.

    Raises:
        NotAllowedError: the actor may not read captures.
        StorageError: the database can't be used.
    """
    require(workspace, actor, _READ)
    with workspace.database.read() as connection:
        counts, parts = tuple(rows.count_captures(connection)), archive_parts.list_parts(connection)
    sizes = list_sizes(workspace.folder / SPOOL)
    days = [part.day for part in parts]
    return CaptureStats(
        counts,
        archived=sum(part.captures for part in parts),
        parts=len(parts),
        first_day=min(days, default=""),
        last_day=max(days, default=""),
        spool_files=len(sizes),
        spool_bytes=sum(sizes.values()),
    )


def find_parts(workspace: Workspace, request_id: str) -> list[ArchivePart]:
    """The archive's parts with the request's capture, or with one of a shadow beside it.

    Raises:
        StorageError: the database or the object store can't be used.
    """
    with workspace.database.read() as connection:
        parts = archive_parts.list_parts(connection)
    return [
        part
        for part in parts
        if any(request_id in identifiers for identifiers in read_ids(workspace, part.key))
    ]


def explain_missing(request_id: str) -> NotFoundError:
    """The error for a request of which there is no capture."""
    return NotFoundError(
        f"there is no capture of the request {request_id}",
        hint="`seamark capture list`; a request that was not sampled, or was deleted, has none",
    )


def describe_capture(capture: CapturedPrediction) -> dict[str, Any]:
    """The capture's facts, ready for JSON."""
    facts = {name: getattr(capture, name) for name in type(capture).__dataclass_fields__}
    facts["at"] = capture.at.isoformat(timespec="microseconds")
    facts["output"] = list(capture.output)
    return facts


def describe_stats(stats: CaptureStats) -> dict[str, Any]:
    """The counts, ready for JSON."""
    counts = [
        {
            "stage": one.stage,
            "version": one.version,
            "role": one.role,
            "captures": one.captures,
            "first": one.first.isoformat(timespec="microseconds"),
            "last": one.last.isoformat(timespec="microseconds"),
        }
        for one in stats.counts
    ]
    return {
        "database": counts,
        "archive": {
            "captures": stats.archived,
            "parts": stats.parts,
            "first_day": stats.first_day,
            "last_day": stats.last_day,
        },
        "spool": {"files": stats.spool_files, "bytes": stats.spool_bytes},
    }


def _read_archived(workspace: Workspace, request_id: str) -> CapturedPrediction | None:
    for part in find_parts(workspace, request_id):
        for one in read_part(workspace, part.key):
            if one.request_id == request_id:
                return one
    return None
