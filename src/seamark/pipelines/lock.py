"""One process at a time works on a workspace's runs.

The lock is the operating system's, on the file ``worker.lock``, so it ends with its holder, however that
ends; the file stays and names the last holder. On PostgreSQL the database's own lock is held as well,
because two machines with a folder each may share one database.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seamark.storage.runs import hold_worker_place

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

_NAME = "worker.lock"


@contextmanager
def hold_worker_lock(workspace: Workspace) -> Iterator[bool]:
    """Be the workspace's one worker while the block runs; False where another process is."""
    with _hold_file(workspace.folder / _NAME) as free:
        if not free:
            yield False
            return
        with hold_worker_place(workspace.database) as held:
            yield held


def read_holder(workspace: Workspace) -> str:
    """Who holds, or last held, the lock: ``process 4711 on host``, or what is known of it."""
    try:
        text = (workspace.folder / _NAME).read_text(encoding="utf-8").strip()
    except OSError:
        text = ""
    return text or "a process on another machine"


@contextmanager
def _hold_file(path: Path) -> Iterator[bool]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield True
    finally:
        # Closing drops the lock. The file stays: were it removed, two processes could lock two files.
        os.close(descriptor)
