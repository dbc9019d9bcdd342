"""Durable runs on DBOS: the only module that knows it.

Choices:
- One workflow for every pipeline. Its DBOS steps are the pipeline's steps and nothing else, so step
  number n of a workflow is step n of the pipeline, which a retry relies on.
- The workflow of a run's first attempt has the run's id; ``.2``, ``.3`` and so on follow for retries. A retry
  forks the attempt before at the step that ended it: what the steps before found is copied.
- The runs' table, not DBOS, says what waits. The worker hands over one run of a line at a time; DBOS's
  queue, partitioned by line with room for one, holds even where a recovered workflow comes as well.
- Facts are kept as JSON, never pickled: reading the database must not run code from it.
- On SQLite DBOS has its own file, so that its polling never waits for the workspace's writers.

This module imports DBOS, so it is itself imported only where runs are worked on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from logging.handlers import RotatingFileHandler
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetEnqueueOptions, SetWorkflowID

from seamark.errors import StorageError
from seamark.pipelines.execution import Facts, RunInterrupted, close_run, execute_step, explain
from seamark.pipelines.steps import get_pipeline
from seamark.storage import runs as rows

if TYPE_CHECKING:
    from dbos import WorkflowStatus

    from seamark.storage.runs import RunRecord
    from seamark.storage.workspace import Workspace

APPLICATION_VERSION = "pipelines-1"
"""Raise the number when steps are added, removed, renamed or reordered.

DBOS takes up only workflows of its own version. A run begun under another one is marked failed, and its
retry starts from the first step.
"""

_NAME = "seamark"
_EXECUTOR = "local"  # always the same: what a killed process left belongs to the next one
_QUEUE = "runs"
_POLL_SECONDS = 0.1
_NEVER = 86_400.0  # seconds; DBOS's own scheduler has nothing to do here
_LOG_BYTES = 1_000_000
_ENDED = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")

_engine: Engine | None = None


class Engine:
    """DBOS at work for one workspace; a process can have one at a time.

    The caller holds the workspace's worker lock. Entering takes up what a killed process left; leaving
    gives a working step a moment to stop, and what was not done goes on at the next start.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.stopping = threading.Event()
        self._working = 0
        self._lock = threading.Lock()
        self._log: logging.Handler | None = None

    def __enter__(self) -> Self:
        global _engine
        if _engine is not None:
            raise RuntimeError("this process has an engine at work already")
        _engine = self
        try:
            self._log = _open_log(self.workspace)
            _launch(self.workspace)
        except BaseException as error:
            self.close(patience=0)
            if isinstance(error, Exception):
                raise StorageError(f"the pipelines' database can't be used: {explain(error)}") from error
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(patience=5.0)

    def close(self, *, patience: float) -> bool:
        """Stop; False where a step still works after so many seconds, in a thread that can't be ended."""
        global _engine
        if _engine is not self:
            return True
        self.stopping.set()
        deadline = time.monotonic() + patience
        while self.is_working and time.monotonic() < deadline:
            time.sleep(0.02)
        DBOS.destroy()
        _engine = None
        if self._log is not None:
            logging.getLogger("dbos").removeHandler(self._log)
            self._log.close()
        return not self.is_working

    @property
    def is_working(self) -> bool:
        """Whether a run is at work in this process."""
        return self._working > 0

    def hand_over(self, run: RunRecord) -> None:
        """Let a pending run go on; a run that is known goes on by itself, so this may be repeated."""
        status = DBOS.get_workflow_status(make_workflow_id(run.id, run.attempt))
        if status is None:
            self._submit(run)
        elif status.app_version != APPLICATION_VERSION:
            self._fail(run, _describe_version(status))
        elif status.status in _ENDED:
            self._fail(run, f"the run ended without a result ({status.status.lower()}: {status.error})")

    def wait_until_kept(self, run: RunRecord, *, patience: float = 10.0) -> None:
        """Wait until DBOS has noted the end of a run that has ended."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            status = DBOS.get_workflow_status(make_workflow_id(run.id, run.attempt))
            if status is None or status.status in _ENDED:
                return
            time.sleep(0.02)

    def work(self, pipeline_name: str, workflow_id: str) -> str:
        """Run a pipeline from the workflow of this id; how the run stands at the end."""
        with self._lock:
            self._working += 1
        try:
            return _work_on(self, pipeline_name, *split_workflow_id(workflow_id))
        finally:
            with self._lock:
                self._working -= 1

    def _submit(self, run: RunRecord) -> None:
        """Fork the last attempt that DBOS knows, or begin from the first step where it knows none."""
        workflow_id = make_workflow_id(run.id, run.attempt)
        previous = _find_previous(run)
        if previous is not None:
            with SetWorkflowID(workflow_id):
                DBOS.fork_workflow(
                    previous,
                    _find_first_step(previous),
                    application_version=APPLICATION_VERSION,
                    queue_name=_QUEUE,
                    queue_partition_key=run.line,
                )
            return
        with SetWorkflowID(workflow_id), SetEnqueueOptions(queue_partition_key=run.line):
            DBOS.enqueue_workflow(_QUEUE, _run_pipeline, run.pipeline, run.id)

    def _fail(self, run: RunRecord, error: str) -> None:
        # DBOS notes an end after the row says it: read the row again before calling it lost.
        with self.workspace.database.read() as connection:
            current = rows.find_run(connection, run.id)
        if current is not None and not current.is_over and current.attempt == run.attempt:
            close_run(self.workspace, current, status="failed", facts={}, error=error)


@DBOS.workflow(name="run_pipeline")
def _run_pipeline(pipeline_name: str, run_id: str) -> str:
    """The one workflow. The attempt is in the workflow's id: a fork takes over its original's arguments."""
    if _engine is None:
        raise RunInterrupted
    return _engine.work(pipeline_name, DBOS.workflow_id or run_id)


def _work_on(engine: Engine, pipeline_name: str, run_id: str, attempt: int) -> str:
    workspace, facts = engine.workspace, Facts()
    with workspace.database.begin() as connection:
        begun = rows.begin_run(connection, run_id, attempt)
        run = rows.find_run(connection, run_id)
    if run is None or not begun:
        return "ended before"
    end: Mapping[str, Any] = {"status": "succeeded"}
    try:
        for step in get_pipeline(pipeline_name).steps:
            result = DBOS.run_step(
                {"name": step.name}, execute_step, workspace, run, step, facts, engine.stopping
            )
            if "facts" not in result:
                end = result
                break
            facts.update(result["facts"])
    except Exception as error:  # a pipeline that can't be loaded, steps that were renamed
        if engine.stopping.is_set():  # the engine went away under a step that did not give way
            raise RunInterrupted from error
        end = {"status": "failed", "error": explain(error)}
    close_run(workspace, run, facts=facts, **end)
    return str(end["status"])


class _OneLine(logging.Formatter):
    """The message without its trace, which is in the log file."""

    def formatException(self, ei: Any) -> str:  # noqa: ARG002, N802 - logging's own name
        return ""

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # the other handler's, which the base class would print
        text = " ".join(super().format(record).split())
        record.exc_text = None
        return text


def make_workflow_id(run_id: str, attempt: int) -> str:
    """The id of a run's attempt in DBOS."""
    return run_id if attempt == 1 else f"{run_id}.{attempt}"


