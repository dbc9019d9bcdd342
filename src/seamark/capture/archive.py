"""Old captures leave the database for Parquet objects, and the objects leave when their time is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from seamark.capture.parts import drop_unfinished, read_ids, remove_part, sweep_parts, write_part
from seamark.governance.acting import act, require
from seamark.storage import archive_parts
from seamark.storage import captures as rows

if TYPE_CHECKING:
    from seamark.capture.record import CapturedPrediction
    from seamark.governance.actors import Actor
    from seamark.storage.workspace import Workspace

_ACTION = "capture.archive"
_PART_CAPTURES = 5_000


@dataclass(frozen=True, slots=True)
class ArchiveReport:
    """What one run of the archive did.

    Attributes:
        archived: captures that moved to the archive.
        parts: objects that were made of them.
        removed: captures that were removed, because their time is over.
        again: captures that were in the archive already, and left the database.
    """

    archived: int
    parts: int
    removed: int
    again: int


class _ChangedError(Exception):
    """Somebody else archived or deleted some of these captures meanwhile."""


def archive_captures(workspace: Workspace, actor: Actor, *, now: datetime | None = None) -> ArchiveReport:
    """Archive the captures of whole days (UTC) that are older than the settings keep in the database.

    Safe to be killed at any point and to be run again, also by two at once: each capture is in the
    database or in exactly one part. Retention is applied as well: archived captures, and late ones from a
    spool, that are older than ``capture.archive_days`` are removed.

    Args:
        workspace: whose captures.
        actor: who asks.
        now: the time; default: that of the clock.

    Raises:
        NotAllowedError: the actor may not.
        StorageError: the database or the object store can't be used.
    """
    require(workspace, actor, _ACTION)
    settings = workspace.settings.capture
    today = (now or datetime.now(UTC)).astimezone(UTC).date()
    first_kept = today - timedelta(days=settings.database_days)
    first_archived = today - timedelta(days=settings.archive_days) if settings.archive_days else date.min
    sweep_parts(workspace)
    archived = parts = again = removed = 0
    for stage, day in _list_days(workspace, first_kept):
        if day < first_archived:
            removed += _remove_day(workspace, actor, stage, day)
            continue
        again += _delete_archived(workspace, stage, day)
        for moved in _archive_day(workspace, actor, stage, day):
            archived, parts = archived + moved, parts + 1
    removed += _remove_old_parts(workspace, actor, first_archived)
    return ArchiveReport(archived, parts, removed, again)


def describe_report(report: ArchiveReport) -> dict[str, int]:
    """What was done, ready for JSON."""
    return asdict(report)


def _list_days(workspace: Workspace, before: date) -> list[tuple[str, date]]:
    with workspace.database.read() as connection:
        return rows.list_stage_days(connection, before)


def _archive_day(workspace: Workspace, actor: Actor, stage: str, day: date) -> Iterator[int]:
    """How many captures each new part of a stage and day took, until none is left in the database."""
    while captured := _list_some(workspace, stage, day):
        key = write_part(workspace, stage, day, captured)
        try:
            _hand_over(workspace, actor, key, [one.request_id for one in captured])
        except _ChangedError:
            drop_unfinished(workspace, key)  # and look again
            continue
        yield len(captured)


def _list_some(workspace: Workspace, stage: str, day: date) -> list[CapturedPrediction]:
    with workspace.database.read() as connection:
        return rows.list_day(connection, stage, day, limit=_PART_CAPTURES)


def _hand_over(workspace: Workspace, actor: Actor, key: str, request_ids: list[str]) -> None:
    """In one transaction the part begins to count and its captures leave the database."""
    with act(workspace, actor, _ACTION, subject=key) as deed:
        counts = archive_parts.change_part(
            deed.connection, key, before=archive_parts.WRITING, after=len(request_ids)
        )
        if not counts or rows.delete_captures(deed.connection, request_ids) != len(request_ids):
            raise _ChangedError
        deed.after = {"archived": len(request_ids)}


def _delete_archived(workspace: Workspace, stage: str, day: date) -> int:
    """Delete from the database what a part of this day has already.

    A process that was killed behind its move to the database, and before it removed the spool's file, moves
    the file again when it is back, which may be after the day was archived.
    """
    with workspace.database.read() as connection:
        parts = archive_parts.list_parts(connection, stage=stage, day=f"{day:%Y-%m-%d}")
    deleted = 0
    for part in parts:
        known = [request_id for request_id, _ in read_ids(workspace, part.key)]
        with workspace.database.begin() as connection:
            deleted += rows.delete_captures(connection, known)
    return deleted


def _remove_day(workspace: Workspace, actor: Actor, stage: str, day: date) -> int:
    with act(workspace, actor, _ACTION, subject=f"{stage} {day:%Y-%m-%d}") as deed:
        removed = rows.delete_day(deed.connection, stage, day)
        deed.nothing = not removed
        deed.after = {"removed": removed}
    return removed


def _remove_old_parts(workspace: Workspace, actor: Actor, first_kept: date) -> int:
    with workspace.database.read() as connection:
        old = archive_parts.list_parts(connection, before=f"{first_kept:%Y-%m-%d}")
    removed = 0
    for part in old:
        with act(workspace, actor, _ACTION, subject=part.key) as deed:
            ended = archive_parts.change_part(
                deed.connection, part.key, before=part.captures, after=archive_parts.GOING
            )
            deed.nothing = not ended
            deed.after = {"removed": part.captures}
        if ended:
            remove_part(workspace, part.key)
            removed += part.captures
    return removed
