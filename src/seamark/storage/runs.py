"""Rows of pipeline runs and of the triggers that started them, and the one worker's place.

The table is the queue: a run waits as ``queued`` until the worker takes it, the oldest first. Every
change names the status it starts from, so that a change that comes too late changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, case, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from seamark.storage.database import Database
from seamark.storage.ids import make_id
from seamark.storage.tables import LINE, runs, triggers, versions

PENDING = ("queued", "running")

# Any number will do; every worker on one PostgreSQL database asks for the same one.
_WORKER_PLACE = 0x5EA_0A2C


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One pipeline run.

    Attributes:
        id: the run's.
        pipeline: ``build``, ``skills-update`` or ``extract-batch``.
        line: the model line; one run of a line works at a time.
        trigger: the kind of trigger that started it.
        key: what makes the trigger's event one event.
        payload: what the trigger said.
        status: ``queued``, ``running``, ``succeeded``, ``failed`` or ``cancelled``.
        outcome: what came of it, in a word, such as ``registered`` or ``lost``; empty until then.
        step: the step it is at, or was at when it ended.
        done: how much of the step is done, in the step's own unit.
        total: how much there is; 0 where the step does not say.
        message: what the step says of itself; of an ended run, its result in a sentence.
        error: why it failed, in one line; empty otherwise.
        attempt: 1, and one more for every retry.
        experiment_id: the experiment that it makes, where it has begun one.
        version: the model version that it registered; None without.
        cancel_asked: whether somebody asked to cancel it while it ran.
        created_at: when it was triggered, in UTC.
        started_at: when its first step began; None before.
        finished_at: when it ended; None before.
    """

    id: str
    pipeline: str
    line: str
    trigger: str
    key: str
    payload: Mapping[str, Any]
    status: str
    outcome: str
    step: str
    done: int
    total: int
    message: str
    error: str
    attempt: int
    experiment_id: str | None
    version: str | None
    cancel_asked: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens to it unless somebody retries it."""
        return self.status not in PENDING


_FIELDS = tuple(RunRecord.__dataclass_fields__)


def add_triggered_run(
    connection: Connection,
    *,
    kind: str,
    key: str,
    payload: Mapping[str, Any],
    pipeline: str,
    line: str = LINE,
    run_id: str | None = None,
) -> tuple[RunRecord, bool]:
    """The run of this event, and whether it is new: an event that was there before starts nothing.

    ``run_id`` is the new run's, where it had to be known beforehand.
    """
    if (known := _find_triggered_run(connection, kind, key)) is not None:
        return known, False
    now, run_id, trigger_id = datetime.now(UTC), run_id or make_id("run"), make_id("trigger")
    row = {"id": trigger_id, "kind": kind, "key": key, "payload": dict(payload), "run_id": run_id}
    try:
        with connection.begin_nested():
            connection.execute(insert(triggers).values(**row, created_at=now))
    except IntegrityError:  # the same event came at the same moment, and the other one is stored by now
        other = _find_triggered_run(connection, kind, key)
        assert other is not None
        return other, False
    values = {"id": run_id, "pipeline": pipeline, "line": line, "trigger_id": trigger_id, "status": "queued"}
    connection.execute(insert(runs).values(**values, created_at=now))
    return _make_run(connection.execute(_select().where(runs.c.id == run_id)).one()), True


def _find_triggered_run(connection: Connection, kind: str, key: str) -> RunRecord | None:
    query = _select().where(triggers.c.kind == kind, triggers.c.key == key)
    row = connection.execute(query).one_or_none()
    return None if row is None else _make_run(row)


def find_run(connection: Connection, run_id: str) -> RunRecord | None:
    """The run of this id; None where there is none."""
    row = connection.execute(_select().where(runs.c.id == run_id)).one_or_none()
    return None if row is None else _make_run(row)


def list_runs(
    connection: Connection,
    *,
    status: str | None = None,
    pipeline: str | None = None,
    limit: int | None = None,
) -> list[RunRecord]:
    """Runs, the newest first; ``status`` and ``pipeline`` keep those of one status, of one pipeline."""
    query = _select().order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit)
    if status is not None:
        query = query.where(runs.c.status == status)
    if pipeline is not None:
        query = query.where(runs.c.pipeline == pipeline)
    return [_make_run(row) for row in connection.execute(query)]


def list_pending_runs(connection: Connection) -> list[RunRecord]:
    """Runs that have not ended, in the order in which they are worked on: running ones, then the oldest."""
    running_first = case((runs.c.status == "running", 0), else_=1)
    query = _select().where(runs.c.status.in_(PENDING)).order_by(running_first, runs.c.created_at, runs.c.id)
    return [_make_run(row) for row in connection.execute(query)]


def begin_run(connection: Connection, run_id: str, attempt: int) -> bool:
    """Mark a pending run's attempt as running; False where it has ended, or is at another attempt."""
    started = func.coalesce(runs.c.started_at, datetime.now(UTC))
    return _change(connection, run_id, attempt, status="running", started_at=started)