def split_workflow_id(workflow_id: str) -> tuple[str, int]:
    """The run and the attempt that a workflow's id means."""
    run_id, _, attempt = workflow_id.partition(".")
    return run_id, int(attempt or 1)


def _find_previous(run: RunRecord) -> str | None:
    """The workflow of the last attempt that can be taken up; None where there is none of this version."""
    for attempt in range(run.attempt - 1, 0, -1):
        workflow_id = make_workflow_id(run.id, attempt)
        status = DBOS.get_workflow_status(workflow_id)
        if status is not None:
            return workflow_id if status.app_version == APPLICATION_VERSION else None
    return None


def _find_first_step(workflow_id: str) -> int:
    """The number of the first step of a workflow, counted from 1, that found nothing."""
    number = 1
    for step in DBOS.list_workflow_steps(workflow_id):
        if step["function_id"] != number or "facts" not in (step["output"] or {}):
            break
        number += 1
    return number


def _describe_version(status: WorkflowStatus) -> str:
    return (
        f"the run was begun by {status.app_version}, and this Seamark has {APPLICATION_VERSION}, "
        "whose steps differ; try: seamark runs retry, which starts it from the first step"
    )


def _launch(workspace: Workspace) -> None:
    DBOS(config=_make_config(workspace))
    DBOS.launch()
    DBOS.register_queue(
        _QUEUE, partition_concurrency=1, polling_interval_sec=_POLL_SECONDS, on_conflict="always_update"
    )
    _cancel_other_versions()


def _cancel_other_versions() -> None:
    """End workflows of other versions: nothing takes them up, and they would hold their line's place."""
    for status in DBOS.list_workflows(status=["PENDING", "ENQUEUED"], load_input=False, load_output=False):
        if status.app_version != APPLICATION_VERSION:
            DBOS.cancel_workflow(status.workflow_id)


def _make_config(workspace: Workspace) -> DBOSConfig:
    database = workspace.database
    on_sqlite = database.engine.dialect.name == "sqlite"
    url = f"sqlite:///{workspace.folder / 'pipelines.db'}" if on_sqlite else database.url
    return DBOSConfig(
        name=_NAME,
        system_database_url=url,
        application_version=APPLICATION_VERSION,
        executor_id=_EXECUTOR,
        serializer=DBOSPortableJSONSerializer(),
        use_listen_notify=False,
        sys_db_pool_size=5,
        scheduler_polling_interval_sec=_NEVER,
        notification_listener_polling_interval_sec=_POLL_SECONDS,  # nothing to hear; it delays the end
        log_level="INFO",
        console_log_level="WARNING",
    )


def _open_log(workspace: Workspace) -> logging.Handler:
    """DBOS tells everything to ``worker.log``; its warnings also go to stderr."""
    handler = RotatingFileHandler(
        workspace.folder / "worker.log", maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("dbos")
    if not logger.handlers:  # DBOS adds its own only where there is none yet
        console = logging.StreamHandler()
        console.setLevel(logging.WARNING)
        console.setFormatter(_OneLine("seamark: %(message)s"))
        logger.addHandler(console)
        logger.propagate = False
    logger.addHandler(handler)
    return handler
