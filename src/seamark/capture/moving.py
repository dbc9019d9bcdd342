"""Moves captures from the spool to the database, each exactly once whatever is killed when.

A line may be moved twice, by a process that was killed before it could remove the file, but it is inserted
once: its request id is the row's key. A file goes when all of its whole lines are in the database and its
writer is gone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from seamark.capture.record import CapturedPrediction, decode_line
from seamark.capture.segments import list_segments, read_lines, sweep_unnamed, take_abandoned
from seamark.errors import SeamarkError
from seamark.storage.captures import add_captures

if TYPE_CHECKING:
    from seamark.capture.spool import Spool
    from seamark.storage.workspace import Workspace

_BATCH_LINES = 200
_BATCH_BYTES = 4 * 1024 * 1024
_LONGEST_PAUSE = 10.0  # seconds; doubled up to here while the database is away

_STOP_SECONDS = 15.0  # for the last move

_log = logging.getLogger(__name__)


class Mover:
    """A thread that moves a process's own spool, and what killed processes left in its folder.

    Args:
        workspace: whose database takes the captures, and whose settings say how often.
        spool: the process's own.
    """

    def __init__(self, workspace: Workspace, spool: Spool) -> None:
        self._workspace = workspace
        self._spool = spool
        self._seconds = workspace.settings.capture.move_seconds
        self._stop = threading.Event()
        self._moving = threading.Lock()
        self._thread = threading.Thread(target=self._keep_moving, name="seamark-mover", daemon=True)

    def start(self) -> None:
        """Begin to move."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and move what can be moved; close the spool before, so that this is all of it.

        A database that neither answers nor refuses is not waited for: the spool keeps the captures.
        """
        self._stop.set()
        last = threading.Thread(target=self._end, name="seamark-mover-end", daemon=True)
        last.start()
        last.join(_STOP_SECONDS)

    def _end(self) -> None:
        if self._thread.ident is not None:
            self._thread.join()
        self._try_to_move()

    def move(self) -> int:
        """Move everything once; returns how many captures the database has of it.

        Raises:
            StorageError: the database can't be written; the spool keeps what is not moved.
        """
        with self._moving:
            moved = self._move_own()
            return moved + move_once(self._workspace, self._spool.folder, known=self._spool.moved)

    def _move_own(self) -> int:
        moved = 0
        for path, end in self._spool.list_own():
            for records, offset in _read_batches(path, self._spool.moved.get(path, 0), end):
                moved += _insert(self._workspace, records)
                self._spool.note_moved(path, offset)
        return moved

    def _keep_moving(self) -> None:
        pause = self._seconds
        while not self._stop.wait(pause):
            pause = self._seconds if self._try_to_move() else min(_LONGEST_PAUSE, max(pause, 0.1) * 2)

    def _try_to_move(self) -> bool:
        try:
            self.move()
        except Exception as error:  # noqa: BLE001 (whatever it is, the spool keeps the captures)
            # A database's own message may quote the row.
            cause = error if isinstance(error, SeamarkError) else type(error).__name__
            _log.warning("captures wait in the spool: %s", cause)
            return False
        return True


def move_once(workspace: Workspace, folder: Path, *, known: Mapping[Path, int] | None = None) -> int:
    """Move every file whose writer is gone, and remove it; returns how many captures the database has of them.

    Args:
        workspace: whose database takes them.
        folder: the spool's.
        known: up to where a file is in the database already.

    Raises:
        StorageError: the database can't be written; the spool keeps what is not moved.
    """
    moved = 0
    for path in list_segments(folder):
        with take_abandoned(path) as taken:
            if taken:
                moved += _move_whole(workspace, path, (known or {}).get(path, 0))
    sweep_unnamed(folder)
    return moved


def _move_whole(workspace: Workspace, path: Path, start: int) -> int:
    moved = 0
    for records, _ in _read_batches(path, start, None):
        moved += _insert(workspace, records)
    with suppress(FileNotFoundError):
        path.unlink()
    return moved


def _insert(workspace: Workspace, records: list[CapturedPrediction]) -> int:
    with workspace.database.begin() as connection:
        return add_captures(connection, records)


def _read_batches(path: Path, start: int, end: int | None) -> Iterator[tuple[list[CapturedPrediction], int]]:
    """The records of whole lines, some at a time, with the offset behind them."""
    batch: list[CapturedPrediction] = []
    begun = offset = start
    for line, offset in read_lines(path, start):
        record = _read_record(line, path)
        if record is not None:
            batch.append(record)
        if len(batch) >= _BATCH_LINES or offset - begun >= _BATCH_BYTES:
            yield batch, offset
            batch, begun = [], offset
        if end is not None and offset >= end:
            break
    if offset > begun:
        yield batch, offset


def _read_record(line: bytes, path: Path) -> CapturedPrediction | None:
    """A line's record; None, and a line in the log, for one that a power cut or a hand has damaged."""
    try:
        return decode_line(line)
    except ValueError as error:
        _log.error("a damaged line in %s is left out: %s", path.name, error)
        return None
