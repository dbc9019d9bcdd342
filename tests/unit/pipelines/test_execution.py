"""How a step's result is told apart, and how a run ends."""

from __future__ import annotations

import errno
import sys
import threading
import types

import pytest

from people import ADMIN
from seamark.errors import InputError, MissingExtraError
from seamark.pipelines import steps
from seamark.pipelines.execution import RunInterrupted, close_run, execute_step, explain
from seamark.pipelines.reporting import RunReporter, read_log, write_log
from seamark.pipelines.runs import get_run
from seamark.pipelines.steps import RunCancelledError, Step
from seamark.pipelines.triggers import fire
from seamark.storage import runs as rows
from seamark.storage.workspace import create_workspace


@pytest.fixture
def workspace(tmp_path):
    with create_workspace(tmp_path, environ={"SEAMARK_HOME": str(tmp_path)}) as workspace:
        yield workspace


@pytest.fixture
def run(workspace):
    """A run at work."""
    run, _ = fire(workspace, ADMIN, "manual", payload={"warm_start": True})
    with workspace.database.begin() as connection:
        rows.begin_run(connection, run.id, 1)
    return get_run(workspace, run.id)


def execute(workspace, run, body, *, stopping=False, facts=None):
    event = threading.Event()
    if stopping:
        event.set()
    return execute_step(workspace, run, Step("train", body), facts or {}, event)


def ask_to_cancel(workspace, run):
    with workspace.database.begin() as connection:
        assert rows.ask_cancel(connection, run.id, run.attempt)


def test_a_step_sees_its_run_and_its_facts_are_kept_as_json(workspace, run):
    seen = []

    def body(context):
        seen.append(context)
        return {"numbers": (1, 2), "experiment": "experiment-1"}

    result = execute(workspace, run, body, facts={"before": 1})
    assert result == {"facts": {"numbers": [1, 2], "experiment": "experiment-1"}}
    context = seen[0]
    assert (context.payload, context.facts, context.trigger) == (
        {"warm_start": True, "who": "ada"},
        {"before": 1},
        "manual",
    )
    assert context.folder == workspace.runs / run.id
    assert context.folder.is_dir()
    current = get_run(workspace, run.id)
    assert (current.step, current.experiment_id) == ("train", "experiment-1")
    assert [entry["action"] for entry in read_log(context.folder)] == ["step-started", "step-done"]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("no examples", hint="import some"), "no examples; try: import some"),
        (MissingExtraError("training", package="torch", extra="train"), "pip install 'seamark[train]'"),
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), "No space left on device (/a/b)"),
        (KeyError("x"), "KeyError: 'x'"),
        (ValueError("two\nlines"), "ValueError: two lines"),
    ],
)
def test_whatever_a_step_raises_is_one_line_and_a_trace(workspace, run, error, line):
    def body(context):
        raise error

    result = execute(workspace, run, body)
    assert result["status"] == "failed"
    assert line in result["error"]
    assert "\n" not in result["error"]
    assert type(error).__name__ in (workspace.runs / run.id / "error.txt").read_text()


def test_facts_that_are_not_json_fail_the_step(workspace, run):
    result = execute(workspace, run, lambda context: {"folder": object()})
    assert "the step 'train' returned what is not JSON" in result["error"]


def test_a_cancelled_run_s_step_does_not_begin(workspace, run):
    ask_to_cancel(workspace, run)
    result = execute(workspace, run, lambda context: pytest.fail("it began"))
    assert result == {"status": "cancelled", "error": ""}


def test_a_run_that_has_its_result_is_past_cancelling(workspace, run):
    ask_to_cancel(workspace, run)
    assert execute(workspace, run, lambda context: {}, facts={"outcome": "registered"}) == {"facts": {}}


def test_a_step_that_gives_way_to_a_cancel_is_cancelled_also_while_the_worker_stops(workspace, run):
    ask_to_cancel(workspace, run)
    assert execute(workspace, run, lambda context: {}, stopping=True)["status"] == "cancelled"


def test_a_step_that_gives_way_to_a_stopping_worker_leaves_no_result(workspace, run):
    with pytest.raises(RunInterrupted):
        execute(workspace, run, lambda context: {}, stopping=True)
    assert get_run(workspace, run.id).status == "running"


def test_a_step_that_stops_by_itself_is_cancelled(workspace, run):
    def body(context):
        raise RunCancelledError("enough")

    assert execute(workspace, run, body)["status"] == "cancelled"


def test_a_run_that_ended_stays_as_it_is(workspace, run):
    close_run(workspace, run, status="succeeded", facts={"outcome": "registered", "summary": "good"})
    ended = get_run(workspace, run.id)
    assert (ended.status, ended.outcome, ended.message) == ("succeeded", "registered", "good")
    close_run(workspace, run, status="failed", facts={}, error="too late")
    assert get_run(workspace, run.id) == ended


def test_a_pipeline_that_can_t_tidy_up_does_not_hide_the_run_s_own_cause(workspace, run, monkeypatch):
    def finish(context, status, error):
        raise OSError("the tidying broke")

    module = types.ModuleType("made_up")
    module.STEPS, module.finish = [], finish
    monkeypatch.setitem(sys.modules, "made_up", module)
    monkeypatch.setitem(steps.PIPELINES, "build", ("made_up", "STEPS"))
    close_run(workspace, run, status="failed", facts={}, error="the cause")
    assert get_run(workspace, run.id).error == "the cause"
    assert read_log(workspace.runs / run.id)[0]["error"] == "OSError: the tidying broke"


def test_progress_is_written_seldom_but_its_end_always(workspace, run):
    reporter = RunReporter(workspace, run.id, 1, threading.Event())
    for done in range(11):
        reporter.progress(f"batch {done}", done, 10)
        if done == 5:
            assert get_run(workspace, run.id).done == 0
    current = get_run(workspace, run.id)
    assert (current.message, current.done, current.total) == ("batch 10", 10, 10)


def test_progress_of_an_attempt_that_is_over_changes_nothing(workspace, run):
    close_run(workspace, run, status="succeeded", facts={})
    RunReporter(workspace, run.id, 1, threading.Event()).progress("late", 1, 2)
    RunReporter(workspace, run.id, 2, threading.Event()).progress("early", 1, 2)
    assert get_run(workspace, run.id).message == ""


def test_a_log_with_a_torn_line_is_read_without_it(tmp_path):
    assert read_log(tmp_path) == []
    write_log(tmp_path, "step-started", step="train")
    with (tmp_path / "log.jsonl").open("a") as stream:
        stream.write('{"at": "2026')
    assert [entry["action"] for entry in read_log(tmp_path)] == ["step-started"]


def test_an_error_without_words_is_named():
    assert explain(TimeoutError()) == "TimeoutError"


@pytest.mark.parametrize(
    ("status", "then"), [("failed", "running"), ("cancelled", "running"), ("lost", "lost")]
)
def test_a_retried_run_s_experiment_runs_again_unless_it_was_decided(workspace, run, status, then):
    from seamark.registry.experiments import finish_experiment, get_experiment, start_experiment

    experiment = start_experiment(workspace, run_id=run.id, kind="build")
    finish_experiment(workspace, experiment.id, status=status, error="the disk was full")
    close_run(workspace, run, status="failed", facts={})
    with workspace.database.begin() as connection:
        rows.queue_again(connection, run.id, 1)
        rows.begin_run(connection, run.id, 2)
    execute(workspace, get_run(workspace, run.id), lambda _: {}, facts={"experiment": experiment.id})
    assert get_experiment(workspace, experiment.id).status == then
