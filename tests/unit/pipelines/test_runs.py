"""Listing, cancelling and retrying runs without a worker."""

from __future__ import annotations

import pytest

from people import ADMIN, list_audit
from seamark.errors import ConflictError, NotFoundError, UsageError
from seamark.pipelines.runs import cancel_run, describe_run, find_places, get_run, list_runs, retry_run
from seamark.pipelines.triggers import fire
from seamark.storage import runs as rows
from seamark.storage.workspace import create_workspace


@pytest.fixture
def workspace(tmp_path):
    with create_workspace(tmp_path) as workspace:
        yield workspace


def add(workspace, count):
    return [fire(workspace, ADMIN, "manual", key=str(number))[0].id for number in range(count)]


def change(workspace, do, *arguments, **values):
    with workspace.database.begin() as connection:
        return do(connection, *arguments, **values)


def test_runs_are_listed_the_newest_first(workspace):
    ids = add(workspace, 4)
    assert [run.id for run in list_runs(workspace)] == ids[::-1]
    assert [run.id for run in list_runs(workspace, limit=2)] == ids[:1:-1]
    change(workspace, rows.begin_run, ids[0], 1)
    assert [run.id for run in list_runs(workspace, status="running")] == ids[:1]


def test_those_that_wait_have_a_place(workspace):
    ids = add(workspace, 3)
    change(workspace, rows.begin_run, ids[0], 1)
    assert find_places(workspace) == {ids[1]: 1, ids[2]: 2}
    assert describe_run(get_run(workspace, ids[1]), place=1)["place"] == 1


def test_a_waiting_run_is_cancelled_at_once_and_only_once(workspace):
    [run_id] = add(workspace, 1)
    cancelled = cancel_run(workspace, ADMIN, run_id)
    assert (cancelled.status, cancelled.error) == ("cancelled", "")
    with pytest.raises(ConflictError, match="has ended: it was cancelled"):
        cancel_run(workspace, ADMIN, run_id)


def test_a_retry_is_the_same_run_s_next_attempt(workspace):
    [run_id] = add(workspace, 1)
    change(workspace, rows.begin_run, run_id, 1)
    change(workspace, rows.end_run, run_id, 1, status="failed", error="disk full")
    again = retry_run(workspace, ADMIN, run_id)
    assert (again.id, again.status, again.attempt, again.error) == (run_id, "queued", 2, "")
    assert again.finished_at is None
    assert not change(workspace, rows.begin_run, run_id, 1)  # the first attempt is over
    assert change(workspace, rows.begin_run, run_id, 2)


@pytest.mark.parametrize("status", ["queued", "running", "succeeded"])
def test_only_a_failed_or_cancelled_run_is_retried(workspace, status):
    [run_id] = add(workspace, 1)
    if status != "queued":
        change(workspace, rows.begin_run, run_id, 1)
    if status == "succeeded":
        change(workspace, rows.end_run, run_id, 1, status=status)
    with pytest.raises(ConflictError, match="can't be retried"):
        retry_run(workspace, ADMIN, run_id)


def test_a_run_is_marked_as_ended_once(workspace):
    [run_id] = add(workspace, 1)
    assert change(workspace, rows.end_run, run_id, 1, status="failed", error="first")
    assert not change(workspace, rows.end_run, run_id, 1, status="succeeded")
    assert not change(workspace, rows.begin_run, run_id, 1)
    assert get_run(workspace, run_id).error == "first"


def test_an_unknown_run_or_status_is_refused(workspace):
    with pytest.raises(NotFoundError, match="the workspace has no run 'run-1'"):
        get_run(workspace, "run-1")
    for do in (cancel_run, retry_run):
        with pytest.raises(NotFoundError, match="the workspace has no run 'run-1'"):
            do(workspace, ADMIN, "run-1")
    with pytest.raises(UsageError, match="no run is 'lost'; expected one of queued"):
        list_runs(workspace, status="lost")


def test_a_run_as_json_says_everything(workspace):
    [run_id] = add(workspace, 1)
    facts = describe_run(get_run(workspace, run_id))
    assert facts["run"] == run_id
    assert (facts["status"], facts["version"], facts["experiment"]) == ("queued", None, None)
    assert facts["created_at"].endswith("+00:00")


def test_cancelling_and_retrying_are_in_the_audit_trail(workspace):
    [run_id] = add(workspace, 1)
    cancel_run(workspace, ADMIN, run_id)
    retry_run(workspace, ADMIN, run_id)
    _, cancelled, retried = list_audit(workspace)
    assert (cancelled.action, cancelled.subject, cancelled.actor) == ("run.cancel", run_id, "ada")
    assert cancelled.before == {"status": "queued", "attempt": 1, "cancel_asked": False}
    assert (retried.action, retried.subject) == ("run.retry", run_id)
    assert (retried.before, retried.after) == (
        {"status": "cancelled", "attempt": 1},
        {"status": "queued", "attempt": 2},
    )


def test_what_comes_too_late_is_no_event(workspace):
    [run_id] = add(workspace, 1)
    cancel_run(workspace, ADMIN, run_id)
    with pytest.raises(ConflictError):
        cancel_run(workspace, ADMIN, run_id)
    retry_run(workspace, ADMIN, run_id)
    with pytest.raises(ConflictError):
        retry_run(workspace, ADMIN, run_id)
    assert [event.action for event in list_audit(workspace)] == ["trigger.fire", "run.cancel", "run.retry"]


def test_asking_again_to_cancel_a_run_at_work_is_no_event(workspace, monkeypatch):
    from contextlib import nullcontext

    [run_id] = add(workspace, 1)
    change(workspace, rows.begin_run, run_id, 1)
    # somebody else's worker works on it
    monkeypatch.setattr("seamark.pipelines.runs.hold_worker_lock", lambda _: nullcontext(False))
    assert [cancel_run(workspace, ADMIN, run_id).cancel_asked for _ in range(2)] == [True, True]
    assert len(list_audit(workspace, "run.cancel")) == 1
