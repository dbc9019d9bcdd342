"""`seamark up` and the client: one process that serves and works, asked over a real socket."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
from pathlib import Path

import pytest
from service_people import staff
from up_process import UpProcess

from people import ADMIN
from seamark.client import AsyncClient, Client
from seamark.errors import (
    ConflictError,
    InputError,
    NotAllowedError,
    NotFoundError,
    ServiceError,
    SignInError,
    UsageError,
)
from seamark.extraction.document import Document
from seamark.pipelines.lock import hold_worker_lock
from seamark.pipelines.runs import get_run
from seamark.pipelines.triggers import fire
from seamark.settings import SETTINGS_FILE
from seamark.storage.workspace import create_workspace, open_workspace

pytestmark = pytest.mark.slow

TEXT = "You teach Python and care for patients."


@pytest.fixture(scope="module")
def environ(tiny_settings):
    return {
        "SEAMARK_HOME": str(tiny_settings.home),
        "SEAMARK_OFFLINE": "1",
        "SEAMARK_THREADS": "1",
        "SEAMARK_PIPELINES_POLL_SECONDS": "0.05",
        "SEAMARK_SERVICE_POLL_SECONDS": "0.1",
    }


@pytest.fixture(scope="module")
def template(tmp_path_factory, tiny_bundle, environ):
    """A workspace's folder with a version on every stage, and its people's tokens; copy it."""
    folder = tmp_path_factory.mktemp("staffed") / "workspace"
    create_workspace(folder, environ=environ).close()
    with open_workspace(folder, environ=environ) as workspace:
        return folder, staff(workspace, tiny_bundle)


@pytest.fixture(scope="module")
def staffed(template):
    return template[1]


@pytest.fixture(scope="module")
def running(template, tmp_path_factory, environ):
    """A service and worker that the tests of the client share."""
    root = tmp_path_factory.mktemp("up")
    shutil.copytree(template[0], root / "workspace")
    with UpProcess(root / "workspace", root / "log", environ=environ) as process:
        process.wait_until_serving()
        yield process


@pytest.fixture
def client(running, staffed):
    with Client(running.url, staffed.narrow["predict"]) as client:
        yield client


def test_a_prediction_is_the_one_that_the_service_sent(client):
    prediction = client.extract(TEXT)
    assert prediction.model_version == "1.0.0"
    assert prediction.original_input == TEXT
    assert prediction.skills
    for skill in prediction.skills:
        assert all(TEXT[span.start : span.end] == span.text for span in skill.evidence)


def test_documents_and_stages_are_understood_by_the_service(client):
    found = client.extract(Document(TEXT, "a", "posting"), stage="uat", sector="Retail")
    assert found.skills == client.extract(TEXT, stage="dev", kind="course", doc_id="b").skills


def test_more_texts_than_a_stage_takes_are_answered_in_their_order(client):
    texts = [f"You teach Python to class {i}." for i in range(75)]
    assert [found.original_input for found in client.extract_many(texts)] == texts


def test_skills_version_and_health_are_told(client, running):
    assert client.search_skills("python", limit=2)[0].found_by == "words"
    served = client.describe_version(stage="prod")
    assert (served.stage, served.version, len(served.digest)) == ("prod", "1.0.0", 64)
    with Client(running.url) as nobody:
        assert nobody.health().ready


def test_what_the_service_refuses_comes_as_the_error_that_it_is(client, running):
    with pytest.raises(InputError):
        client.extract("x" * 200_000)
    with pytest.raises(InputError):
        client.extract("x", kind="novel")
    with pytest.raises(NotFoundError, match="nowhere"):
        client.extract("x", stage="nowhere")
    with Client(running.url, "smk_" + "x" * 43) as stranger, pytest.raises(SignInError) as caught:
        stranger.extract("x")
    assert isinstance(caught.value.__cause__, ServiceError)
    assert caught.value.__cause__.problem_type == "/problems/sign-in"
    assert caught.value.__cause__.request_id


def test_concurrent_requests_of_the_async_client_are_all_answered(running, staffed):
    texts = [f"You teach Python to class {i}." for i in range(40)]

    async def ask():
        async with AsyncClient(running.url, staffed.narrow["predict"]) as client:
            found = await asyncio.gather(*map(client.extract, texts))
            return [one.original_input for one in found], await client.describe_version()

    answered, served = asyncio.run(ask())
    assert answered == texts
    assert served.version == "1.0.0"


def test_a_batch_goes_through_the_worker_in_the_same_process(client, tmp_path):
    file = tmp_path / "posts.jsonl"
    rows = [{"id": i, "words": TEXT} for i in range(5)] + [{"id": 5, "words": ""}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    job = client.submit_batch(file, text_column="words", id_column="id", stage="prod")
    assert (job.version, job.stage, job.is_over) == ("1.0.0", "prod", False)
    job = client.wait_for_batch(job.job_id, poll_seconds=0.05, timeout=90)
    assert (job.status, job.error) == ("succeeded", "")
    result = client.fetch_batch_result(job.job_id, tmp_path / "result.jsonl")
    assert [json.loads(line)["id"] for line in result.read_text().splitlines()][:5] == list(range(5))
    aside = client.fetch_batch_result(job.job_id, tmp_path / "aside.jsonl", quarantine=True)
    assert len(aside.read_text().splitlines()) == 1


def test_a_batch_that_cannot_be_is_refused(client, tmp_path):
    file = tmp_path / "posts.csv"
    file.write_text("text\nx\n")
    with pytest.raises((InputError, UsageError), match="nothing"):
        client.submit_batch(file, text_column="nothing", stage="prod")
    with pytest.raises((NotFoundError, ConflictError, NotAllowedError)):
        client.get_batch("run-20260101T000000-000000")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_stops_service_and_worker(template, tmp_path, environ, number, code):
    folder = shutil.copytree(template[0], tmp_path / "workspace")
    with UpProcess(folder, tmp_path / "log", environ=environ) as process:
        url = process.wait_until_serving()
        assert process.stop(number) == code
        assert "Traceback" not in process.said
    with Client(url, retries=0) as client, pytest.raises(ServiceError):
        client.health()
    with open_workspace(folder, environ=environ) as workspace, hold_worker_lock(workspace) as free:
        assert free, "the worker has let go"


def test_a_step_that_does_not_give_way_does_not_keep_the_process_and_is_done_again(
    template, tmp_path, environ
):
    folder = shutil.copytree(template[0], tmp_path / "workspace")
    program = Path(__file__).with_name("seamark_with_made_up_pipeline.py")
    with open_workspace(folder, environ=environ) as workspace:
        run, _ = fire(workspace, ADMIN, "manual", payload={"wait": "train", "stubborn": True})
    with UpProcess(folder, tmp_path / "log", environ=environ, program=program) as process:
        process.wait_until_serving()
        process.wait_for("train …")
        assert process.stop() == 0
    (folder / "go").touch()
    with UpProcess(folder, tmp_path / "log", environ=environ, program=program) as process:
        process.wait_for(f"{run.id}: registered 1.0.0")
        assert process.stop() == 0
    with open_workspace(folder, environ=environ) as workspace:
        assert get_run(workspace, run.id).status == "succeeded"


def test_while_another_is_the_worker_it_serves_and_then_takes_its_place(template, tmp_path, environ):
    folder = shutil.copytree(template[0], tmp_path / "workspace")
    file = tmp_path / "posts.csv"
    file.write_text(f"text\n{TEXT}\n")
    with UpProcess(folder, tmp_path / "log", environ=environ) as process:
        with open_workspace(folder, environ=environ) as workspace, hold_worker_lock(workspace) as held:
            # Whoever was first has the lock; a test that came too late would show nothing.
            assert held
            url = process.wait_until_serving()
            process.wait_for("no pipeline runs are worked on for now")
        with Client(url, template[1].narrow["predict"]) as client:
            assert client.extract(TEXT).skills
            job = client.submit_batch(file, text_column="text", stage="prod")
            assert client.wait_for_batch(job.job_id, timeout=90).status == "succeeded"
        assert process.said.count("no pipeline runs are worked on") == 1


def test_where_there_is_no_workspace_one_is_made(tmp_path, environ):
    folder = tmp_path / "new"
    folder.mkdir()
    own = {**environ, "SEAMARK_CREDENTIALS": str(tmp_path / "credentials.json")}
    with UpProcess(folder, tmp_path / "log", "--port", "0", environ=own) as process:
        url = process.wait_until_serving()
        assert "made a workspace in" in process.said
        secret = next(iter(json.loads((tmp_path / "credentials.json").read_text())["workspaces"].values()))
        with Client(url, secret["secret"]) as client, pytest.raises(NotFoundError) as caught:
            client.extract(TEXT)
        assert caught.value.__cause__.problem_type == "/problems/stage-empty"
        assert process.stop() == 0
    assert (folder / SETTINGS_FILE).is_file()


def test_a_port_that_is_taken_ends_it_at_once(template, tmp_path, environ):
    folder = shutil.copytree(template[0], tmp_path / "workspace")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        arguments = ("--port", port, "--workspace", str(folder))
        with UpProcess(folder, tmp_path / "log", *arguments, environ=environ) as process:
            assert process.process.wait(timeout=90) == 2
            assert port in process.said
            assert "Traceback" not in process.said


def test_a_schedule_that_cannot_be_read_ends_it_at_once(template, tmp_path, environ):
    folder = shutil.copytree(template[0], tmp_path / "workspace")
    own = {**environ, "SEAMARK_PIPELINES_SCHEDULE": "now and then"}
    with UpProcess(folder, tmp_path / "log", environ=own) as process:
        assert process.process.wait(timeout=90) == 2
        assert "now and then" in process.said
