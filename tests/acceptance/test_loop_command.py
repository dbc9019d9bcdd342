"""The whole loop with the installed command: from an empty folder to a retrained version, and a damage found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelled_material import TITLES, write_documents, write_taxonomy

pytestmark = [pytest.mark.weights, pytest.mark.slow]

_COMMAND = Path(sys.executable).parent / "seamark"
_SETTINGS = {
    "SEAMARK_PIPELINES_POLL_SECONDS": "0.05",
    "SEAMARK_TRAINING_EPOCHS": "8",
    "SEAMARK_TRAINING_BATCH_SIZE": "8",
    "SEAMARK_TRAINING_LEARNING_RATE": "1e-3",
    "SEAMARK_CHAMPION_RESAMPLES": "100",
    "SEAMARK_CHECKS_SAMPLE_TEXTS": "2",
    "SEAMARK_CHECKS_LATENCY_P95_MS": "60000",
    "SEAMARK_CHECKS_MEMORY_MB": "16000",
}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("loop")


@pytest.fixture(scope="module")
def seamark(home: Path, folder: Path) -> Run:
    """Runs the command within the workspace; gives the finished process."""

    def run(*arguments: str, code: int = 0, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        surroundings = {
            **os.environ,
            "SEAMARK_HOME": str(home),
            "COLUMNS": "200",
            "NO_COLOR": "1",
            **_SETTINGS,
        }
        done = subprocess.run(
            [_COMMAND, *arguments],
            cwd=cwd or folder / "workspace",
            env=surroundings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,  # a busy machine is no failure
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def loop(seamark: Run, folder: Path) -> dict[str, Any]:
    """What init, build, import and trigger printed as JSON."""
    skills, documents = write_taxonomy(folder / "skills.csv"), write_documents(folder / "documents.jsonl")

    def run(*arguments: str, **options: Any) -> Any:
        return json.loads(seamark(*arguments, "--json", **options).stdout)

    made = run("init", "workspace", "--taxonomy", str(skills), "--name", "small", cwd=folder)
    return {
        "init": made,
        "build": run("build"),
        "import": run("examples", "import", str(documents)),
        "trigger": run("trigger", "manual", "--wait"),
    }


@pytest.fixture(scope="module")
def ask(seamark: Run, loop: dict[str, Any]) -> Callable[..., Any]:
    """What a command prints as JSON, after the loop."""
    return lambda *arguments: json.loads(seamark(*arguments, "--json").stdout)


def test_init_build_import_and_trigger_tell_what_they_did(loop, folder):
    assert loop["init"]["workspace"] == str(folder / "workspace")
    assert loop["init"]["taxonomy"]["skills"] == len(TITLES)
    first, second = loop["build"], loop["trigger"]
    assert [(run["status"], run["outcome"], run["version"]) for run in (first, second)] == [
        ("succeeded", "registered", "1.0.0"),
        ("succeeded", "registered", "1.1.0"),
    ]
    assert sum(loop["import"]["new_documents"].values()) == loop["import"]["documents"] == 32
    assert loop["import"]["report"]["rows_read"] == 32


def test_versions_are_listed_and_shown(ask, loop):
    newest, first = ask("versions", "list")["versions"]
    assert (newest["version"], newest["change"], newest["parent"]) == ("1.1.0", "weights", "1.0.0")
    assert (first["version"], first["change"], first["parent"]) == ("1.0.0", "first", None)
    assert newest["stages"] == ["dev"]
    assert {"taxonomy", "experiment", "run", "size", "path", "manifest_digest", "registered_at"} <= set(
        newest
    )
    shown = ask("versions", "show")
    assert shown["run"] == loop["trigger"]["run"]
    lineage = shown["lineage"]
    assert lineage["ancestors"] == ["1.0.0"]
    assert set(lineage["data_paths"]) == {"train", "validation", "test"}
    assert lineage["data_checksum"]
    assert shown["recipe"]["training"]["recipe"]["epochs"] == 8


def test_the_model_card_has_the_number(seamark, loop):
    assert "1.1.0" in seamark("versions", "show", "--card").stdout


def test_the_difference_of_two_versions_names_what_changed(ask):
    diff = ask("versions", "diff", "1.0.0", "1.1.0")
    assert {"before", "after", "recipe", "weights", "skills", "metrics", "files"} == set(diff)
    assert "embedding_model" in {row["name"] for row in diff["weights"]}
    assert "embedding_model/model.safetensors" in {row["path"] for row in diff["files"]}
    assert diff["skills"] == {}


def test_experiments_are_listed_shown_and_compared(ask, loop):
    listed = ask("experiments", "list")["experiments"]
    ids = [one["id"] for one in listed]
    assert ids == [loop["trigger"]["experiment"], loop["build"]["experiment"]]
    assert [(one["status"], one["version"]) for one in listed] == [
        ("registered", "1.1.0"),
        ("registered", "1.0.0"),
    ]
    shown = ask("experiments", "show")
    assert shown["decision"]["won"] is True
    assert shown["decision"]["reasons"]
    assert all(
        Path(shown["files"][name]).is_file() for name in ("report_html", "report_json", "checks_json", "log")
    )
    comparison = ask("experiments", "compare", *reversed(ids))
    assert {"experiments", "recipe", "metrics"} == set(comparison)
    assert "jaccard" in {row["name"] for row in comparison["metrics"]}


def test_runs_are_listed_and_shown(ask, loop):
    runs = ask("runs", "list")
    assert [run["run"] for run in runs] == [loop["trigger"]["run"], loop["build"]["run"]]
    assert {(run["status"], run["trigger"]) for run in runs} == {("succeeded", "manual")}
    steps = ask("runs", "show", loop["trigger"]["run"])["steps"]
    assert [step["step"] for step in steps][:2] == ["plan", "train"]
    assert all(step["seconds"] is not None and step["attempt"] == 1 for step in steps)


def test_the_log_has_what_the_documentation_says(loop, folder):
    log = json.loads((folder / "workspace/store/logs.json").read_text(encoding="utf-8"))
    assert (log["prod_version"], log["uat_version"], log["dev_version"]) == (None, None, "1.1.0")
    version = log["versions"]["1.1.0"]
    documented = (
        "bucket model_path train_data_path val_data_path test_data_path metrics data_version data_checksum"
    )
    documented += " hyper_parameters timestamp taxonomy experiment change parent code_commit manifest_digest"
    assert set(version) == set(documented.split())
    store = folder / "workspace" / "store"
    assert all((store / version[f"{side}_data_path"]).is_file() for side in ("train", "val", "test"))
    assert (store / version["model_path"] / "manifest.json").is_file()
    assert [one["id"] for one in log["experiments"]] == [
        loop["build"]["experiment"],
        loop["trigger"]["experiment"],
    ]
    stage = json.loads((store / "dev/current.json").read_text(encoding="utf-8"))
    assert (stage["stage"], stage["version"]) == ("dev", "1.1.0")


def test_one_flipped_byte_in_a_bundle_is_found(seamark, ask, folder):
    healthy = ask("versions", "verify")["versions"]
    assert healthy == [{"version": number, "ok": True, "damages": []} for number in ("1.0.0", "1.1.0")]
    damaged = folder / "workspace/store/finetuned_models/mlops/versions/1.0.0/embedding_model/embeddings.npy"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    try:
        found = json.loads(seamark("versions", "verify", "--json", code=1).stdout)["versions"]
        table = seamark("versions", "verify", code=1).stdout
    finally:
        damaged.write_bytes(whole)
    assert [(one["version"], one["ok"]) for one in found] == [("1.0.0", False), ("1.1.0", True)]
    assert [damage["path"] for damage in found[0]["damages"]] == ["embedding_model/embeddings.npy"]
    assert "embedding_model/embeddings.npy" in table
    seamark("versions", "verify")
