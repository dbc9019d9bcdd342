"""`seamark build`, `trigger`, `runs` and `worker` as processes, with a made-up pipeline."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from made_up_pipeline import make_template

from seamark.pipelines.runs import describe_run, list_runs
from seamark.storage.workspace import open_workspace

COMMAND = [sys.executable, str(Path(__file__).parent / "seamark_with_made_up_pipeline.py")]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template") / "workspace")


@pytest.fixture
def folder(tmp_path: Path, template: Path) -> Path:
    return shutil.copytree(template, tmp_path / "workspace")


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    env = {**os.environ, "SEAMARK_WORKSPACE": str(folder), "SEAMARK_PIPELINES_POLL_SECONDS": "0.05"}
    return subprocess.Popen(
        [*COMMAND, *arguments], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def seamark(folder: Path, *arguments: str) -> tuple[int, str, str]:
    process = start(folder, *arguments)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def read_run(folder: Path) -> dict[str, Any]:
    """The only run of the workspace."""
    with open_workspace(folder) as workspace:
        [run] = list_runs(workspace)
    return describe_run(run)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.02)


def test_build_tells_each_step_with_its_time_and_what_came_of_it(folder):
    code, out, err = seamark(folder, "build", "--warm-start", "--from", "base")
    assert (code, out) == (0, "registered 1.0.0\n"), err
    assert "build, triggered by manual" in err
    for step in ("gather", "train", "register"):
        assert f"  {step} done in " in err
    run = read_run(folder)
    assert run["payload"] == {"warm_start": True, "start": "base", "who": "ada"}


def test_build_as_json_names_run_status_and_outcome(folder):
    code, out, _ = seamark(folder, "build", "--key", "k", "--json")
    run = json.loads(out)
    assert (code, run["status"], run["outcome"], run["version"]) == (0, "succeeded", "registered", None)
    assert run["experiment"] == f"experiment-of-{run['run']}"
    again = json.loads(seamark(folder, "build", "--key", "k", "--json")[1])
    assert again["run"] == run["run"]


def test_a_failed_run_leaves_with_its_cause_and_a_retry_goes_on(folder):
    payload = folder / "payload.json"
    payload.write_text('{"fail": "train"}')
    code, out, err = seamark(folder, "trigger", "manual", "--payload", f"@{payload}", "--wait")
    assert (code, out) == (1, "")
    run = next(iter((folder / "runs").iterdir())).name
    assert err.splitlines()[-1] == (
        f"seamark: the run {run} failed at the step 'train': the train is broken; try: mend it "
        f"(then: seamark runs retry {run})"
    )
    shown = json.loads(seamark(folder, "runs", "show", run, "--json")[1])
    assert (shown["status"], shown["step"]) == ("failed", "train")
    assert [(step["step"], step["seconds"] is not None) for step in shown["steps"]] == [
        ("gather", True),
        ("train", False),
    ]
    (folder / "mended").touch()
    code, out, err = seamark(folder, "runs", "retry", run, "--wait")
    assert (code, out) == (0, "registered 1.0.0\n"), err
    assert "attempt" in seamark(folder, "runs", "show", run)[1]


def test_a_trigger_is_queued_and_a_worker_works_on_it_once(folder):
    code, out, err = seamark(folder, "trigger", "code-update", "--commit", "abc123")
    assert (code, err) == (0, "queued; `seamark worker` works on it\n")
    run = out.strip()
    assert seamark(folder, "trigger", "code-update", "--commit", "abc123") == (
        0,
        f"{run}\n",
        "known before; the run is queued\n",
    )
    assert "queued, place 1" in " ".join(seamark(folder, "runs", "list")[1].split())
    assert seamark(folder, "worker", "--once")[0] == 0
    [entry] = json.loads(seamark(folder, "runs", "list", "--json")[1])
    assert (entry["run"], entry["status"]) == (run, "succeeded")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_stopped_worker_leaves_at_once_and_its_run_goes_on(folder, number, code):
    seamark(folder, "trigger", "manual", "--payload", '{"wait": "train"}')
    worker = start(folder, "worker")
    wait_for(folder / "waiting")
    assert "has a worker already: process " in seamark(folder, "worker")[2]
    worker.send_signal(number)
    _, err = worker.communicate(timeout=20)
    assert worker.returncode == code
    assert err.splitlines()[-1] == "seamark: stopped; what was at work goes on at the next start"
    (folder / "go").touch()
    assert seamark(folder, "worker", "--once")[0] == 0
    run = read_run(folder)
    assert run["status"] == "succeeded"


def test_a_stopped_build_leaves_its_run_pending_and_says_how_to_go_on(folder):
    build = start(folder, "trigger", "manual", "--payload", '{"wait": "train"}', "--wait")
    wait_for(folder / "waiting")
    build.send_signal(signal.SIGINT)
    _, err = build.communicate(timeout=20)
    assert build.returncode == 130
    assert "goes on with `seamark worker`, or ends with `seamark runs cancel`" in err
    run = read_run(folder)
    assert (run["status"], run["step"]) == ("running", "train")
    assert seamark(folder, "runs", "cancel", run["run"])[2] == f"{run['run']}: cancelled\n"
    code, _, err = seamark(folder, "runs", "cancel", run["run"])
    assert (code, err) == (2, f"seamark: the run {run['run']} has ended: it was cancelled\n")


def test_showing_a_run_can_follow_it(folder):
    seamark(folder, "trigger", "manual", "--payload", '{"wait": "train"}')
    worker = start(folder, "worker", "--once")
    wait_for(folder / "waiting")
    run = read_run(folder)
    watcher = start(folder, "runs", "show", run["run"], "--watch")
    time.sleep(0.6)
    (folder / "go").touch()
    out, err = watcher.communicate(timeout=30)
    assert (watcher.returncode, worker.wait(timeout=30)) == (0, 0)
    worker.communicate()
    assert "register done in" in err
    assert "succeeded" in out


def test_looking_at_runs_imports_no_engine(folder):
    code = (
        "import sys; from seamark.cli.main import app; "
        f"app(['runs', 'list', '--workspace', {str(folder)!r}], standalone_mode=False); "
        "sys.exit('dbos' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0
