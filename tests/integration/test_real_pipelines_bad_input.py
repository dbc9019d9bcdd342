"""What the real pipelines do where something is wrong: the run says so in a line, and the champion stays."""

from __future__ import annotations

import re
import resource
import shutil
import sqlite3
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from real_pipelines import Bench, get_ends, make_bench

from people import ADMIN
from seamark.errors import InputError, StorageError, TaxonomyError
from seamark.pipelines.runs import retry_run
from seamark.registry.releases import list_releases

pytestmark = [pytest.mark.weights, pytest.mark.slow]

MEGABYTE = 1_000_000


@pytest.fixture
def bench(first_built: Bench, tmp_path: Path) -> Bench:
    """A workspace whose champion is 1.0.0."""
    return first_built.copy(tmp_path / "workspace")


def check_failed(bench: Bench, run: dict[str, Any], step: str, cause: str) -> None:
    """The run failed at the step with the cause; nothing but its experiment says that it ever was."""
    assert (run["status"], run["outcome"], run["version"]) == ("failed", "", None)
    assert run["step"] == step
    assert re.search(cause, run["error"]), run["error"]
    assert "\n" not in run["error"]
    state = bench.read_state()
    mine = [one for one in state.experiments if one.run_id == run["run"]]
    assert [(one.status, one.error, one.version) for one in mine] == [("failed", run["error"], None)]
    assert run["run"] not in {version.run_id for version in state.versions}


def check_champion(bench: Bench) -> None:
    state = bench.read_state()
    assert state.numbers == ["1.0.0"]
    assert state.log["dev_version"] == "1.0.0"


def do_before(step: str, action: str, folder: Path) -> None:
    """See that something happens in this process before a step: the disk is ``full``, or it must ``wait``."""
    from seamark.pipelines import engine

    execute = engine.execute_step

    def execute_then(workspace: Any, run: Any, one: Any, *rest: Any) -> Any:
        if one.name == step and action == "full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (40 * MEGABYTE, resource.RLIM_INFINITY))
        elif one.name == step:
            (folder / "waiting").touch()
            wait_for(folder / "go")
        return execute(workspace, run, one, *rest)

    engine.execute_step = execute_then


def wait_for(path: Path, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.05)


def retry(bench: Bench, run: dict[str, Any], **options: Any) -> dict[str, Any]:
    with bench.open() as workspace:
        retry_run(workspace, ADMIN, run["run"])
    return bench.drive(key=run["key"], kind=run["trigger"], **options)


# ---- data and taxonomy


def test_a_retraining_without_examples_fails(bench):
    check_failed(bench, bench.drive(), "plan", "no labelled examples .* seamark examples import FILE")
    check_champion(bench)


def test_too_few_examples_fail(bench):
    bench.import_documents(count=6)
    check_failed(bench, bench.drive(), "plan", r"labelled documents .* too few")
    check_champion(bench)


def test_labels_outside_the_taxonomy_are_refused_at_import(bench, monkeypatch):
    monkeypatch.setattr("labelled_material.WORDINGS", {f"Unknown skill {n}": "words" for n in range(8)})
    with pytest.raises(InputError, match=r"none of the .* labels is a skill of small@1\.0\.0"):
        bench.import_documents()
    check_failed(bench, bench.drive(), "plan", "no labelled examples")
    check_champion(bench)


def test_a_release_that_lost_too_many_skills_needs_force(bench):
    with pytest.raises(
        TaxonomyError, match=r"14 of the 24 active skills of small@1\.0\.0 are gone .*--force"
    ):
        bench.import_taxonomy(kept=10)
    with bench.open() as workspace:
        assert [release.number for release in list_releases(workspace)] == ["1.0.0"]
    bench.import_taxonomy(kept=10, force=True)
    with bench.open() as workspace:
        assert [release.skills for release in list_releases(workspace)] == [24, 10]
    check_champion(bench)


# ---- base model and database


def test_a_base_model_with_another_digest_is_not_trained_from(bench, tmp_path):
    base = tmp_path / "home" / "base_models"
    shutil.copytree(Path(bench.env["SEAMARK_HOME"]) / "base_models", base)
    weights = next(base.rglob("model.safetensors"))
    flip_byte(weights)
    bench.import_documents()
    run = bench.drive(payload={"start": "base"}, env={"SEAMARK_HOME": str(base.parent)})
    check_failed(bench, run, "train", "all-MiniLM-L6-v2 .* damaged: model.safetensors .*base-model fetch")
    check_champion(bench)


