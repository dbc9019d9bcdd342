"""What is told of a run while it goes on, and when it has ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from people import ADMIN
from seamark.cli._watching import watch_runs
from seamark.pipelines.execution import make_folder
from seamark.pipelines.reporting import write_log
from seamark.pipelines.runs import get_run
from seamark.pipelines.triggers import fire
from seamark.storage.workspace import create_workspace


@pytest.fixture
def workspace(tmp_path):
    with create_workspace(tmp_path) as made:
        yield made


@pytest.fixture
def run(workspace):
    fired, _ = fire(workspace, ADMIN, "manual")
    return get_run(workspace, fired.id)


def note(workspace, run, action, attempt=1, **fields):
    write_log(make_folder(workspace, run.id), action, attempt=attempt, **fields)


def test_the_end_of_a_run_is_told_once(workspace, run, capsys):
    done = replace(run, status="succeeded", outcome="registered", message="registered 1.1.0")
    with watch_runs(workspace, tell_end=True) as tell:
        tell(run)
        tell(done)
        tell(done)
    assert capsys.readouterr().err.splitlines() == [
        f"{run.id}: build, triggered by manual",
        f"{run.id}: registered 1.1.0",
    ]


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (
            {"status": "failed", "step": "train", "error": "the disk is full"},
            "failed at the step 'train': the disk is",
        ),
        ({"status": "cancelled"}, "was cancelled; try: seamark runs retry run-"),
    ],
)
def test_a_run_that_did_not_succeed_is_told_with_what_to_do(workspace, run, capsys, end, told):
    with watch_runs(workspace, tell_end=True) as tell:
        tell(replace(run, **end))
    last = capsys.readouterr().err.splitlines()[-1]
    assert told in last
    assert f"seamark runs retry {run.id}" in last


def test_the_command_that_tells_the_end_itself_hears_it_from_nobody_else(workspace, run, capsys):
    with watch_runs(workspace) as tell:
        tell(replace(run, status="succeeded", message="registered 1.1.0"))
    assert "registered" not in capsys.readouterr().err


def test_of_a_run_that_was_retried_the_last_attempt_is_told(workspace, run, capsys):
    note(workspace, run, "step-started", step="train")
    with watch_runs(workspace) as tell:
        tell(replace(run, status="failed"))
        note(workspace, run, "step-started", attempt=2, step="train")
        note(workspace, run, "step-done", attempt=2, step="train", seconds=2.0)
        tell(replace(run, attempt=2))
    assert capsys.readouterr().err.splitlines() == [
        f"{run.id}: build, triggered by manual",
        "  train …",
        f"{run.id}: build, triggered by manual, attempt 2",
        "  train …",
        "  train done in 2.0 s",
    ]
