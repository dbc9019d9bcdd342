"""The worker: takes queued runs one after the other, and fires the schedule's slots.

Whoever holds the workspace's worker lock is the worker: ``seamark worker`` for as long as it runs,
``seamark build`` until its own run has ended. Anybody else only watches.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seamark.capture.housekeeping import Housekeeping
from seamark.errors import StorageError, UsageError
from seamark.governance.actors import SYSTEM
from seamark.pipelines.lock import hold_worker_lock, read_holder
from seamark.pipelines.runs import get_run
from seamark.pipelines.triggers import fire, make_slot_key
from seamark.storage import runs as rows

if TYPE_CHECKING:
    from seamark.pipelines.engine import Engine
    from seamark.storage.runs import RunRecord
    from seamark.storage.workspace import Workspace

Watcher = Callable[["RunRecord"], None]


def run_worker(
    workspace: Workspace,
    *,
    once: bool = False,
    schedule: str = "",
    stop: threading.Event | None = None,
    watch: Watcher | None = None,
) -> None:
    """Work on queued runs until ``stop`` is set.

    What a killed worker left goes on first. When it stops, the run at work is left as it is and goes on
    at the next start.

    Args:
        workspace: whose runs.
        once: stop when nothing waits any more.
        schedule: a cron expression in UTC; each of its slots fires the trigger ``schedule`` once. Default:
            the setting ``pipelines.schedule``; empty there too: none.
        stop: set it to end the worker.
        watch: called with the run at work, several times a second.

    Raises:
        StorageError: another process is the worker, or the database can't be used.
        UsageError: the schedule can't be read.
    """
    stop = stop or threading.Event()
    slots = Slots(workspace, schedule or workspace.settings.pipelines.schedule)
    with hold_worker_lock(workspace) as held:
        if not held:
            raise StorageError(
                f"the workspace has a worker already: {read_holder(workspace)}",
                hint="stop it first, or let it do the work",
            )
        _work(workspace, slots, once=once, stop=stop, watch=watch)


def work_until_done(workspace: Workspace, run_id: str, *, watch: Watcher | None = None) -> RunRecord:
    """The run when it has ended: this process works on it, or watches the worker that does.

    Runs that were queued before it are worked on first. Should the worker that is watched die, this
    process takes its place.

    Raises:
        UsageError: no such run.
        StorageError: the database can't be used.
    """
    while True:
        with hold_worker_lock(workspace) as held:
            if held:
                return _work_on_one(workspace, run_id, watch)
        run = _look(workspace, run_id, watch)
        if run.is_over:
            return run
        _pause(workspace)


class Slots:
    """The slots of a cron expression in UTC, each fired once, whoever fires it.

    A slot that passed while no worker ran is fired at the next start, but only the latest one, and only
    where the schedule had fired before: a new schedule begins with its next slot.
    """

    def __init__(self, workspace: Workspace, expression: str) -> None:
        self._workspace = workspace
        self._expression = expression.strip()
        self._begun = datetime.now(UTC)
        self._fired: datetime | None = None
        if self._expression:
            _check_schedule(self._expression)

    def fire_due(self, now: datetime | None = None) -> RunRecord | None:
        """The run of the latest slot, where this call started it."""
        if not self._expression:
            return None
        slot = _find_last_slot(self._expression, now or datetime.now(UTC))
        if self._fired is None:
            self._fired = self._read_last()
        if slot <= self._fired:
            return None
        self._fired = slot
        payload = {"slot": slot.isoformat(), "schedule": self._expression}
        run, created = fire(self._workspace, SYSTEM, "schedule", key=make_slot_key(slot), payload=payload)
        return run if created else None

    def _read_last(self) -> datetime:
        with self._workspace.database.read() as connection:
            return rows.read_last_trigger_time(connection, "schedule") or self._begun


def _work(
    workspace: Workspace, slots: Slots, *, once: bool, stop: threading.Event, watch: Watcher | None
) -> None:
    from seamark.pipelines.engine import Engine

    last: RunRecord | None = None
    care = Housekeeping(workspace)
    with Engine(workspace) as engine:
        while not stop.is_set():
            slots.fire_due()
            if not once:
                care.run_due()
            at_work = _advance(workspace, engine)
            if last is not None and (at_work is None or at_work.id != last.id):
                _look(workspace, last.id, watch)  # its end
            if at_work is None and once:
                if last is not None:
                    engine.wait_until_kept(last)
                return
            if at_work is not None:
                _look(workspace, at_work.id, watch)
            last = at_work
            stop.wait(workspace.settings.pipelines.poll_seconds)


def _work_on_one(workspace: Workspace, run_id: str, watch: Watcher | None) -> RunRecord:
    if get_run(workspace, run_id).is_over:
        return _look(workspace, run_id, watch)
    from seamark.pipelines.engine import Engine

    with Engine(workspace) as engine:
        while True:
            _advance(workspace, engine)
            run = _look(workspace, run_id, watch)
            if run.is_over:
                engine.wait_until_kept(run)
                return run
            _pause(workspace)


def _advance(workspace: Workspace, engine: Engine) -> RunRecord | None:
    """Hand each line's next run to the engine; the first of them, or None where nothing is pending."""
    with workspace.database.read() as connection:
        pending = rows.list_pending_runs(connection)
    heads = {run.line: run for run in reversed(pending)}
    for run in heads.values():
        engine.hand_over(run)
    return pending[0] if pending else None


def _look(workspace: Workspace, run_id: str, watch: Watcher | None) -> RunRecord:
    run = get_run(workspace, run_id)
    if watch is not None:
        watch(run)
    return run


def _pause(workspace: Workspace) -> None:
    threading.Event().wait(workspace.settings.pipelines.poll_seconds)


def _check_schedule(expression: str) -> None:
    from croniter import croniter

    if not croniter.is_valid(expression):
        raise UsageError(
            f"the schedule {expression!r} can't be read",
            expected="a cron expression in UTC: minute, hour, day of month, month, day of week",
            hint="'0 3 * * 1' for Mondays at 3",
        )


def _find_last_slot(expression: str, now: datetime) -> datetime:
    """The latest slot that is not after ``now``."""
    from datetime import timedelta

    from croniter import croniter

    # croniter looks strictly before: a slot that is exactly now counts.
    found: datetime = croniter(expression, now + timedelta(seconds=1)).get_prev(datetime)
    return found.astimezone(UTC)
