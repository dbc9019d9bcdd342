"""What a running step tells those who watch, and how it learns that it should stop.

Progress goes to the run's row, a few times a second at most, because a training step would otherwise
write hundreds of times. What happened, with times, goes to ``log.jsonl`` in the run's folder.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seamark.storage import runs as rows

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

_LOG = "log.jsonl"


class RunReporter:
    """Reports one attempt of one run.

    Args:
        workspace: where the run is.
        run_id: the run's id.
        attempt: the attempt's number; reports of an attempt that has ended change nothing.
        stopping: set when the worker is stopping.
    """

    def __init__(self, workspace: Workspace, run_id: str, attempt: int, stopping: threading.Event) -> None:
        self._workspace = workspace
        self._run_id = run_id
        self._attempt = attempt
        self._stopping = stopping
        self._pause = workspace.settings.pipelines.poll_seconds
        self._written = self._read = float("-inf")
        self._cancel_asked = False

    def progress(self, message: str, done: int, total: int) -> None:
        """Note how far the step is; between two notes that are too close, only the step's end is kept."""
        now = time.monotonic()
        if now - self._written < self._pause and not (total and done >= total):
            return
        self._written = now
        with self._workspace.database.begin() as connection:
            rows.note_progress(
                connection, self._run_id, self._attempt, message=message, done=done, total=total
            )

    def should_stop(self) -> bool:
        """Whether the run was cancelled or the worker is stopping."""
        return self._stopping.is_set() or self.is_cancel_asked()

    def is_cancel_asked(self) -> bool:
        """Whether somebody asked to cancel the run, as known a moment ago."""
        now = time.monotonic()
        if not self._cancel_asked and now - self._read >= self._pause:
            self._read = now
            with self._workspace.database.read() as connection:
                self._cancel_asked = rows.is_cancel_asked(connection, self._run_id)
        return self._cancel_asked


def write_log(folder: Path, action: str, **fields: Any) -> None:
    """Append one event to the log of the run whose folder this is."""
    entry = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "action": action, **fields}
    with (folder / _LOG).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(entry, ensure_ascii=False) + "\n")


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The events of a run, the oldest first; none where the run worked on another machine or not at all."""
    return list(_read_entries(folder / _LOG))


def _read_entries(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue  # a process that was killed in the middle of a line
