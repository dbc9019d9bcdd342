"""How one step is run and how a run ends, whatever engine calls.

Nothing here raises because a step failed: a failure is a result as well, which the engine keeps like any
other, so that it is the same after a restart.
"""

from __future__ import annotations

import json
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seamark.errors import SeamarkError
from seamark.pipelines.reporting import RunReporter, write_log
from seamark.pipelines.steps import Pipeline, RunCancelledError, Step, StepContext, get_pipeline
from seamark.storage import runs as rows
from seamark.storage.experiments import reopen_experiment
from seamark.storage.runs import RunRecord

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

Facts = dict[str, Any]

_TRACE = "error.txt"


class RunInterrupted(BaseException):
    """The worker is stopping in the middle of a step.

    A BaseException, so that neither a step's own handlers nor the engine take it for the step's result:
    nothing is kept, and the step runs again at the next start.
    """


def make_folder(workspace: Workspace, run_id: str) -> Path:
    """The run's own folder, made where missing."""
    folder = workspace.runs / run_id
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def execute_step(
    workspace: Workspace, run: RunRecord, step: Step, facts: Mapping[str, Any], stopping: threading.Event
) -> dict[str, Any]:
    """What came of a step, as the engine keeps it: ``{"facts": …}``, or ``{"status": …, "error": …}``.

    Raises:
        RunInterrupted: the worker is stopping and the step gave way; nothing is to be kept.
    """
    reporter = RunReporter(workspace, run.id, run.attempt, stopping)
    context = _make_context(workspace, run, facts, reporter)
    started = time.monotonic()
    _note_step(workspace, run, step, context)
    try:
        if "outcome" not in facts:  # what is left after a result is tidying up: too late to cancel
            context.stop_if_asked()
        found = _check_facts(step, step.run(context))
    except RunCancelledError:
        if stopping.is_set() and not reporter.is_cancel_asked():
            raise RunInterrupted from None
        return {"status": "cancelled", "error": ""}
    except Exception as error:  # noqa: BLE001 - whatever a step raises is the run's cause of failure
        _write_trace(context.folder, step, run.attempt)
        return {"status": "failed", "error": explain(error)}
    seconds = round(time.monotonic() - started, 3)
    write_log(context.folder, "step-done", step=step.name, attempt=run.attempt, seconds=seconds)
    _note_experiment(workspace, run, found)
    return {"facts": found}


def close_run(
    workspace: Workspace, run: RunRecord, *, status: str, facts: Mapping[str, Any], error: str = ""
) -> None:
    """End a run: let its pipeline tidy up unless it succeeded, then mark it.

    The tidying comes first: were the process killed between the two, it would be done twice rather than
    never. A run that has ended stays as it is.
    """
    folder = make_folder(workspace, run.id)
    with workspace.database.read() as connection:
        current = rows.find_run(connection, run.id)
    if current is None or current.is_over or current.attempt != run.attempt:
        return
    if status != "succeeded":
        _tidy_up(workspace, run, status, facts, error)
    with workspace.database.begin() as connection:
        ended = rows.end_run(
            connection,
            run.id,
            run.attempt,
            status=status,
            outcome=str(facts.get("outcome", "")) if status == "succeeded" else "",
            message=str(facts.get("summary", "")) if status == "succeeded" else "",
            error=error,
        )
    if ended:
        write_log(folder, f"run-{status}", attempt=run.attempt, error=error)


def explain(error: BaseException) -> str:
    """An error as one readable line."""
    if isinstance(error, SeamarkError):
        text = str(error)
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}{f' ({error.filename})' if error.filename else ''}"
    else:
        text = f"{type(error).__name__}: {error}".removesuffix(": ")
    return " ".join(text.split())


def _tidy_up(workspace: Workspace, run: RunRecord, status: str, facts: Mapping[str, Any], error: str) -> None:
    """Call the pipeline's ``finish``; should that fail too, the run's own cause still counts."""
    reporter = RunReporter(workspace, run.id, run.attempt, threading.Event())
    context = _make_context(workspace, run, facts, reporter)
    try:
        pipeline: Pipeline = get_pipeline(run.pipeline)
        if pipeline.finish is not None:
            pipeline.finish(context, status, error)
    except Exception as second:  # noqa: BLE001
        write_log(context.folder, "finish-failed", error=explain(second))


def _make_context(
    workspace: Workspace, run: RunRecord, facts: Mapping[str, Any], reporter: RunReporter
) -> StepContext:
    return StepContext(
        workspace=workspace,
        run_id=run.id,
        folder=make_folder(workspace, run.id),
        payload=run.payload,
        facts=dict(facts),
        trigger=run.trigger,
        attempt=run.attempt,
        reporter=reporter,
    )


def _note_step(workspace: Workspace, run: RunRecord, step: Step, context: StepContext) -> None:
    write_log(context.folder, "step-started", step=step.name, attempt=run.attempt)
    with workspace.database.begin() as connection:
        rows.begin_step(connection, run.id, run.attempt, step.name)
        if run.attempt > 1 and "experiment" in context.facts:  # the attempt before closed it
            reopen_experiment(connection, str(context.facts["experiment"]))


def _note_experiment(workspace: Workspace, run: RunRecord, found: Facts) -> None:
    if "experiment" in found:
        with workspace.database.begin() as connection:
            rows.note_experiment(connection, run.id, run.attempt, str(found["experiment"]))


def _check_facts(step: Step, found: Mapping[str, Any]) -> Facts:
    """The facts as they will be read again, from JSON."""
    try:
        facts: Facts = json.loads(json.dumps(dict(found)))
    except (TypeError, ValueError) as error:
        raise TypeError(f"the step '{step.name}' returned what is not JSON: {error}") from error
    return facts


def _write_trace(folder: Path, step: Step, attempt: int) -> None:
    text = f"attempt {attempt}, step {step.name}\n\n{traceback.format_exc()}"
    (folder / _TRACE).write_text(text, encoding="utf-8")
