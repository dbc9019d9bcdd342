"""A run whose process is killed goes on at the next start, and has each effect once."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import made_up_pipeline
import pipeline_driver
import pytest
from pipeline_driver import list_boundaries, run_driver, start_driver

from seamark.pipelines.lock import read_holder
from seamark.pipelines.runs import list_runs
from seamark.storage.workspace import Workspace, create_workspace, open_workspace

STEPS = len(made_up_pipeline.NAMES)
QUICK = {"SEAMARK_PIPELINES_POLL_SECONDS": "0.05"}


@pytest.fixture
def folder(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace on each kind of database."""
    monkeypatch.setenv("SEAMARK_DATABASE_URL", database_url)
    create_workspace(tmp_path / "workspace").close()
    return tmp_path / "workspace"


def drive(folder: Path, **options):
    return run_driver(folder, pipelines="made_up_pipeline", env=QUICK, **options)


def read_executions(folder: Path) -> Counter[str]:
    return Counter(line.split()[1] for line in (folder / "executions.txt").read_text().splitlines())


def list_effects(workspace: Workspace) -> list[str]:
    return workspace.store.list("effects/")


def check_one_result(folder: Path) -> None:
    with open_workspace(folder) as workspace:
        runs = list_runs(workspace)
        effects = list_effects(workspace)
    assert [run.status for run in runs] == ["succeeded"]
    assert (runs[0].outcome, runs[0].message) == ("registered", "registered 1.0.0")
    assert runs[0].experiment_id == f"experiment-of-{runs[0].id}"
    assert effects == sorted(f"effects/{runs[0].id}/{name}" for name in made_up_pipeline.NAMES)


@pytest.mark.slow
def test_a_run_killed_at_every_boundary_in_turn_ends_with_one_result(folder):
    for boundary in list_boundaries(STEPS):
        code, _, err = drive(folder, die=boundary)
        assert code == -9, f"the process did not die {boundary}: {err}"
    code, run, err = drive(folder)
    assert code == 0, err
    assert run["status"] == "succeeded"
    check_one_result(folder)
    # each step began once, and again only because it was killed after it and before it was kept
    assert read_executions(folder) == dict.fromkeys(made_up_pipeline.NAMES, 2)


@pytest.mark.parametrize("boundary", [(2, "before"), (2, "after")])
def test_a_run_killed_once_repeats_only_the_step_that_was_not_kept(folder, boundary):
    assert drive(folder, die=boundary)[0] == -9
    code, run, err = drive(folder)
    assert (code, run["status"]) == (0, "succeeded"), err
    check_one_result(folder)
    twice = {"train": 2} if boundary[1] == "after" else {}
    assert read_executions(folder) == {"gather": 1, "train": 1, "register": 1} | twice


def test_a_run_whose_process_is_killed_in_the_middle_of_a_step_goes_on(folder):
    process = start_driver(folder, pipelines="made_up_pipeline", payload={"wait": "train"}, env=QUICK)
    wait_for(folder / "waiting")
    with open_workspace(folder) as workspace:
        assert [(run.status, run.step) for run in list_runs(workspace)] == [("running", "train")]
        assert read_holder(workspace).startswith(f"process {process.pid} ")
    process.kill()
    process.communicate()
    (folder / "go").touch()
    assert drive(folder, payload={"wait": "train"})[0] == 0
    check_one_result(folder)


def test_the_watcher_takes_over_when_the_worker_is_killed(folder):
    options = {"pipelines": "made_up_pipeline", "payload": {"wait": "train"}, "env": QUICK}
    first = start_driver(folder, **options)
    wait_for(folder / "waiting")
    second = start_driver(folder, **options)  # the same event: the same run
    time.sleep(0.5)
    first.kill()
    first.communicate()
    (folder / "go").touch()
    out, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    assert '"succeeded"' in out
    check_one_result(folder)


def test_without_the_engine_s_database_a_run_begins_again_and_has_each_effect_once(tmp_path):
    create_workspace(tmp_path / "workspace").close()
    assert drive(tmp_path / "workspace", die=(2, "after"))[0] == -9
    (tmp_path / "workspace" / "pipelines.db").unlink()
    assert drive(tmp_path / "workspace")[0] == 0
    check_one_result(tmp_path / "workspace")


def wait_for(path: Path, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.02)


def test_the_driver_knows_every_boundary():
    assert pipeline_driver.list_boundaries(1) == [(1, "before"), (1, "after"), (2, "before"), (2, "after")]
