"""Capture: what was answered is in the spool before the answer leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from seamark.capture.moving import Mover
from seamark.capture.record import CapturedPrediction
from seamark.capture.segments import SPOOL
from seamark.capture.spool import Spool
from seamark.serving.logs import log_failure

if TYPE_CHECKING:
    from seamark.serving.metrics import Metrics
    from seamark.storage.workspace import Workspace


class Capturing:
    """Writes captures to this process's spool, from where a thread moves them to the database.

    Args:
        workspace: whose.
        metrics: told of every capture.
    """

    def __init__(self, workspace: Workspace, metrics: Metrics) -> None:
        settings = workspace.settings.capture
        self._spool = Spool(
            workspace.folder / SPOOL,
            sync_seconds=settings.sync_seconds,
            limit_mb=settings.spool_mb,
            redact=settings.redact,
        )
        self._mover = Mover(workspace, self._spool)
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="seamark-capture")
        metrics.watch(
            "seamark_capture_dropped",
            "Predictions that could not be captured.",
            lambda: self._spool.dropped,
        )
        metrics.watch(
            "seamark_capture_backlog_bytes",
            "Bytes of captures that are not in the database yet.",
            lambda: self._spool.backlog,
        )

    def start(self) -> None:
        """Begin to move."""
        self._mover.start()

    async def write(self, records: Sequence[CapturedPrediction]) -> None:
        """Write the records; afterwards killing the process loses none of them.

        What can't be written is counted, and no error: the prediction is answered all the same.
        """
        if records:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._pool, self._append, records)

    def stop(self) -> None:
        """Close the spool and move what can be moved."""
        self._pool.shutdown(wait=True)
        self._spool.close()
        self._mover.stop()

    def _append(self, records: Sequence[CapturedPrediction]) -> None:
        try:
            written = self._spool.append(records)
        except Exception as error:  # noqa: BLE001 (a prediction is answered whatever becomes of its capture)
            log_failure("capture.failed", error)
            return
        for record in records[:written]:
            self._metrics.captures.labels(record.stage, record.role).inc()
