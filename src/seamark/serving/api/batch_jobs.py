"""Batch jobs: a file of texts that the worker extracts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from seamark.governance.actors import Actor
from seamark.pipelines import batch_jobs
from seamark.pipelines.batch_jobs import BatchJob
from seamark.serving.api.fields import Answer, Id, Limit, OpenWorkspace, StageName, Time
from seamark.serving.api.uploads import FILE_BODY, receive_file
from seamark.serving.dependencies import make_router, require_action
from seamark.storage.workspace import Workspace

router = make_router(tag="batch")

_LINES = "application/x-ndjson"
_Column = Annotated[str, Query(max_length=300, pattern=r"^[^\x00]*$")]
_IS_LINES: dict[int | str, dict[str, Any]] = {
    200: {"description": "JSON Lines", "content": {_LINES: {"schema": {"type": "string"}}}}
}


class BatchJobAnswer(Answer):
    """A file of texts that is extracted, and how far it is.

    ``done`` and ``total`` count rows while it is at work.
    """

    id: str
    status: str
    stage: str
    version: str
    filename: str
    who: str
    done: int
    total: int
    message: str
    error: str
    has_result: bool
    has_quarantine: bool
    created_at: Time
    started_at: Time | None
    finished_at: Time | None


class BatchJobsAnswer(Answer):
    """Batch jobs, the newest first."""

    batch_jobs: list[BatchJobAnswer]


@router.post("/batch-jobs", response_model=BatchJobAnswer, status_code=202, openapi_extra=FILE_BODY)
async def submit_batch(
    request: Request,
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("batch.submit"))],
    filename: Annotated[
        str,
        Query(min_length=1, max_length=200, description="The file's name, whose ending tells its format."),
    ],
    text_column: Annotated[_Column, Query(min_length=1, description="The column that holds the texts.")],
    id_column: Annotated[_Column, Query(description="A column that names rows that are set aside.")] = "",
    stage: Annotated[
        StageName | None, Query(description="Whose version answers; default: the server's default stage.")
    ] = None,
) -> dict[str, Any]:
    """Have a file of texts extracted by the version that the stage has now; the body is the file."""
    wanted: str = stage or request.app.state.runtime.default_stage
    async with receive_file(request, workspace, filename) as file:
        job = await run_in_threadpool(
            batch_jobs.submit_batch,
            workspace,
            actor,
            file,
            stage=wanted,
            text_column=text_column,
            id_column=id_column,
        )
    return _describe(job)


@router.get("/batch-jobs", response_model=BatchJobsAnswer)
def list_batch_jobs(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("batch.submit"))],
    limit: Limit = 100,
) -> dict[str, Any]:
    """One's own jobs, the newest first; administrators see everybody's."""
    return {"batch_jobs": [_describe(job) for job in batch_jobs.list_jobs(workspace, actor, limit=limit)]}


@router.get("/batch-jobs/{id}", response_model=BatchJobAnswer)
def get_batch_job(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("batch.submit"))],
    id: Id,  # noqa: A002 - the path's own word
) -> dict[str, Any]:
    """How far a job is."""
    return _describe(batch_jobs.get_job(workspace, actor, id))


@router.get("/batch-jobs/{id}/result", response_class=StreamingResponse, responses=_IS_LINES)
def get_batch_result(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("batch.submit"))],
    id: Id,  # noqa: A002
) -> StreamingResponse:
    """A line of JSON for each row of the file: its columns, and its skills."""
    return _send(workspace, actor, id, batch_jobs.locate_result)


@router.get("/batch-jobs/{id}/quarantine", response_class=StreamingResponse, responses=_IS_LINES)
def get_batch_quarantine(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("batch.submit"))],
    id: Id,  # noqa: A002
) -> StreamingResponse:
    """A line of JSON for each row without skills, and why."""
    return _send(workspace, actor, id, batch_jobs.locate_quarantine)


def _send(
    workspace: Workspace, actor: Actor, job_id: str, locate: Callable[[BatchJob], str]
) -> StreamingResponse:
    key = locate(batch_jobs.get_job(workspace, actor, job_id))
    size = workspace.store.size(key)  # fails here, while there is still a status to answer with
    headers = {"Content-Length": str(size)}
    return StreamingResponse(workspace.store.stream(key), media_type=_LINES, headers=headers)


def _describe(job: BatchJob) -> dict[str, Any]:
    run = job.run
    return {
        "id": run.id,
        "status": run.status,
        "stage": job.stage,
        "version": job.version,
        "filename": job.filename,
        "who": job.who,
        "done": run.done,
        "total": run.total,
        "message": run.message,
        "error": run.error,
        "has_result": job.has_result,
        "has_quarantine": job.has_quarantine,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }
