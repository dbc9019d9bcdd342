from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from registry_fakes import Contender, Killed, kill_at, register
from seamark.registry import log
from seamark.registry.experiments import finish_experiment, record_experiment
from seamark.registry.log import publish_log, render_log
from seamark.storage.examples import DataVersion, add_data_version, lock_generations
from seamark.storage.stages import set_stage
from seamark.storage.workspace import Workspace


def _read(workspace: Workspace) -> dict[str, object]:
    publish_log(workspace)
    found: dict[str, object] = workspace.store.get_json("logs.json")
    return found


def test_an_empty_workspace_has_an_empty_log(workspace: Workspace) -> None:
    assert _read(workspace) == {
        "prod_version": None,
        "uat_version": None,
        "dev_version": None,
        "versions": {},
        "experiments": [],
    }


@pytest.mark.parametrize("stage", ["dev", "uat", "prod"])
def test_a_stage_without_a_version_says_so(workspace: Workspace, stage: str) -> None:
    publish_log(workspace)
    assert workspace.store.get_json(f"{stage}/current.json") == {
        "stage": stage,
        "version": None,
        "model_path": None,
        "manifest_digest": None,
        "taxonomy": None,
        "changed_at": None,
    }


def test_a_stages_file_says_which_model_it_has(workspace: Workspace) -> None:
    record = register(workspace, "first")
    facts = workspace.store.get_json("dev/current.json")
    assert facts["version"] == "1.0.0"
    assert facts["model_path"] == "finetuned_models/mlops/versions/1.0.0/"
    assert facts["manifest_digest"] == record.manifest_digest
    assert facts["taxonomy"] == "esco@1.0.0"
    assert datetime.fromisoformat(facts["changed_at"]).tzinfo is not None


def test_a_version_is_on_record_with_its_data_and_settings(workspace: Workspace) -> None:
    with workspace.database.begin() as connection:
        lock_generations(connection, datetime.now(UTC))
        keys = {side: f"data/3/{side}.parquet" for side in ("train", "validation", "test")}
        add_data_version(connection, DataVersion(3, "d3", 1, {"examples": 9}, keys, datetime.now(UTC)))
    record = register(workspace, "first")
    entry = workspace.store.get_json("logs.json")["versions"]["1.0.0"]
    assert entry["bucket"] == workspace.store.url
    assert entry["model_path"] == record.path
    assert entry["train_data_path"] == "data/3/train.parquet"
    assert entry["val_data_path"] == "data/3/validation.parquet"
    assert entry["test_data_path"] == "data/3/test.parquet"
    assert (entry["data_version"], entry["data_checksum"]) == ("3", "d3")
    assert entry["metrics"] == {"jaccard": 0.4}
    assert entry["hyper_parameters"]["training"] == {"epochs": 2}
    assert (entry["taxonomy"], entry["experiment"]) == ("esco@1.0.0", record.experiment_id)
    assert (entry["change"], entry["parent"], entry["code_commit"]) == ("first", None, "abc123")


def test_versions_stand_in_the_order_of_their_numbers(workspace: Workspace) -> None:
    for i in range(12):
        register(workspace, f"run {i}", threshold=i / 100)
    numbers = list(workspace.store.get_json("logs.json")["versions"])
    assert numbers == [f"1.0.{i}" for i in range(12)]


def test_losers_are_on_record_with_their_reasons_and_report(workspace: Workspace) -> None:
    register(workspace, "first")
    loser = Contender(workspace, "second", weights="w2")
    record_experiment(
        workspace,
        loser.experiment_id,
        champion="1.0.0",
        metrics={"jaccard": 0.3},
        decision={"won": False, "reasons": ["jaccard fell.", "Recall fell, too."]},
        object_keys={"report_html": "experiments/x/report.html"},
    )
    finish_experiment(workspace, loser.experiment_id, status="lost")
    entry = workspace.store.get_json("logs.json")["experiments"][-1]
    assert entry["status"] == "lost"
    assert entry["reason"] == "jaccard fell. Recall fell, too."
    assert (entry["champion"], entry["version"]) == ("1.0.0", None)
    assert entry["report"] == "experiments/x/report.html"
    assert entry["metrics"] == {"jaccard": 0.3}


def test_the_same_database_gives_the_same_bytes(workspace: Workspace) -> None:
    register(workspace, "first")
    before = workspace.store.get("logs.json")
    publish_log(workspace)
    assert workspace.store.get("logs.json") == before
    assert render_log(workspace) == render_log(workspace)


def test_a_lost_log_is_written_again_from_the_database(workspace: Workspace) -> None:
    register(workspace, "first")
    before = {key: workspace.store.get(key) for key in render_log(workspace)}
    for key in before:
        workspace.store.delete(key)
    publish_log(workspace)
    assert {key: workspace.store.get(key) for key in before} == before


def test_what_changes_while_the_log_is_written_is_written_too(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(workspace, "first")
    stages = iter(["uat", "prod"])

    def render_and_change(given: Workspace) -> dict[str, str]:
        files = render_log(given)
        if stage := next(stages, None):
            with given.database.begin() as connection:
                set_stage(connection, stage, "1.0.0", changed_at=datetime.now(UTC))
        return files

    monkeypatch.setattr(log, "render_log", render_and_change)
    publish_log(workspace)
    found = json.loads(workspace.store.get("logs.json"))
    assert (found["dev_version"], found["uat_version"], found["prod_version"]) == ("1.0.0",) * 3
    assert workspace.store.get_json("prod/current.json")["version"] == "1.0.0"


def test_a_version_that_is_being_registered_is_not_told_about(workspace: Workspace) -> None:
    contender = Contender(workspace, "first")
    with kill_at(0), pytest.raises(Killed):
        contender.register()
    assert _read(workspace)["versions"] == {}
