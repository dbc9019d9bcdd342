"""The spool's files: who writes one, how whole lines are read from it, and when it may go.

A segment's writer holds the operating system's lock on it, which ends with the process, however that ends.
Whoever gets the lock may move what is in it and remove it. A segment appears under its name only when it is
locked, so that nobody takes a new one for an abandoned one.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

SPOOL = "spool"
"""The spool's folder within a workspace."""

_ENDING = ".jsonl"
_UNNAMED = ".new"
_MODE = 0o600
_FOLDER_MODE = 0o700
_ABANDONED_SECONDS = 3600.0


def create_segment(folder: Path) -> tuple[Path, int]:
    """A new, empty segment and its descriptor, which holds the lock until it is closed.

    Raises:
        OSError: it can't be made.
    """
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}{_ENDING}"
    unnamed = path.with_suffix(_UNNAMED)
    descriptor = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, _MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unnamed.rename(path)
    except BaseException:
        os.close(descriptor)
        with suppress(OSError):
            unnamed.unlink()
        raise
    return path, descriptor


def list_segments(folder: Path) -> list[Path]:
    """The segments in a spool's folder, the oldest first; none where there is no folder."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == _ENDING)
    except OSError:
        return []


def list_sizes(folder: Path) -> dict[Path, int]:
    """The bytes of each segment."""
    sizes: dict[Path, int] = {}
    for path in list_segments(folder):
        with suppress(OSError):  # moved and removed meanwhile
            sizes[path] = path.stat().st_size
    return sizes


@contextmanager
def take_abandoned(path: Path) -> Iterator[bool]:
    """Hold a segment's lock while the block runs; False where its writer lives, or it is gone.

    The block may unlink the segment.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        # Who held the lock just before may have moved and removed it.
        yield os.fstat(descriptor).st_nlink > 0
    finally:
        os.close(descriptor)


def read_lines(path: Path, start: int = 0) -> Iterator[tuple[bytes, int]]:
    """Each whole line from an offset on, with the offset behind it; a torn last line is none.

    Raises:
        OSError: the segment can't be read.
    """
    with path.open("rb") as file:
        file.seek(start)
        while True:
            line = file.readline()
            if not line.endswith(b"\n"):
                return
            start += len(line)
            yield line, start


def sync_folder(folder: Path) -> None:
    """See that the names of new segments outlive a power cut.

    Raises:
        OSError: it can't be done.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep_unnamed(folder: Path) -> None:
    """Remove the empty files of processes that were killed while they made a segment."""
    oldest = time.time() - _ABANDONED_SECONDS
    with suppress(OSError):
        for path in folder.iterdir():
            if path.suffix == _UNNAMED and path.stat().st_mtime < oldest:
                path.unlink()
