"""Batch jobs and a real worker: killed in the middle, beside a training, on both databases and both stores."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import made_up_pipeline
import pytest
from local_server import serve_app

from people import ADMIN
from seamark.client import Client
from seamark.governance.people import add_first_administrator
from seamark.governance.tokens import create_token
from seamark.pipelines import steps
from seamark.pipelines.batch_jobs import get_job, locate_quarantine, locate_result, submit_batch
from seamark.pipelines.runs import get_run
from seamark.pipelines.worker import run_worker
from seamark.serving.app import make_app
from seamark.storage.runs import add_triggered_run
from seamark.storage.workspace import Workspace, create_workspace, open_workspace
from tiny_versions import put_on_stage, register_tiny

ROWS = 3000
PATIENCE = 60.0


@pytest.fixture
def workspace(tmp_path, tiny_bundle, database_url, monkeypatch):
    monkeypatch.setenv("SEAMARK_DATABASE_URL", database_url)
    monkeypatch.setenv("SEAMARK_THREADS", "1")
    monkeypatch.setenv("SEAMARK_PIPELINES_POLL_SECONDS", "0.02")
    create_workspace(tmp_path / "workspace").close()
    with open_workspace(tmp_path / "workspace") as workspace:
        register_tiny(workspace, tiny_bundle)
        put_on_stage(workspace, "1.0.0", "prod")
        yield workspace


def write_rows(folder: Path, number: int) -> Path:
    file = folder / "rows.jsonl"
    rows = [{"id": row, "text": f"You teach Python to class {row}"} for row in range(number)]
    rows.append({"id": number, "text": ""})
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def start_worker(workspace: Workspace) -> subprocess.Popen[bytes]:
    code = "from seamark.cli.main import main; main()"
    words = ["worker", "--once", "--workspace", str(workspace.folder)]
    return subprocess.Popen(
        [sys.executable, "-c", code, *words], env=dict(os.environ), stderr=subprocess.PIPE
    )


def read_ids(workspace: Workspace, key: str) -> list[int]:
    return [json.loads(line)["id"] for line in workspace.store.get_text(key).splitlines()]


def test_a_job_whose_worker_is_killed_goes_on_and_has_every_row_once(workspace, tmp_path):
    file = write_rows(tmp_path, ROWS)
    job = submit_batch(workspace, ADMIN, file, stage="prod", text_column="text", id_column="id")
    file.unlink()
    first = start_worker(workspace)
    wait_for(lambda: 0 < get_run(workspace, job.run.id).done < ROWS or first.poll() is not None)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert get_run(workspace, job.run.id).status == "running"

    second = start_worker(workspace)
    _, err = second.communicate(timeout=PATIENCE)
    assert second.returncode == 0, err
    ended = get_job(workspace, ADMIN, job.run.id)
    assert (ended.run.status, ended.run.outcome) == ("succeeded", "partly-extracted")
    assert read_ids(workspace, locate_result(ended)) == list(range(ROWS + 1))
    assert read_ids(workspace, locate_quarantine(ended)) == [ROWS]


def test_a_job_does_not_wait_behind_a_training(workspace, tmp_path, monkeypatch):
    monkeypatch.setitem(steps.PIPELINES, "build", ("made_up_pipeline", "STEPS"))
    with workspace.database.begin() as connection:
        training, _ = add_triggered_run(
            connection, kind="manual", key="t", payload={"wait": "gather"}, pipeline="build"
        )
    file = write_rows(tmp_path, 10)
    job = submit_batch(workspace, ADMIN, file, stage="prod", text_column="text")
    stop = threading.Event()
    worker = threading.Thread(target=run_worker, args=(workspace,), kwargs={"stop": stop})
    worker.start()
    try:
        wait_for(lambda: get_run(workspace, job.run.id).is_over)
        assert get_run(workspace, training.id).status == "running"
        (workspace.folder / "go").touch()
        wait_for(lambda: get_run(workspace, training.id).is_over)
    finally:
        (workspace.folder / "go").touch()
        stop.set()
        worker.join()
    assert get_run(workspace, job.run.id).status == "succeeded"
    assert made_up_pipeline.NAMES[-1] in get_run(workspace, training.id).step


def test_a_job_works_on_a_bucket(tmp_path, tiny_bundle, s3_url, monkeypatch):
    monkeypatch.setenv("SEAMARK_STORE_URL", s3_url)
    monkeypatch.setenv("SEAMARK_PIPELINES_POLL_SECONDS", "0.02")
    with create_workspace(tmp_path / "workspace") as workspace:
        register_tiny(workspace, tiny_bundle)
        file = write_rows(tmp_path, 5)
        job = submit_batch(workspace, ADMIN, file, stage="dev", text_column="text", id_column="id")
        run_worker(workspace, once=True)
        ended = get_job(workspace, ADMIN, job.run.id)
        assert read_ids(workspace, locate_result(ended)) == list(range(6))
        assert read_ids(workspace, locate_quarantine(ended)) == [5]


def test_the_client_sends_a_file_follows_the_job_and_fetches_its_rows(workspace, tmp_path):
    add_first_administrator(workspace, ADMIN.name)
    _, secret = create_token(workspace, ADMIN, scopes=["predict"])
    file, result, aside = write_rows(tmp_path, 5), tmp_path / "result.jsonl", tmp_path / "aside.jsonl"
    with serve_app(make_app(workspace)) as url, Client(url, secret) as client:
        job = client.submit_batch(file, text_column="text", id_column="id", stage="prod")
        assert (job.status, job.version, job.is_over) == ("queued", "1.0.0", False)
        run_worker(workspace, once=True)
        ended = client.wait_for_batch(job.job_id, poll_seconds=0.05)
        assert (ended.status, ended.error) == ("succeeded", "")
        client.fetch_batch_result(job.job_id, result)
        client.fetch_batch_result(job.job_id, aside, quarantine=True)
    assert [json.loads(line)["id"] for line in result.read_text().splitlines()] == list(range(6))
    assert json.loads(aside.read_text())["id"] == 5