def flip_byte(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.seek(path.stat().st_size // 2)
        byte = stream.read(1)
        stream.seek(-1, 1)
        stream.write(bytes([byte[0] ^ 1]))


def test_a_database_newer_than_the_code_is_left_alone(bench):
    database = bench.folder / "seamark.db"
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StorageError, match=r"revision 9999, newer than this Seamark"):
        bench.open()
    code, run, err = bench.start().finish()
    assert (code, run) == (1, {})
    assert "revision 9999" in err


# ---- disk, store, checks


@pytest.fixture(scope="module")
def mishaps(tmp_path_factory: pytest.TempPathFactory, home: Path) -> tuple[Bench, dict[str, dict[str, Any]]]:
    """A first build that is retried after one mishap after the other, and what each attempt came to."""
    folder = tmp_path_factory.mktemp("mishaps")
    bench = make_bench(folder / "workspace", home)
    runs: dict[str, dict[str, Any]] = {}
    run = runs["train"] = bench.drive(arrange=partial(do_before, "train", "full", folder))
    check_failed(bench, run, "train", "")
    for step in ("embed", "evaluate"):
        run = runs[step] = retry(bench, run, arrange=partial(do_before, step, "full", folder))
        check_failed(bench, run, step, "")
    run = runs["check"] = retry(bench, run, env={"SEAMARK_CHECKS_LATENCY_P95_MS": "1"})
    check_failed(bench, run, "check", "")
    return bench, runs


@pytest.mark.parametrize("step", ["train", "embed", "evaluate"])
def test_a_full_disk_fails_the_step_that_meets_it(mishaps, step):
    _, runs = mishaps
    assert re.search(r"can't be written|disk is full", runs[step]["error"]), runs[step]["error"]
    assert "space" in runs[step]["error"]


def test_a_candidate_that_fails_its_checks_keeps_the_evidence(mishaps):
    bench, runs = mishaps
    assert re.search(r"does not pass its checks: .*latency.*experiments show", runs["check"]["error"])
    (experiment,) = bench.read_state().experiments
    with bench.open() as workspace:
        report = workspace.store.get_json(experiment.object_keys["checks_json"])
        page = workspace.store.get_text(experiment.object_keys["checks_html"])
    failed = [check["name"] for check in report["results"] if not check["passed"]]
    assert failed == ["latency"]
    assert "latency" in page


def test_the_last_retry_registers_exactly_one_version(mishaps, tmp_path):
    bench, runs = mishaps
    bench = bench.copy(tmp_path / "workspace")
    run = retry(bench, runs["check"])
    assert (run["status"], run["version"], run["attempt"], run["error"]) == ("succeeded", "1.0.0", 5, "")
    state = bench.read_state()
    assert state.numbers == ["1.0.0"]
    assert [(one.status, one.error) for one in state.experiments] == [("registered", "")]


def test_a_skills_update_that_fails_its_checks_leaves_the_champion_and_can_be_retried(bench):
    bench.import_taxonomy(added=("Beekeeping",))
    run = bench.drive(kind="skills-update", env={"SEAMARK_CHECKS_LATENCY_P95_MS": "1"})
    check_failed(bench, run, "check", "latency")
    check_champion(bench)
    assert retry(bench, run)["version"] == "1.0.1"
    assert bench.read_state().numbers == ["1.0.0", "1.0.1"]


@pytest.fixture
def s3_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An S3 service of this test alone, which may be stopped."""
    pytest.importorskip("moto")
    from moto.server import ThreadedMotoServer

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "tests")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server
    server.stop()


def test_a_store_that_goes_away_fails_the_run_and_a_retry_registers_one_version(s3_server, home, tmp_path):
    import httpx
    from moto.server import ThreadedMotoServer

    host, port = s3_server.get_host_and_port()
    httpx.put(f"http://{host}:{port}/real-pipelines").raise_for_status()
    url = f"s3://real-pipelines/tests?endpoint=http://{host}:{port}&region=us-east-1"
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "tests")
    bench = make_bench(tmp_path / "workspace", home, env={"SEAMARK_STORE_URL": url, **keys})
    driven = bench.start(arrange=partial(do_before, "evaluate", "wait", tmp_path))
    wait_for(tmp_path / "waiting")
    s3_server.stop()
    (tmp_path / "go").touch()
    code, run, err = driven.finish()
    assert code == 0, err
    assert (run["status"], run["step"]) == ("failed", "evaluate")
    assert re.search("can't be reached.*check the network and store.url", run["error"])
    again = ThreadedMotoServer(ip_address=host, port=port, verbose=False)
    again.start()
    try:
        assert retry(bench, run)["version"] == "1.0.0"
        state = bench.read_state()
    finally:
        again.stop()
    assert get_ends(state) == [("succeeded", "registered")]
    assert [one.status for one in state.experiments] == ["registered"]


# ---- two at once


def test_of_two_builds_at_once_the_second_waits_and_both_end(home, tmp_path):
    bench = make_bench(tmp_path / "workspace", home)
    first = bench.start(key="one", arrange=partial(do_before, "train", "wait", tmp_path))
    wait_for(tmp_path / "waiting")
    second = bench.start(key="two")
    deadline = time.monotonic() + 60
    while len(runs := list_statuses(bench)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert runs == ["running", "queued"]
    (tmp_path / "go").touch()
    ends = [driven.finish() for driven in (first, second)]
    assert [code for code, _, _ in ends] == [0, 0]
    assert [(run["status"], run["version"]) for _, run, _ in ends] == [
        ("succeeded", "1.0.0"),
        ("failed", None),
    ]
    check_failed(bench, ends[1][1], "plan", "no labelled examples")  # nothing to compare with the champion on
    check_champion(bench)


def list_statuses(bench: Bench) -> list[str]:
    from seamark.pipelines.runs import list_runs

    with bench.open() as workspace:
        return [run.status for run in reversed(list_runs(workspace))]