def begin_step(connection: Connection, run_id: str, attempt: int, step: str) -> bool:
    """Note which step a run is at, with nothing of it done; False where the run has ended."""
    return _change(connection, run_id, attempt, step=step, done=0, total=0, message="")


def note_progress(
    connection: Connection, run_id: str, attempt: int, *, message: str, done: int, total: int
) -> bool:
    """Note how far a run's step is; False where the run has ended."""
    return _change(connection, run_id, attempt, message=message, done=done, total=total)


def note_experiment(connection: Connection, run_id: str, attempt: int, experiment_id: str) -> bool:
    """Note which experiment a run makes; False where the run has ended."""
    return _change(connection, run_id, attempt, experiment_id=experiment_id)


def end_run(
    connection: Connection,
    run_id: str,
    attempt: int,
    *,
    status: str,
    outcome: str = "",
    message: str = "",
    error: str = "",
) -> bool:
    """Mark a pending run as ended; False where it had ended before, which leaves it as it was."""
    values = {"status": status, "outcome": outcome, "message": message, "error": error}
    return _change(connection, run_id, attempt, **values, finished_at=datetime.now(UTC))


def ask_cancel(connection: Connection, run_id: str, attempt: int) -> bool:
    """Ask a pending run to stop; False where it has ended."""
    return _change(connection, run_id, attempt, cancel_asked=True)


def end_queued_run(connection: Connection, run_id: str, attempt: int) -> bool:
    """Mark a run as cancelled if it still waits; False where it has been taken up or has ended."""
    changed = connection.execute(
        update(runs)
        .where(runs.c.id == run_id, runs.c.attempt == attempt, runs.c.status == "queued")
        .values(status="cancelled", finished_at=datetime.now(UTC))
    )
    return changed.rowcount > 0


def is_cancel_asked(connection: Connection, run_id: str) -> bool:
    """Whether somebody asked this run to stop."""
    return bool(connection.scalar(select(runs.c.cancel_asked).where(runs.c.id == run_id)))


def queue_again(connection: Connection, run_id: str, attempt: int) -> bool:
    """Queue a failed or cancelled run's next attempt; False where it is at another one."""
    fresh = {"outcome": "", "message": "", "error": "", "done": 0, "total": 0, "cancel_asked": False}
    changed = connection.execute(
        update(runs)
        .where(runs.c.id == run_id, runs.c.attempt == attempt, runs.c.status.in_(("failed", "cancelled")))
        .values(status="queued", attempt=attempt + 1, finished_at=None, **fresh)
    )
    return changed.rowcount > 0


def read_last_trigger_time(connection: Connection, kind: str) -> datetime | None:
    """When the newest trigger of a kind came, in UTC; None before the first."""
    query = select(triggers.c.created_at).where(triggers.c.kind == kind)
    return connection.scalar(query.order_by(triggers.c.created_at.desc()).limit(1))


@contextmanager
def hold_worker_place(database: Database) -> Iterator[bool]:
    """Hold the database's one worker place while the block runs; False where another process has it.

    Two machines may share a PostgreSQL database, where a lock in a folder says nothing; the server
    gives the place back when its holder's connection ends. On SQLite it is always free.
    """
    if database.engine.dialect.name != "postgresql":
        yield True
        return
    with database.engine.connect() as connection:
        held = bool(connection.scalar(select(func.pg_try_advisory_lock(_WORKER_PLACE))))
        connection.commit()
        try:
            yield held
        finally:
            # A server that went away has dropped the lock by itself.
            with suppress(DBAPIError):
                if held:
                    connection.scalar(select(func.pg_advisory_unlock(_WORKER_PLACE)))
                    connection.commit()


def _change(connection: Connection, run_id: str, attempt: int, **values: Any) -> bool:
    changed = connection.execute(
        update(runs)
        .where(runs.c.id == run_id, runs.c.attempt == attempt, runs.c.status.in_(PENDING))
        .values(**values)
    )
    return changed.rowcount > 0


def _select() -> Select[Any]:
    """Runs with what their trigger said and the version they registered, in a RunRecord's order."""
    elsewhere = {
        "trigger": triggers.c.kind,
        "key": triggers.c.key,
        "payload": triggers.c.payload,
        "version": versions.c.number,
    }
    columns = [elsewhere[name] if name in elsewhere else runs.c[name] for name in _FIELDS]
    registered = (versions.c.run_id == runs.c.id) & (versions.c.status == "registered")
    return select(*columns).join(triggers, triggers.c.id == runs.c.trigger_id).outerjoin(versions, registered)


def _make_run(row: Row[Any]) -> RunRecord:
    return RunRecord(**dict(zip(_FIELDS, row, strict=True)))
