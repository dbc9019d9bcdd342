"""Deletes a captured prediction for good, wherever it is kept."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from seamark.capture.moving import move_once
from seamark.capture.parts import drop_unfinished, read_part, remove_part, sweep_parts, write_part
from seamark.capture.reading import explain_missing, find_parts
from seamark.capture.record import clean_text, decode_line
from seamark.capture.segments import SPOOL, list_segments, read_lines
from seamark.errors import ConflictError
from seamark.governance.acting import act, require
from seamark.storage import archive_parts
from seamark.storage import captures as rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from seamark.governance.actors import Actor
    from seamark.storage.archive_parts import ArchivePart
    from seamark.storage.workspace import Workspace

_ACTION = "capture.delete"
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Removal:
    """What was deleted.

    Attributes:
        request_id: the request's.
        captures: captures that left the database and the archive: the request's own, and those of shadows.
        spooled: whether the spool still held some; they do not reach the database.
    """

    request_id: str
    captures: int
    spooled: bool


@dataclass(frozen=True, slots=True)
class _Rewritten:
    """A part, and the one without the captures; None where none is left."""

    old: ArchivePart
    key: str | None
    kept: int


class _ChangedError(Exception):
    """Captures moved between the search and the transaction."""


def remove_capture(workspace: Workspace, actor: Actor, request_id: str, *, reason: str = "") -> Removal:
    """Delete a request's capture for good, with those of shadows that stand beside it.

    It leaves the database and the archive, whose part is written anew, and what the spool holds of it
    never reaches the database. The audit event names the request, not its text.

    Raises:
        NotAllowedError: the actor may not.
        NotFoundError: nothing is known of the request.
        ConflictError: other deletions kept getting in between.
        StorageError: the database or the object store can't be used.
    """
    request_id = clean_text(request_id)
    require(workspace, actor, _ACTION, subject=request_id)
    sweep_parts(workspace)
    for _ in range(_ATTEMPTS):
        with suppress(_ChangedError):
            return _remove(workspace, actor, request_id, reason)
    raise ConflictError(f"captures beside {request_id} keep changing", hint="run it again")


def describe_removal(removal: Removal) -> dict[str, Any]:
    """What was deleted, ready for JSON."""
    return asdict(removal)


def _remove(workspace: Workspace, actor: Actor, request_id: str, reason: str) -> Removal:
    # In the order in which captures move, so that none slips through between two looks.
    found = _is_spooled(workspace, request_id)
    with workspace.database.read() as connection:
        spooled = found and not rows.is_removed(connection, request_id)
        ids = rows.find_ids(connection, request_id)
    parts = find_parts(workspace, request_id)
    if not (spooled or ids or parts):
        raise explain_missing(request_id)
    rewritten = [_rewrite(workspace, part, request_id) for part in parts]
    removed = len(ids) + sum(one.old.captures - one.kept for one in rewritten)
    try:
        with act(workspace, actor, _ACTION, subject=request_id, reason=reason) as deed:
            _take_out(deed.connection, request_id, ids, rewritten)
            deed.before, deed.after = {"captures": removed, "spooled": spooled}, {"captures": 0}
    except BaseException:
        for one in rewritten:
            if one.key is not None:
                drop_unfinished(workspace, one.key)
        raise
    for one in rewritten:
        remove_part(workspace, one.old.key)
    if spooled:
        move_once(
            workspace, workspace.folder / SPOOL
        )  # the files of writers that are gone leave the disk now
    return Removal(request_id, removed, spooled)


def _take_out(connection: Connection, request_id: str, ids: list[str], rewritten: list[_Rewritten]) -> None:
    """Within a transaction: note the removal, delete the rows, let the new parts count and the old ones go."""
    rows.add_removal(connection, request_id, datetime.now(UTC))  # waits for captures that are being inserted
    if rows.find_ids(connection, request_id) != ids or rows.delete_captures(connection, ids) != len(ids):
        raise _ChangedError
    for one in rewritten:
        ended = archive_parts.change_part(
            connection, one.old.key, before=one.old.captures, after=archive_parts.GOING
        )
        counts = one.key is None or archive_parts.change_part(
            connection, one.key, before=archive_parts.WRITING, after=one.kept
        )
        if not (ended and counts):
            raise _ChangedError


def _rewrite(workspace: Workspace, part: ArchivePart, request_id: str) -> _Rewritten:
    kept = [
        one for one in read_part(workspace, part.key) if request_id not in (one.request_id, one.answered_id)
    ]
    if not kept:
        return _Rewritten(part, None, 0)
    key = write_part(workspace, part.stage, date.fromisoformat(part.day), kept)
    return _Rewritten(part, key, len(kept))


def _is_spooled(workspace: Workspace, request_id: str) -> bool:
    return any(True for _ in _find_spooled(workspace, request_id))


def _find_spooled(workspace: Workspace, request_id: str) -> Iterator[bytes]:
    """The lines in this workspace's spool that are captures of the request."""
    wanted = request_id.encode()
    for path in list_segments(workspace.folder / SPOOL):
        with suppress(OSError):  # moved meanwhile: the database has it, which is looked at next
            for line, _ in read_lines(path):
                if wanted in line and _concerns(line, request_id):
                    yield line


def _concerns(line: bytes, request_id: str) -> bool:
    try:
        record = decode_line(line)
    except ValueError:
        return False
    return request_id in (record.request_id, record.answered_id)
