"""Looking at runs, cancelling and retrying them; needs no engine, so it is quick."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seamark.errors import ConflictError, NotFoundError, UsageError
from seamark.governance.acting import act
from seamark.pipelines.lock import hold_worker_lock
from seamark.storage import runs as rows
from seamark.storage.runs import RunRecord
from seamark.storage.tables import RUN_STATUSES

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from seamark.governance.actors import Actor
    from seamark.storage.workspace import Workspace


def list_runs(
    workspace: Workspace, *, status: str | None = None, limit: int | None = None
) -> list[RunRecord]:
    """Runs of a workspace, the newest first.

    Args:
        workspace: whose.
        status: only those of this status; default: all.
        limit: at most so many; default: all.

    Raises:
        UsageError: there is no such status.
    """
    if status is not None and status not in RUN_STATUSES:
        raise UsageError(f"no run is '{status}'", expected=f"one of {', '.join(RUN_STATUSES)}")
    with workspace.database.read() as connection:
        return rows.list_runs(connection, status=status, limit=limit)


def get_run(workspace: Workspace, run_id: str) -> RunRecord:
    """The run of this id.

    Raises:
        NotFoundError: there is none.
    """
    with workspace.database.read() as connection:
        return _find(connection, run_id)


def find_places(workspace: Workspace) -> dict[str, int]:
    """The place in its line's queue of every run that waits, by id; 1 is the next one."""
    places: dict[str, int] = {}
    waiting: dict[str, int] = {}
    with workspace.database.read() as connection:
        pending = rows.list_pending_runs(connection)
    for run in pending:
        if run.status == "queued":
            waiting[run.line] = places[run.id] = waiting.get(run.line, 0) + 1
    return places


def cancel_run(workspace: Workspace, actor: Actor, run_id: str) -> RunRecord:
    """The run after it was cancelled: at once where nothing works on it, else it is asked to stop.

    A working step stops where it next looks, which ``status`` shows then. What it made so far stays in
    the run's folder, so that a retry can go on.

    Raises:
        NotAllowedError: the actor may not cancel runs.
        NotFoundError: no such run.
        ConflictError: it has ended.
    """
    with act(workspace, actor, "run.cancel", subject=run_id) as deed:
        run = _find(deed.connection, run_id)
        asked = rows.ask_cancel(deed.connection, run.id, run.attempt)
        deed.nothing = not asked or run.cancel_asked
        deed.before = {"status": run.status, "attempt": run.attempt, "cancel_asked": False}
        deed.after = {"cancel_asked": True}
    if not asked:
        raise ConflictError(f"the run {run_id} has ended: it {_describe(get_run(workspace, run_id))}")
    with hold_worker_lock(workspace) as free:
        if free:
            _close_cancelled(workspace, get_run(workspace, run_id))
            return get_run(workspace, run_id)
    with workspace.database.begin() as connection:
        rows.end_queued_run(connection, run.id, run.attempt)
    return get_run(workspace, run_id)


def retry_run(workspace: Workspace, actor: Actor, run_id: str) -> RunRecord:
    """The run, queued again: it goes on at the step that failed or was cancelled.

    Raises:
        NotAllowedError: the actor may not retry runs.
        NotFoundError: no such run.
        ConflictError: it has neither failed nor been cancelled.
    """
    with act(workspace, actor, "run.retry", subject=run_id) as deed:
        run = _find(deed.connection, run_id)
        queued = rows.queue_again(deed.connection, run.id, run.attempt)
        deed.nothing = not queued
        deed.before = {"status": run.status, "attempt": run.attempt}
        deed.after = {"status": "queued", "attempt": run.attempt + 1}
    if not queued:
        current = get_run(workspace, run_id)
        raise ConflictError(
            f"the run {run_id} can't be retried: it {_describe(current)}",
            expected="a run that failed or was cancelled",
            hint="`seamark build` starts a new one",
        )
    return get_run(workspace, run_id)


def describe_run(run: RunRecord, *, place: int | None = None) -> dict[str, Any]:
    """A run as JSON, with its place in the queue where it waits."""
    return {
        "run": run.id,
        "pipeline": run.pipeline,
        "line": run.line,
        "trigger": run.trigger,
        "key": run.key,
        "payload": dict(run.payload),
        "status": run.status,
        "place": place,
        "outcome": run.outcome,
        "version": run.version,
        "experiment": run.experiment_id,
        "step": run.step,
        "done": run.done,
        "total": run.total,
        "message": run.message,
        "error": run.error,
        "attempt": run.attempt,
        "cancel_asked": run.cancel_asked,
        "created_at": _format_time(run.created_at),
        "started_at": _format_time(run.started_at),
        "finished_at": _format_time(run.finished_at),
    }


def _find(connection: Connection, run_id: str) -> RunRecord:
    run = rows.find_run(connection, run_id)
    if run is None:
        raise NotFoundError(f"the workspace has no run '{run_id}'", hint="seamark runs list")
    return run


def _close_cancelled(workspace: Workspace, run: RunRecord) -> None:
    """Cancel a run that nothing works on, the worker's place held so that nothing begins to."""
    from seamark.pipelines.execution import close_run

    close_run(workspace, run, status="cancelled", facts={})


def _describe(run: RunRecord) -> str:
    words = {"queued": "waits in the queue", "running": "is running", "cancelled": "was cancelled"}
    return words.get(run.status, run.status)


def _format_time(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat(timespec="seconds")
