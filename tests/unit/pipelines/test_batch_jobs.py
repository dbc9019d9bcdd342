"""Batch jobs: what is accepted, what is pinned, and who sees them."""

from __future__ import annotations

import json

import pytest

from people import ADMIN, make_actor
from seamark.errors import ConflictError, InputError, NotAllowedError, NotFoundError, UsageError
from seamark.governance.actors import Actor
from seamark.pipelines.batch_jobs import (
    LINE,
    get_job,
    list_jobs,
    locate_quarantine,
    locate_result,
    submit_batch,
)
from seamark.pipelines.runs import list_runs
from seamark.storage.audit import list_events
from seamark.storage.workspace import create_workspace
from tiny_versions import put_on_stage, register_tiny

VERA = make_actor("vera", "viewer")


@pytest.fixture
def workspace(tmp_path, tiny_bundle):
    with create_workspace(tmp_path / "workspace") as workspace:
        register_tiny(workspace, tiny_bundle)
        put_on_stage(workspace, "1.0.0", "prod")
        yield workspace


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "postings.csv"
    file.write_text("id,description\na1,You teach Python\na2,\n", encoding="utf-8")
    return file


def submit(workspace, file, actor=VERA, **options):
    return submit_batch(workspace, actor, file, **{"stage": "prod", "text_column": "description", **options})


def list_batch_objects(workspace):
    return workspace.store.list("batch")


def test_a_job_is_a_run_that_waits_on_its_own_line_with_the_version_pinned(workspace, table):
    job = submit(workspace, table, id_column="id")
    assert (job.stage, job.version, job.who, job.filename) == ("prod", "1.0.0", "vera", "postings.csv")
    assert (job.run.pipeline, job.run.line, job.run.status) == ("extract-batch", LINE, "queued")
    assert list_batch_objects(workspace) == [f"batch/{job.run.id}/input.csv"]
    assert workspace.store.get(job.run.payload["input_key"]) == table.read_bytes()
    put_on_stage(workspace, None, "prod")
    assert get_job(workspace, VERA, job.run.id).version == "1.0.0"


def test_a_job_is_written_to_the_audit_trail_without_any_text(workspace, table):
    job = submit(workspace, table)
    with workspace.database.read() as connection:
        event = list_events(connection, action="batch.submit")[0]
    assert (event.actor, event.subject, event.outcome) == ("vera", job.run.id, "done")
    assert event.after == {"stage": "prod", "version": "1.0.0"}


def test_a_stage_that_people_set_is_pinned_with_its_threshold(workspace, table):
    from seamark.delivery.stage_settings import set_stage

    assert submit(workspace, table).run.payload["threshold"] is None
    set_stage(workspace, ADMIN, "prod", {"threshold": 0.7, "top": 3})
    told = submit(workspace, table).run.payload
    assert (told["threshold"], told["top"]) == (0.7, 3)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"stage": "qa"}, NotFoundError, "no stage 'qa'.*dev, uat, prod"),
        ({"stage": "uat"}, ConflictError, "uat has no version"),
        ({"text_column": "text"}, UsageError, "^postings.csv has no column 'text'; expected one of 'id'"),
        ({"id_column": "nr"}, UsageError, "no column 'nr'"),
        ({"filename": "postings"}, UsageError, r"named 'postings'.*\.csv"),
        ({"filename": "a\nb.csv"}, UsageError, "is named"),
        ({"filename": "x" * 300 + ".csv"}, UsageError, "is named"),
    ],
)
def test_what_can_not_be_done_is_refused_at_once_and_leaves_nothing(
    workspace, table, options, error, message
):
    before = list_runs(workspace)
    with pytest.raises(error, match=message) as caught:
        submit(workspace, table, **options)
    assert str(table.parent) not in str(caught.value)
    assert list_runs(workspace) == before
    assert list_batch_objects(workspace) == []


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4", b"\xff\xfea\x00"])
def test_a_file_that_is_no_table_is_refused_by_the_name_that_people_know(workspace, tmp_path, content):
    file = tmp_path / "x123.csv"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"^mine\.csv ") as caught:
        submit(workspace, file, filename="mine.csv")
    assert "x123" not in str(caught.value)
    assert list_batch_objects(workspace) == []


def test_folders_in_a_file_name_are_left_out(workspace, table):
    assert submit(workspace, table, filename="../../etc/postings.csv").filename == "postings.csv"
    assert submit(workspace, table, filename="C:\\data\\p.csv").filename == "p.csv"


def test_nobody_without_a_role_can_have_files_extracted(workspace, table):
    before = list_runs(workspace)
    with pytest.raises(NotAllowedError):
        submit(workspace, table, actor=Actor("nemo", frozenset()))
    assert list_runs(workspace) == before
    assert list_batch_objects(workspace) == []


def test_when_the_run_can_not_be_written_the_file_is_removed_again(workspace, table, monkeypatch):
    monkeypatch.setattr("seamark.pipelines.batch_jobs._add_run", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        submit(workspace, table)
    assert list_batch_objects(workspace) == []


def test_people_see_their_own_jobs_and_administrators_all_of_them(workspace, table):
    other = make_actor("otto", "data-scientist")
    mine, his = submit(workspace, table), submit(workspace, table, actor=other)
    assert [job.run.id for job in list_jobs(workspace, VERA)] == [mine.run.id]
    assert {job.run.id for job in list_jobs(workspace, ADMIN)} == {mine.run.id, his.run.id}
    assert len(list_jobs(workspace, ADMIN, limit=1)) == 1
    assert get_job(workspace, ADMIN, mine.run.id).who == "vera"
    with pytest.raises(NotFoundError):
        get_job(workspace, VERA, his.run.id)


def test_other_runs_are_no_batch_jobs(workspace):
    build = list_runs(workspace)[0]
    with pytest.raises(NotFoundError, match=build.id):
        get_job(workspace, ADMIN, build.id)


def test_a_job_that_has_not_ended_has_no_result(workspace, table):
    job = submit(workspace, table)
    for locate in (locate_result, locate_quarantine):
        with pytest.raises(ConflictError, match="has no result: it waits"):
            locate(job)


def test_the_payload_is_json(workspace, table):
    job = submit(workspace, table)
    assert json.loads(json.dumps(dict(job.run.payload))) == job.run.payload
