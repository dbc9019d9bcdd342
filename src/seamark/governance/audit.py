"""Reading the audit trail, and finding out whether somebody changed it.

Three things tell: the digests that chain the events, the row that says where the chain ends, and what is
kept of its end elsewhere, in the object store or by an auditor. What the first two say can be made to agree
by whoever writes to the database; what is kept elsewhere can't.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from seamark.errors import InputError, StorageError, UsageError
from seamark.governance.acting import require
from seamark.governance.anchor import read_anchor
from seamark.storage import audit as rows
from seamark.storage.audit import START, AuditEvent, AuditHead, digest_event
from seamark.storage.trail import DamagedEvent, Trail, open_trail

if TYPE_CHECKING:
    from seamark.governance.actors import Actor
    from seamark.storage.workspace import Workspace

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class TrailFault:
    """Something that shows that the trail was changed.

    Attributes:
        seq: the number of the first event that is wrong, or missing.
        kind: ``altered`` (a row is not as it was written), ``gap`` (rows are missing, or stand where none
            was), ``head`` (the trail ends elsewhere than its head says), ``anchor`` (than the object store
            says) or ``expected`` (than the auditor says).
        message: what is wrong, in words.
    """

    seq: int
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class TrailReport:
    """What :func:`verify_trail` found.

    Attributes:
        events: how many there are.
        head: the newest one; keep it elsewhere, and the trail can be held against it later.
        anchored: the newest event that the object store knows; None: it knows none.
        faults: what is wrong, the first event first; none: nothing is.
    """

    events: int
    head: AuditHead
    anchored: AuditHead | None
    faults: tuple[TrailFault, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def list_events(
    workspace: Workspace,
    actor: Actor,
    *,
    by: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[AuditEvent]:
    """Events, the newest first.

    Args:
        workspace: which.
        actor: who asks.
        by: only those of this person.
        action: only those of this name.
        subject: only those done to this.
        before: only those with a lower number, to read on where a list ended.
        limit: at most so many.

    Raises:
        NotAllowedError: the actor may not read the trail.
    """
    require(workspace, actor, "audit.read")
    with workspace.database.read() as connection:
        return rows.list_events(
            connection, actor=by, action=action, subject=subject, before=before, limit=limit
        )


def verify_trail(workspace: Workspace, actor: Actor, *, expect: AuditHead | None = None) -> TrailReport:
    """Whether the trail is as it was written, from the first event to the last.

    Args:
        workspace: which.
        actor: who asks.
        expect: an event that an auditor knows there was, as an earlier report's ``head`` gave it.

    Raises:
        NotAllowedError: the actor may not read the trail.
        StorageError: database or object store can't be read.
    """
    require(workspace, actor, "audit.read")
    anchor, damage = _read_anchor(workspace)  # first: what is appended meanwhile is behind it
    with open_trail(workspace.database) as trail:
        walk = _walk(trail, {known.seq for known in (trail.head, anchor, expect) if known is not None})
        head = trail.head
    faults = [
        *(TrailFault(walk.last.seq, "anchor", text) for text in damage),
        *walk.faults,
        *_compare_head(walk, head),
        *_compare(walk, anchor, "anchor", "the object store"),
        *_compare(walk, expect, "expected", "the auditor"),
    ]
    return TrailReport(walk.events, walk.last, anchor, tuple(sorted(faults, key=lambda fault: fault.seq)))


def export_trail(workspace: Workspace, actor: Actor, path: Path) -> int:
    """How many events were written to a file, the first one first.

    JSON lines hold exactly what the digests were taken of. In a CSV file what a spreadsheet would take for
    a formula has an apostrophe before it.

    Args:
        workspace: which.
        actor: who asks.
        path: a file ending in ``.jsonl`` or ``.csv``; one that is there already is replaced.

    Raises:
        NotAllowedError: the actor may not read the trail.
        UsageError: the file has another ending.
        StorageError: it can't be written, or a row of the trail can't be read.
    """
    writers: dict[str, Callable[[IO[str], Iterable[AuditEvent]], int]] = {
        ".jsonl": _write_lines,
        ".csv": _write_table,
    }
    write = writers.get(path.suffix.lower())
    if write is None:
        raise UsageError(f"the file {path.name}", expected="a name ending in .jsonl or .csv")
    require(workspace, actor, "audit.read")
    with open_trail(workspace.database) as trail, _replacing(path) as stream:
        return write(stream, _require_readable(trail))


def describe_event(event: AuditEvent) -> dict[str, Any]:
    """An event as plain values, for JSON."""
    facts = {item.name: getattr(event, item.name) for item in fields(event)}
    return facts | {"at": event.at.isoformat(timespec="microseconds")}


def parse_head(text: str) -> AuditHead:
    """An event as ``SEQ:DIGEST``.

    Raises:
        UsageError: the text is none.
    """
    seq, _, digest = text.strip().partition(":")
    if not (seq.isascii() and seq.isdigit() and len(digest) == len(START)):
        raise UsageError(f"{text!r}", expected="SEQ:DIGEST, as `seamark audit verify` prints it")
    return AuditHead(int(seq), digest.lower())


@dataclass(slots=True)
class _Walk:
    """What was seen on the way through the trail."""

    events: int = 0
    last: AuditHead = field(default_factory=lambda: AuditHead(0, START))
    seen: dict[int, str] = field(default_factory=lambda: {0: START})
    faults: list[TrailFault] = field(default_factory=list)


def _read_anchor(workspace: Workspace) -> tuple[AuditHead | None, list[str]]:
    """The anchor, and what is wrong where it is none."""
    try:
        return read_anchor(workspace), []
    except InputError as error:
        return None, [error.found]


def _walk(trail: Trail, wanted: set[int]) -> _Walk:
    """Go through every event; of the faults in the chain only the first one says something."""
    walk = _Walk()
    for event in trail.events:
        if not walk.faults:
            walk.faults.extend(_check_event(event, walk.last))
        walk.events += 1
        if isinstance(event, AuditEvent) and isinstance(event.seq, int):
            walk.last = AuditHead(event.seq, event.digest)
            if event.seq in wanted:
                walk.seen[event.seq] = event.digest
    return walk


def _check_event(event: AuditEvent | DamagedEvent, last: AuditHead) -> Iterator[TrailFault]:
    seq = last.seq + 1
    if event.seq != seq:
        found = f"event {event.seq} stands where event {seq} should"
        yield TrailFault(seq, "gap", f"{found}: rows were removed, added, or numbered anew")
    elif isinstance(event, DamagedEvent):
        yield TrailFault(seq, "altered", f"event {seq} can't be read: {event.cause}")
    elif not _is_whole(event):
        yield TrailFault(seq, "altered", f"event {seq} is not what its digest was taken of: it was altered")
    elif event.previous != last.digest:
        # This event is as it was written, so what it follows on is not.
        wrong = max(last.seq, 1)
        yield TrailFault(
            wrong,
            "altered",
            f"event {wrong} was altered, and its digest made anew: event {seq} names another",
        )


def _is_whole(event: AuditEvent) -> bool:
    try:
        return digest_event({item.name: getattr(event, item.name) for item in fields(event)}) == event.digest
    except (AttributeError, TypeError, ValueError):
        return False


def _compare_head(walk: _Walk, head: AuditHead | None) -> Iterator[TrailFault]:
    if head is None:
        if walk.events:
            yield TrailFault(walk.last.seq, "head", "the row that says where the trail ends is missing")
    elif head.seq < walk.last.seq:
        message = f"there are events up to {walk.last.seq}, and the head says {head.seq}"
        yield TrailFault(head.seq + 1, "head", f"{message}: rows were added, or the head was set back")
    else:
        yield from _compare(walk, head, "head", "the head")


def _compare(walk: _Walk, known: AuditHead | None, kind: str, who: str) -> Iterator[TrailFault]:
    """Whether the trail has the event that somebody knows of."""
    if known is None:
        return
    found = walk.seen.get(known.seq)
    if found is None and known.seq > walk.last.seq:
        message = f"the trail ends with event {walk.last.seq}, and {who} knows of event {known.seq}"
        yield TrailFault(walk.last.seq + 1, kind, f"{message}: the newest rows were cut off")
    elif found != known.digest:
        yield TrailFault(known.seq, kind, f"event {known.seq} is another than the one that {who} knows of")


def _require_readable(trail: Trail) -> Iterator[AuditEvent]:
    for event in trail.events:
        if isinstance(event, DamagedEvent):
            raise StorageError(
                f"event {event.seq} of the audit trail can't be read: {event.cause}",
                hint="`seamark audit verify`",
            )
        yield event


def _write_lines(stream: IO[str], events: Iterable[AuditEvent]) -> int:
    count = 0
    for event in events:
        stream.write(json.dumps(describe_event(event), ensure_ascii=False) + "\n")
        count += 1
    return count


def _write_table(stream: IO[str], events: Iterable[AuditEvent]) -> int:
    count = 0
    writer = csv.writer(stream)
    writer.writerow(item.name for item in fields(AuditEvent))
    for event in events:
        writer.writerow(_to_cell(value) for value in describe_event(event).values())
        count += 1
    return count


def _to_cell(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


@contextmanager
def _replacing(path: Path) -> Iterator[IO[str]]:
    """A file to write to, which takes ``path``'s place once it is whole."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        draft.replace(path)
    except OSError as error:
        raise StorageError(f"{path} can't be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
