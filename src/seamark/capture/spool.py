"""The spool: captured predictions in local files, until they are in the database.

Choices:
- A record is written with one ``os.write`` before :meth:`Spool.append` returns. From then on it belongs to the
  operating system, so a killed process loses nothing.
- A thread syncs the file every ``sync_seconds``: a power cut takes at most so much.
- Capturing never fails a prediction: what can't be written is counted in ``dropped``.
- Files are small and short-lived, so that what was moved, or deleted, soon leaves the disk.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seamark.capture.record import CapturedPrediction, encode_line
from seamark.capture.redaction import redact_record
from seamark.capture.segments import create_segment, list_sizes, sync_folder

_MEGABYTE = 1024 * 1024
_SEGMENT_BYTES = 8 * _MEGABYTE
_SEGMENTS_IN_LIMIT = 8  # a small spool has smaller files: only whole ones free their room
_SEGMENT_SECONDS = 15.0
_NAG_SECONDS = 60.0

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Segment:
    path: Path
    descriptor: int
    opened: float
    size: int = 0


class Spool:
    """A process's own spool; safe to use from several threads.

    Args:
        folder: the workspace's ``spool``; made with the first record. Several processes may share it.
        sync_seconds: seconds between two syncs.
        limit_mb: megabytes that the folder may take; what comes beyond is dropped.
        redact: mask e-mail addresses, phone numbers and identity numbers before anything is written.
    """

    def __init__(self, folder: Path, *, sync_seconds: float, limit_mb: float, redact: bool) -> None:
        self.folder = folder
        self._redact = redact
        self._limit = int(limit_mb * _MEGABYTE)
        self._segment_bytes = min(_SEGMENT_BYTES, max(1, self._limit // _SEGMENTS_IN_LIMIT))
        self._sync_seconds = sync_seconds
        self._lock = threading.Lock()
        self._open: _Segment | None = None
        self._full: list[_Segment] = []  # to be synced and closed
        self._moved: dict[Path, int] = {}
        self._new_names = self._unsynced = self._closed = False
        self._dropped = 0
        self._nagged = -_NAG_SECONDS
        self._used = sum(list_sizes(folder).values())
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._keep_synced, name="seamark-spool", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Records that were not captured: the disk was full, the spool at its limit or closed."""
        return self._dropped

    @property
    def backlog(self) -> int:
        """Bytes in the folder that this process has not seen moved."""
        sizes = list_sizes(self.folder)
        with self._lock:
            return sum(max(0, size - self._moved.get(path, 0)) for path, size in sizes.items())

    def append(self, records: Sequence[CapturedPrediction]) -> int:
        """Write the records; when this returns, killing the process loses none of them.

        Returns:
            How many were written; the others are counted in ``dropped``. Never raises.
        """
        if not records:
            return 0
        try:
            lines = [encode_line(redact_record(one) if self._redact else one) for one in records]
            with self._lock:
                written = self._write(lines)
        except Exception as error:  # noqa: BLE001 (a prediction is answered whatever becomes of its capture)
            written = 0
            self._nag(error)
        with self._lock:
            self._dropped += len(records) - written
        return written

    def list_own(self) -> list[tuple[Path, int]]:
        """The files that this process holds, the oldest first, with their sizes: whole lines only."""
        with self._lock:
            held = [*self._full, self._open] if self._open else self._full
            return [(one.path, one.size) for one in held]

    @property
    def moved(self) -> Mapping[Path, int]:
        """Up to where the folder's files are in the database, as far as this process knows."""
        return self._moved

    def note_moved(self, path: Path, offset: int) -> None:
        """Remember that a file is in the database up to an offset."""
        with self._lock:
            self._moved[path] = offset

    def close(self) -> None:
        """Sync and close: everything is ready to be moved, by whoever does. Later records are dropped."""
        with self._lock:
            self._closed = True
            self._retire()
        self._wake.set()
        self._thread.join()

    def _write(self, lines: list[bytes]) -> int:
        """How many of the lines were written; called with the lock."""
        data = b"".join(lines)
        if self._closed or self._used + len(data) > self._limit:
            return 0
        segment = self._choose()
        try:
            wrote = os.write(segment.descriptor, data)
        except OSError:
            self._cut(segment)
            raise
        if wrote == len(data):
            segment.size += wrote
            self._used += wrote
            self._unsynced = True
            return len(lines)
        return self._keep_whole(segment, data[:wrote])

    def _keep_whole(self, segment: _Segment, part: bytes) -> int:
        """After a short write, on a disk that became full: only the lines that are whole stay."""
        kept = part[: part.rfind(b"\n") + 1]
        segment.size += len(kept)
        self._used += len(kept)
        self._unsynced = True
        self._cut(segment)
        return kept.count(b"\n")

    def _cut(self, segment: _Segment) -> None:
        """Take a torn line away; where that fails, nothing more is written behind it."""
        try:
            os.ftruncate(segment.descriptor, segment.size)
        except OSError:
            self._retire()

    def _choose(self) -> _Segment:
        if self._open is not None and self._open.size >= self._segment_bytes:
            self._retire()
        if self._open is None:
            path, descriptor = create_segment(self.folder)
            self._open = _Segment(path, descriptor, time.monotonic())
            self._new_names = True
        return self._open

    def _retire(self) -> None:
        """Write no more to the open file; the thread syncs and closes it."""
        if self._open is not None:
            self._full.append(self._open)
            self._open = None

    def _keep_synced(self) -> None:
        while not self._wake.wait(self._sync_seconds):
            self._sync()
        self._sync()

    def _sync(self) -> None:
        """Sync what was written and close what is full; only the thread does, so no descriptor is closed early."""
        with self._lock:
            if self._open is not None and time.monotonic() - self._open.opened > _SEGMENT_SECONDS:
                self._retire()
            full = list(self._full)
            written = [*full, self._open] if self._open is not None and self._unsynced else full
            names, self._new_names, self._unsynced = self._new_names, False, False
        try:
            for segment in written:
                os.fdatasync(segment.descriptor)
            if names:
                sync_folder(self.folder)
        except OSError as error:
            self._nag(error)
        self._release(full)

    def _release(self, full: list[_Segment]) -> None:
        """Give up the locks of full files, and look at what the folder holds by now."""
        for segment in full:
            with suppress(OSError):
                os.close(segment.descriptor)
        sizes = list_sizes(self.folder)
        with self._lock:
            self._full = [one for one in self._full if one not in full]
            self._moved = {path: offset for path, offset in self._moved.items() if path in sizes}
            self._used = sum(sizes.values())

    def _nag(self, error: Exception) -> None:
        if time.monotonic() - self._nagged > _NAG_SECONDS:
            self._nagged = time.monotonic()
            _log.warning("predictions are not captured: %s", error)
