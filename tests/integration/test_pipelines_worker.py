"""The worker with a real engine, in this process: queue, cancelling, retrying, schedules."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import made_up_pipeline
import pytest

from people import ADMIN
from seamark.errors import StorageError, UsageError
from seamark.pipelines import engine as engines
from seamark.pipelines import steps
from seamark.pipelines.engine import Engine
from seamark.pipelines.lock import hold_worker_lock
from seamark.pipelines.runs import cancel_run, find_places, get_run, list_runs, retry_run
from seamark.pipelines.triggers import fire
from seamark.pipelines.worker import Slots, run_worker, work_until_done
from seamark.storage.workspace import Workspace, create_workspace, open_workspace

NAMES = made_up_pipeline.NAMES


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_up_pipeline.make_template(tmp_path_factory.mktemp("template") / "workspace")


@pytest.fixture(autouse=True)
def _made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAMARK_PIPELINES_POLL_SECONDS", "0.02")
    for name in ("build", "skills-update"):
        monkeypatch.setitem(steps.PIPELINES, name, ("made_up_pipeline", "STEPS"))


@pytest.fixture
def workspace(template: Path, tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(shutil.copytree(template, tmp_path / "workspace")) as workspace:
        yield workspace


@contextmanager
def working(workspace: Workspace) -> Iterator[threading.Event]:
    """A worker in a thread while the block runs."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(run_worker, workspace, stop=stop)
        try:
            yield stop
        finally:
            stop.set()
            worker.result(timeout=30)


def wait_until(true: Callable[[], bool], seconds: float = 30) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if true():
            return
        pause.wait(0.02)
    raise AssertionError("it never became so")


def read_lines(workspace: Workspace, name: str) -> list[list[str]]:
    path = workspace.folder / name
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def test_a_run_goes_through_its_steps_and_each_knows_the_facts_of_those_before(workspace):
    run, _ = fire(workspace, ADMIN, "manual", payload={"warm_start": True})
    seen = []
    done = work_until_done(workspace, run.id, watch=lambda run: seen.append(run.status))
    assert (done.status, done.outcome, done.message) == ("succeeded", "registered", "registered 1.0.0")
    assert (done.step, done.done, done.total, done.error) == ("register", 2, 2, "")
    assert done.started_at is not None
    assert done.finished_at is not None
    assert seen[-1] == "succeeded"
    assert read_lines(workspace, "executions.txt") == [[run.id, name, "1"] for name in NAMES]
    assert not (workspace.folder / "finished.txt").exists()


def test_one_event_fired_by_many_at_once_starts_one_run(database_url, monkeypatch, tmp_path):
    monkeypatch.setenv("SEAMARK_DATABASE_URL", database_url)
    with create_workspace(tmp_path / "new") as workspace, ThreadPoolExecutor(8) as pool:
        fired = list(pool.map(lambda _: fire(workspace, ADMIN, "manual", key="same"), range(16)))
        assert sum(created for _, created in fired) == 1
        assert len({run.id for run, _ in fired}) == 1
        assert len(list_runs(workspace)) == 1


def test_runs_are_worked_on_one_after_the_other_the_oldest_first(workspace):
    runs = [fire(workspace, ADMIN, "manual", key=str(number))[0] for number in range(3)]
    assert find_places(workspace) == {run.id: place for place, run in enumerate(runs, start=1)}
    run_worker(workspace, once=True)
    assert [entry[0] for entry in read_lines(workspace, "executions.txt")] == [
        run.id for run in runs for _ in NAMES
    ]
    ended = [get_run(workspace, run.id) for run in runs]
    assert all(run.status == "succeeded" for run in ended)
    assert all(first.finished_at <= second.started_at for first, second in pairwise(ended))


def test_working_on_a_run_works_on_those_before_it_and_leaves_those_after_it(workspace):
    before, own, after = (fire(workspace, ADMIN, "manual", key=key)[0] for key in ("before", "own", "after"))
    work_until_done(workspace, own.id)
    assert [get_run(workspace, run.id).status for run in (before, own, after)] == [
        "succeeded",
        "succeeded",
        "queued",
    ]


def test_a_failed_run_says_why_and_its_retry_goes_on_at_the_step_that_failed(workspace):
    run, _ = fire(workspace, ADMIN, "manual", payload={"fail": "train"})
    failed = work_until_done(workspace, run.id)
    assert (failed.status, failed.step, failed.error) == (
        "failed",
        "train",
        "the train is broken; try: mend it",
    )
    trace = (workspace.runs / run.id / "error.txt").read_text()
    assert "InputError" in trace
    assert "attempt 1, step train" in trace
    assert read_lines(workspace, "finished.txt")[0][:2] == [run.id, "failed"]
    assert "experiment" in (workspace.folder / "finished.txt").read_text()
    assert workspace.store.list("effects/") == [f"effects/{run.id}/gather"]

    (workspace.folder / "mended").touch()
    assert retry_run(workspace, ADMIN, run.id).status == "queued"
    done = work_until_done(workspace, run.id)
    assert (done.status, done.attempt, done.error) == ("succeeded", 2, "")
    assert [entry[1:] for entry in read_lines(workspace, "executions.txt")] == [
        ["gather", "1"],
        ["train", "1"],
        ["train", "2"],
        ["register", "2"],
    ]


def test_a_retry_may_fail_again_and_be_retried_again(workspace):
    run, _ = fire(workspace, ADMIN, "manual", payload={"fail": "register"})
    for attempt in (1, 2):
        failed = work_until_done(workspace, run.id)
        assert (failed.status, failed.attempt) == ("failed", attempt)
        retry_run(workspace, ADMIN, run.id)
    (workspace.folder / "mended").touch()
    assert work_until_done(workspace, run.id).attempt == 3
    assert [entry[1:] for entry in read_lines(workspace, "executions.txt")] == [
        ["gather", "1"],
        ["train", "1"],
        ["register", "1"],
        ["register", "2"],
        ["register", "3"],
    ]


def test_a_working_run_stops_when_it_is_cancelled_and_the_next_one_begins(workspace):
    run, _ = fire(workspace, ADMIN, "manual", payload={"wait": "train"})
    following, _ = fire(workspace, ADMIN, "manual", key="following")
    with working(workspace):
        wait_until((workspace.folder / "waiting").exists)
        assert cancel_run(workspace, ADMIN, run.id).cancel_asked
        wait_until(lambda: get_run(workspace, following.id).is_over)
    cancelled = get_run(workspace, run.id)
    assert (cancelled.status, cancelled.step, cancelled.error) == ("cancelled", "train", "")
    assert read_lines(workspace, "finished.txt")[0][:2] == [run.id, "cancelled"]
    assert get_run(workspace, following.id).status == "succeeded"

    (workspace.folder / "go").touch()
    retry_run(workspace, ADMIN, run.id)
    assert work_until_done(workspace, run.id).status == "succeeded"
    executed = [entry[1] for entry in read_lines(workspace, "executions.txt") if entry[0] == run.id]
    assert executed == ["gather", "train", "train", "register"]


def test_a_waiting_run_is_cancelled_at_once_also_under_a_worker(workspace):
    run, _ = fire(workspace, ADMIN, "manual", payload={"wait": "gather"})
    waiting, _ = fire(workspace, ADMIN, "manual", key="waiting")
    with working(workspace):
        wait_until((workspace.folder / "waiting").exists)
        assert cancel_run(workspace, ADMIN, waiting.id).status == "cancelled"
        (workspace.folder / "go").touch()
        wait_until(lambda: get_run(workspace, run.id).is_over)
    assert get_run(workspace, waiting.id).status == "cancelled"
    assert {entry[0] for entry in read_lines(workspace, "executions.txt")} == {run.id}


def test_a_run_cancelled_before_it_began_can_be_retried(workspace):
    run, _ = fire(workspace, ADMIN, "manual")
    assert cancel_run(workspace, ADMIN, run.id).status == "cancelled"
    retry_run(workspace, ADMIN, run.id)
    done = work_until_done(workspace, run.id)
    assert (done.status, done.attempt) == ("succeeded", 2)


def test_a_stopped_worker_leaves_its_run_which_goes_on_at_the_next_start(workspace):
    run, _ = fire(workspace, ADMIN, "manual", payload={"wait": "train"})
    with working(workspace):
        wait_until((workspace.folder / "waiting").exists)
    left = get_run(workspace, run.id)
    assert (left.status, left.step, left.cancel_asked) == ("running", "train", False)
    (workspace.folder / "go").touch()
    assert work_until_done(workspace, run.id).status == "succeeded"
    assert [entry[1] for entry in read_lines(workspace, "executions.txt")] == [
        "gather",
        "train",
        "train",
        "register",
    ]


def test_a_step_that_does_not_give_way_outlives_its_engine_and_leaves_the_run_as_it_is(workspace):
    run, _ = fire(workspace, ADMIN, "manual", payload={"wait": "train", "stubborn": True})
    with Engine(workspace) as engine:
        engine.hand_over(run)
        wait_until((workspace.folder / "waiting").exists)
        assert not engine.close(patience=0.05)
    (workspace.folder / "go").touch()
    wait_until(lambda: f"effects/{run.id}/train" in workspace.store.list("effects/"))
    wait_until(lambda: not engine.is_working)
    assert get_run(workspace, run.id).status == "running"
    assert work_until_done(workspace, run.id).status == "succeeded"


def test_a_run_that_a_dead_worker_left_can_be_cancelled_without_a_worker(workspace):
    run, _ = fire(workspace, ADMIN, "manual", payload={"wait": "train"})
    with working(workspace):
        wait_until((workspace.folder / "waiting").exists)
    assert cancel_run(workspace, ADMIN, run.id).status == "cancelled"
    assert read_lines(workspace, "finished.txt")[0][:2] == [run.id, "cancelled"]
    run_worker(workspace, once=True)  # the engine knows the run and must not go on with it
    assert get_run(workspace, run.id).status == "cancelled"
    assert [entry[1] for entry in read_lines(workspace, "executions.txt")] == ["gather", "train"]


def test_a_second_worker_is_refused_and_told_who_works(workspace):
    with hold_worker_lock(workspace) as held:
        assert held
        with pytest.raises(StorageError, match=r"has a worker already: process \d+ on "):
            run_worker(workspace, once=True)


def test_on_postgresql_a_worker_of_another_folder_is_refused(postgres_url, monkeypatch, tmp_path):
    monkeypatch.setenv("SEAMARK_DATABASE_URL", postgres_url)
    with create_workspace(tmp_path / "one") as workspace, create_workspace(tmp_path / "other") as other:
        with hold_worker_lock(workspace) as first, hold_worker_lock(other) as second:
            assert (first, second) == (True, False)
        with hold_worker_lock(other) as again:
            assert again


def test_a_run_begun_by_another_version_of_the_pipelines_fails_and_its_retry_begins_anew(
    workspace, monkeypatch
):
    run, _ = fire(workspace, ADMIN, "manual", payload={"wait": "train"})
    with monkeypatch.context() as patch:
        patch.setattr(engines, "APPLICATION_VERSION", "pipelines-0")
        with working(workspace):
            wait_until((workspace.folder / "waiting").exists)
    failed = work_until_done(workspace, run.id)
    assert failed.status == "failed"
    assert "begun by pipelines-0, and this Seamark has pipelines-1" in failed.error
    (workspace.folder / "go").touch()
    retry_run(workspace, ADMIN, run.id)
    assert work_until_done(workspace, run.id).status == "succeeded"
    assert [entry[1:] for entry in read_lines(workspace, "executions.txt")][2:] == [
        [name, "2"] for name in NAMES
    ]


def test_a_pipeline_that_can_t_be_loaded_fails_its_run(workspace, monkeypatch):
    monkeypatch.setitem(steps.PIPELINES, "build", ("no_such_module", "STEPS"))
    run, _ = fire(workspace, ADMIN, "manual")
    failed = work_until_done(workspace, run.id)
    assert failed.status == "failed"
    assert failed.error == (
        "the pipeline 'build' needs the package 'no_such_module', which is not installed; "
        "try: pip install 'seamark[train]'"
    )


def test_an_engine_s_database_that_can_t_be_opened_is_one_clear_error(workspace, capfd):
    (workspace.folder / "pipelines.db").write_bytes(b"this is no database, whatever its name says" * 100)
    run, _ = fire(workspace, ADMIN, "manual")
    with pytest.raises(StorageError, match="the pipelines' database can't be used"):
        work_until_done(workspace, run.id)
    assert get_run(workspace, run.id).status == "queued"
    assert "Traceback" not in capfd.readouterr().err


def test_a_schedule_s_slots_are_fired_once_however_many_workers_look(workspace):
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    first, second = Slots(workspace, "0 * * * *"), Slots(workspace, "0 * * * *")
    assert first.fire_due(start + timedelta(minutes=30)) is None  # the slot before the schedule was new
    run = first.fire_due(start + timedelta(hours=1))
    assert run is not None
    assert (run.trigger, run.key) == ("schedule", f"{start + timedelta(hours=1):%Y-%m-%dT%H}")
    assert second.fire_due(start + timedelta(hours=1, minutes=1)) is None
    assert first.fire_due(start + timedelta(hours=1, minutes=59)) is None
    assert len(list_runs(workspace)) == 1


def test_of_slots_missed_while_no_worker_ran_only_the_latest_is_fired(workspace):
    start = datetime.now(UTC)
    Slots(workspace, "0 * * * *").fire_due(start + timedelta(hours=1))
    later = Slots(workspace, "0 * * * *")
    assert later.fire_due(start + timedelta(hours=9)) is not None
    assert later.fire_due(start + timedelta(hours=9)) is None
    assert len(list_runs(workspace)) == 2


def test_a_worker_fires_its_schedule_and_works_on_it(workspace, monkeypatch):
    run, _ = fire(workspace, ADMIN, "schedule", key="long ago")
    work_until_done(workspace, run.id)
    with monkeypatch.context() as patch:
        patch.setattr(Slots, "_read_last", lambda _: datetime.now(UTC) - timedelta(hours=2))
        run_worker(workspace, once=True, schedule="0 * * * *")
    newest = list_runs(workspace)[0]
    assert (newest.trigger, newest.status) == ("schedule", "succeeded")
    assert newest.payload["schedule"] == "0 * * * *"


def test_a_schedule_that_is_none_is_refused_before_anything_is_done(workspace):
    with pytest.raises(UsageError, match="the schedule 'every monday' can't be read"):
        run_worker(workspace, once=True, schedule="every monday")
    assert list_runs(workspace) == []
