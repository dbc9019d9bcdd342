"""Batch jobs: a table of texts that the worker extracts with the version that a stage had when it was asked for.

Choices:
- A job is a run of the pipeline ``extract-batch``; the job's id is the run's. Its line is its own, so that a
  job does not wait behind a training.
- The version, and the stage's threshold and number of skills, are pinned when the job is asked for: a
  promotion in the middle changes no row.
- The file is looked at when it is brought, so that a wrong column is refused at once, to whoever brought it.

The objects of a job are ``batch/<job>/input.<suffix>``, ``output.jsonl`` and ``quarantine.jsonl``, the last only
where a row is without a prediction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from seamark.delivery.pinning import pin_stage
from seamark.errors import ConflictError, InputError, NotFoundError, UsageError
from seamark.extraction.batch import BatchOptions, plan_batch
from seamark.governance.acting import act, may, require
from seamark.storage import runs as rows
from seamark.storage.ids import make_id
from seamark.storage.runs import RunRecord

if TYPE_CHECKING:
    from seamark.governance.actors import Actor
    from seamark.storage.workspace import Workspace

PIPELINE, LINE, TRIGGER = "extract-batch", "batch", "batch-job"
SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
"""Names of files that a job takes end in one of these."""

OUTPUT, QUARANTINE = "output.jsonl", "quarantine.jsonl"
WHOLE, PARTLY = "extracted", "partly-extracted"
"""What came of a job: every row has a prediction, or some are set aside."""

_LONGEST_NAME = 200
_SEES_ALL = "people.read"  # who may do this sees everybody's jobs


@dataclass(frozen=True, slots=True)
class BatchJob:
    """A batch job.

    Attributes:
        run: the run that does it; its id is the job's.
        stage: the stage that was asked for.
        version: the version that was on it.
        who: who asked.
        filename: the file's name, as it was brought.
        has_result: whether the result can be fetched.
        has_quarantine: whether some rows are without skills, and listed.
    """

    run: RunRecord
    stage: str
    version: str
    who: str
    filename: str
    has_result: bool
    has_quarantine: bool


def submit_batch(
    workspace: Workspace,
    actor: Actor,
    file: Path,
    *,
    stage: str,
    text_column: str,
    id_column: str = "",
    filename: str = "",
) -> BatchJob:
    """A new job that extracts every row of ``file``; a worker takes it from there.

    Args:
        workspace: where.
        actor: who asks.
        file: a table as ``seamark extract-batch`` reads it; it may be removed afterwards.
        stage: the stage whose version answers.
        text_column: the column that holds the texts.
        id_column: a column that names rows in the list of rows without skills; empty for none.
        filename: the file's name as people know it; default: its own.

    Raises:
        NotAllowedError: the actor may not.
        NotFoundError: there is no such stage.
        ConflictError: the stage has no version.
        UsageError: there is no such column, or the name tells no format.
        InputError: the file is no table, or not what its name says.
        StorageError: database or object store can't be written.
    """
    name = _check_name(filename or file.name)
    job_id = make_id("batch")
    require(workspace, actor, "batch.submit", subject=job_id)  # before anything is read
    pinned = pin_stage(workspace, stage)
    _look_at(file, name, BatchOptions(text_column=text_column, id_column=id_column))
    key = f"batch/{job_id}/input{PurePath(name).suffix.lower()}"
    payload = {
        **asdict(pinned),
        "text_column": text_column,
        "id_column": id_column,
        "filename": name,
        "input_key": key,
        "who": actor.name,
    }
    workspace.store.upload_file(file, key)
    try:
        run = _add_run(workspace, actor, job_id, payload)
    except BaseException:
        workspace.store.delete(key)
        raise
    return _describe(run)


def get_job(workspace: Workspace, actor: Actor, job_id: str) -> BatchJob:
    """One's own job of this id; administrators see everybody's.

    Raises:
        NotAllowedError: the actor may not have files extracted.
        NotFoundError: there is none, or it is somebody else's.
    """
    require(workspace, actor, "batch.submit", subject=job_id)
    with workspace.database.read() as connection:
        run = rows.find_run(connection, job_id)
    if run is None or run.pipeline != PIPELINE or not _sees(actor, run):
        raise NotFoundError(f"there is no batch job '{job_id}'")
    return _describe(run)


def list_jobs(workspace: Workspace, actor: Actor, *, limit: int = 100) -> list[BatchJob]:
    """One's own jobs, the newest first; administrators see everybody's.

    Raises:
        NotAllowedError: the actor may not have files extracted.
    """
    require(workspace, actor, "batch.submit")
    with workspace.database.read() as connection:
        found = rows.list_runs(connection, pipeline=PIPELINE)
    return [_describe(run) for run in found if _sees(actor, run)][:limit]


def locate_result(job: BatchJob) -> str:
    """The key of a job's result: JSON Lines, a row for each row of the file.

    Raises:
        ConflictError: the job has not succeeded.
    """
    if not job.has_result:
        raise ConflictError(
            f"the batch job {job.run.id} has no result: it {_tell(job.run)}", expected="a job that succeeded"
        )
    return locate(job.run.id, OUTPUT)


def locate_quarantine(job: BatchJob) -> str:
    """The key of the list of rows without skills: JSON Lines.

    Raises:
        ConflictError: the job has not succeeded.
        NotFoundError: every row has skills, or was extracted and calls for none.
    """
    locate_result(job)
    if not job.has_quarantine:
        raise NotFoundError(f"no row of the batch job {job.run.id} was set aside")
    return locate(job.run.id, QUARANTINE)


def _tell(run: RunRecord) -> str:
    words = {"queued": "waits", "running": "is at work", "failed": f"failed ({run.error})"}
    return words.get(run.status, f"was {run.status}")


def hide_others_job(actor: Actor, run: RunRecord) -> RunRecord:
    """The run; of somebody else's batch job without what is told of their file. Administrators see everybody's."""
    if run.pipeline != PIPELINE or _sees(actor, run):
        return run
    told = {name: run.payload.get(name) for name in ("stage", "version", "who")}
    return replace(run, payload=told, error="not shown" if run.error else "")


def _sees(actor: Actor, run: RunRecord) -> bool:
    return run.payload.get("who") == actor.name or may(actor, _SEES_ALL)


def _describe(run: RunRecord) -> BatchJob:
    told = run.payload
    return BatchJob(
        run=run,
        stage=str(told["stage"]),
        version=str(told["version"]),
        who=str(told["who"]),
        filename=str(told["filename"]),
        has_result=run.status == "succeeded",
        has_quarantine=run.outcome == PARTLY,
    )


def locate(job_id: str, name: str) -> str:
    """The key of one of a job's objects."""
    return f"batch/{job_id}/{name}"


