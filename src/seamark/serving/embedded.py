"""API and worker in one process, for a workspace of one machine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from seamark.errors import SeamarkError
from seamark.pipelines.worker import Slots, Watcher, run_worker
from seamark.serving.running import OnReady, serve

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

_AGAIN_SECONDS = 5.0
_JOIN_SECONDS = 15.0  # an engine gives a working step five of them

Tell = Callable[[str], None]


class WorkerThread:
    """A worker beside the service: what ends it, such as another worker or a database that is away, passes.

    Args:
        workspace: whose runs.
        tell: hears why there is no worker for now, once for each reason.
        watch: called with the run at work.
        again_seconds: seconds between two tries to be the worker.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        tell: Tell,
        watch: Watcher | None = None,
        again_seconds: float = _AGAIN_SECONDS,
    ) -> None:
        Slots(workspace, workspace.settings.pipelines.schedule)  # a schedule that can't be read ends it here
        self._workspace = workspace
        self._tell = tell
        self._watch = watch
        self._again_seconds = again_seconds
        self._stop = threading.Event()
        # A step that is at work can't be ended from outside, and must not keep the process.
        self._thread = threading.Thread(target=self._work, name="worker", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """End it; a step that is still at work is done again at the next start."""
        self._stop.set()
        if self._thread.ident is not None:  # it was started
            self._thread.join(_JOIN_SECONDS)

    def _work(self) -> None:
        told = ""
        while not self._stop.is_set():
            try:
                run_worker(self._workspace, stop=self._stop, watch=self._watch)
            except (SeamarkError, OSError) as error:
                if str(error) != told:
                    told = str(error)
                    self._tell(f"no pipeline runs are worked on for now: {told}")
            self._stop.wait(self._again_seconds)


def run_embedded(
    workspace: Workspace,
    *,
    host: str | None = None,
    port: int | None = None,
    ready: OnReady,
    tell: Tell,
    watch: Watcher | None = None,
) -> int:
    """Serve and work until the process is asked to stop; the number of the signal that asked.

    A step that is at work may be at work still, in a thread: nothing but the end of the process ends that.

    Args:
        workspace: an open one.
        host: the address to listen on; default: the setting ``service.host``.
        port: the port; default: the setting ``service.port``.
        ready: told the service's address when it answers.
        tell: hears why there is no worker for now.
        watch: called with the run at work.

    Raises:
        UsageError: a setting can't be used, or the address can't be listened on.
        StorageError: the database can't be read.
    """
    worker = WorkerThread(workspace, tell=tell, watch=watch)

    def begin(address: str) -> None:
        ready(address)
        # Not before: a service that can't start must not wait for a step that has just begun.
        worker.start()

    try:
        return serve(workspace, host=host, port=port, instances=1, ready=begin)
    finally:
        worker.stop()
