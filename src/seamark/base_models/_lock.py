"""One process at a time in a folder, on POSIX systems and on Windows."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from seamark.errors import WeightsError

_PAUSE = 0.1  # seconds between two tries


@contextmanager
def hold_lock(path: Path, *, patience: float = 3600.0) -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs.

    The operating system drops the lock when its holder dies, so that a killed process leaves
    nothing to clear away; the empty file itself stays.

    Args:
        path: the lock file, made where missing.
        patience: seconds to wait for another process; the other one may be fetching 400 MB.

    Raises:
        WeightsError: another process still held it when the patience ran out.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as stream:
        _wait_for(stream, path, patience)
        try:
            yield
        finally:
            _release(stream)


def _wait_for(stream: IO[bytes], path: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while not _try_acquire(stream):
        if time.monotonic() >= deadline:
            raise WeightsError(
                f"another process has held {path} for {patience:.0f} seconds",
                hint="wait for it to finish fetching, or end it",
            )
        time.sleep(_PAUSE)


if sys.platform == "win32":
    import msvcrt

    def _try_acquire(stream: IO[bytes]) -> bool:
        stream.seek(0)
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _release(stream: IO[bytes]) -> None:
        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_acquire(stream: IO[bytes]) -> bool:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _release(stream: IO[bytes]) -> None:
        fcntl.flock(stream, fcntl.LOCK_UN)