def _check_name(name: str) -> str:
    """The file's own name, without folders.

    Raises:
        UsageError: it tells no format, or can't be a name.
    """
    plain = PurePath(name.replace("\\", "/")).name
    good = plain.isprintable() and 0 < len(plain.encode("utf-8", "replace")) <= _LONGEST_NAME
    if not good or PurePath(plain).suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"the file is named {plain[:_LONGEST_NAME]!r}", expected=f"a name in {', '.join(SUFFIXES)}"
        )
    return plain


def _look_at(file: Path, name: str, options: BatchOptions) -> None:
    """Refuse a file that can't be worked on."""
    with naming(file, name):
        plan_batch(file, file.with_name(f"{file.name}.{OUTPUT}"), options)


def _add_run(workspace: Workspace, actor: Actor, job_id: str, payload: Mapping[str, Any]) -> RunRecord:
    with act(workspace, actor, "batch.submit", subject=job_id) as deed:
        run, _ = rows.add_triggered_run(
            deed.connection,
            kind=TRIGGER,
            key=job_id,
            payload=payload,
            pipeline=PIPELINE,
            line=LINE,
            run_id=job_id,
        )
        # Not the file's name, which may name a person: the trail is never shortened.
        deed.after = {name: payload[name] for name in ("stage", "version")}
    return run


@contextmanager
def naming(file: Path, name: str) -> Iterator[None]:
    """A block whose errors call ``file`` by its name, and don't say where it lies."""
    try:
        yield
    except (UsageError, InputError) as error:
        found, hint = (text.replace(str(file), name) for text in (error.found, error.hint))
        raise type(error)(found, expected=error.expected, hint=hint) from error
