"""Pipeline runs: looking at them, starting, cancelling and retrying them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from pydantic import StringConstraints

from seamark.governance.actors import Actor
from seamark.pipelines import runs
from seamark.pipelines.batch_jobs import hide_others_job
from seamark.pipelines.triggers import fire
from seamark.serving.api.fields import Answer, Facts, Id, Limit, OpenWorkspace, StrictBody, Time
from seamark.serving.dependencies import make_router, require_action
from seamark.storage.runs import RunRecord
from seamark.storage.workspace import Workspace

router = make_router(tag="runs")

_Kind = Literal["code-update", "skills-update", "performance-drop", "drift", "schedule", "manual"]
_Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
_Key = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class TriggerBody(StrictBody):
    """What happened; the same event again starts nothing."""

    kind: _Kind
    key: _Key | None = None
    commit: _Key | None = None
    window: _Key | None = None
    taxonomy: _Key | None = None
    force: bool = False


class RunAnswer(Answer):
    """A pipeline run."""

    run: str
    pipeline: str
    line: str
    trigger: str
    key: str
    payload: Facts
    status: str
    place: int | None
    outcome: str
    version: str | None
    experiment: str | None
    step: str
    done: int
    total: int
    message: str
    error: str
    attempt: int
    cancel_asked: bool
    created_at: Time
    started_at: Time | None
    finished_at: Time | None


class FiredAnswer(RunAnswer):
    """The run of an event, and whether the event is new."""

    created: bool


class RunsAnswer(Answer):
    """Runs, the newest first."""

    runs: list[RunAnswer]


@router.get("/runs", response_model=RunsAnswer)
def list_runs(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("read"))],
    status: Annotated[_Status | None, Query()] = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """Runs, the newest first."""
    places = runs.find_places(workspace)
    found = runs.list_runs(workspace, status=status, limit=limit)
    shown = [hide_others_job(actor, run) for run in found]
    return {"runs": [runs.describe_run(run, place=places.get(run.id)) for run in shown]}


@router.get("/runs/{id}", response_model=RunAnswer)
def get_run(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("read"))],
    id: Id,  # noqa: A002 - the path's own word
) -> dict[str, Any]:
    """One run."""
    return _describe(workspace, actor, runs.get_run(workspace, id))


@router.post("/triggers", response_model=FiredAnswer, status_code=202)
def fire_trigger(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("trigger.fire"))],
    body: TriggerBody,
) -> dict[str, Any]:
    """Start a pipeline run because something happened; a worker takes it from there."""
    told = body.model_dump(include={"commit", "window", "taxonomy"}, exclude_none=True)
    if body.force:
        told["force"] = True
    run, created = fire(workspace, actor, body.kind, key=body.key, payload=told)
    return _describe(workspace, actor, run) | {"created": created}


@router.post("/runs/{id}/cancel", response_model=RunAnswer)
def cancel_run(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("run.cancel"))],
    id: Id,  # noqa: A002
) -> dict[str, Any]:
    """Cancel a run: at once where nothing works on it, else it is asked to stop."""
    return _describe(workspace, actor, runs.cancel_run(workspace, actor, id))


@router.post("/runs/{id}/retry", response_model=RunAnswer)
def retry_run(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("run.retry"))],
    id: Id,  # noqa: A002
) -> dict[str, Any]:
    """Queue a failed or cancelled run again."""
    return _describe(workspace, actor, runs.retry_run(workspace, actor, id))


def _describe(workspace: Workspace, actor: Actor, run: RunRecord) -> dict[str, Any]:
    run = hide_others_job(actor, run)
    return runs.describe_run(run, place=runs.find_places(workspace).get(run.id))
