"""The steps of a batch job, also where an earlier worker was killed in the middle."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from people import ADMIN
from seamark.errors import StorageError, WeightsError
from seamark.pipelines import extract_batch
from seamark.pipelines.batch_jobs import submit_batch
from seamark.pipelines.execution import make_folder
from seamark.pipelines.extract_batch import BATCH_STEPS, extract, publish
from seamark.pipelines.steps import RunCancelledError, StepContext, get_pipeline
from seamark.storage.workspace import create_workspace
from tiny_versions import put_on_stage, register_tiny

ROWS = 200


@pytest.fixture
def workspace(tmp_path, tiny_bundle, monkeypatch):
    monkeypatch.setenv("SEAMARK_THREADS", "1")
    with create_workspace(tmp_path / "workspace") as workspace:
        register_tiny(workspace, tiny_bundle)
        put_on_stage(workspace, "1.0.0", "prod")
        yield workspace


@pytest.fixture
def context(workspace, tmp_path):
    """A step's context of a job of 200 rows, of which one is empty and one is no text."""
    texts = [f"You teach Python to class {number}" for number in range(ROWS - 2)]
    rows = [{"id": number, "text": text} for number, text in enumerate([*texts, "", 5])]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    job = submit_batch(workspace, ADMIN, file, stage="prod", text_column="text", id_column="id")
    return StepContext(
        workspace=workspace,
        run_id=job.run.id,
        folder=make_folder(workspace, job.run.id),
        payload=job.run.payload,
        facts={},
    )


class Reporter:
    """Stops the step at the first report in which so many rows are done."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.told: list[tuple[str, int, int]] = []
        self._stop_at = stop_at

    def progress(self, message: str, done: int, total: int) -> None:
        self.told.append((message, done, total))

    def should_stop(self) -> bool:
        return self._stop_at is not None and self.told[-1][1] >= self._stop_at


def finish(context):
    found = extract(context)
    return publish(replace(context, facts=found))


def read_output(context, name="output.jsonl"):
    return [
        json.loads(line)
        for line in context.workspace.store.get_text(f"batch/{context.run_id}/{name}").splitlines()
    ]


def check_result(context):
    rows = read_output(context)
    assert [row["id"] for row in rows] == list(range(ROWS))
    assert {row["modelVersion"] for row in rows} == {"1.0.0"}
    assert [row["extractStatus"] for row in rows] == ["ok"] * (ROWS - 2) + ["empty", "quarantined"]
    assert rows[0]["skillExtractOutput"]
    assert [row["id"] for row in read_output(context, "quarantine.jsonl")] == [ROWS - 2, ROWS - 1]


def test_a_job_extracts_every_row_and_clears_the_runs_folder_of_texts(context):
    found = finish(context)
    assert found["outcome"] == "partly-extracted"
    assert found["summary"].startswith(f"{ROWS} rows, ")
    assert found["summary"].endswith("2 set aside")
    check_result(context)
    assert [file.name for file in context.folder.iterdir()] == ["report.json"]


def test_progress_is_told_and_a_cancelled_job_goes_on_where_it_stopped(context):
    stopping = Reporter(stop_at=64)
    with pytest.raises(RunCancelledError):
        extract(replace(context, reporter=stopping))
    going_on = Reporter()
    extract(replace(context, reporter=going_on))
    assert ("extracting", 64, ROWS) in stopping.told
    assert ("extracting", 0, ROWS) not in going_on.told
    assert ("extracting", ROWS, ROWS) in going_on.told


@pytest.mark.parametrize("moment", ["before the report", "after the report"])
def test_a_worker_killed_at_the_end_of_extracting_does_no_harm(context, monkeypatch, moment):
    if moment == "before the report":
        with monkeypatch.context() as patched:
            patched.setattr(extract_batch, "replace_file", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                extract(context)
        assert (context.folder / "output.jsonl").exists()
    else:
        extract(context)
        monkeypatch.setattr(extract_batch, "run_batch", lambda *_args, **_options: 1 / 0)
    finish(context)
    check_result(context)


@pytest.mark.parametrize("nth", [1, 2])
def test_a_worker_killed_while_publishing_publishes_again(context, monkeypatch, nth):
    found = extract(context)
    again = replace(context, facts=found)
    real, calls = extract_batch._clear, []

    def break_off(folder):
        calls.append(folder)
        if nth == 2:
            real(folder)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(extract_batch, "_clear", break_off)
        with pytest.raises(KeyboardInterrupt):
            publish(again)
    assert publish(again)["outcome"] == "partly-extracted"
    check_result(context)


def test_a_version_that_changed_on_disk_does_not_answer(context):
    store = context.workspace.store
    store.put("finetuned_models/mlops/versions/1.0.0/model_card.md", b"# another card")
    with pytest.raises(WeightsError, match="damaged"):
        extract(context)


def test_a_job_whose_file_is_gone_fails_in_words(context):
    context.workspace.store.delete(context.payload["input_key"])
    with pytest.raises(StorageError, match=r"input\.jsonl"):
        extract(context)


def test_the_stage_decides_threshold_and_number_of_skills(context):
    told = dict(context.payload) | {"threshold": 0.0, "top": 1}
    finish(replace(context, payload=told))
    assert {len(row["skillExtractOutput"]) for row in read_output(context)[:-2]} == {1}


def test_the_pipeline_is_known_by_its_name():
    assert get_pipeline("extract-batch").steps == BATCH_STEPS
