from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from registry_fakes import Contender, make_taxonomy, register
from seamark.cli import experiments, versions
from seamark.errors import UsageError
from seamark.registry.experiments import append_log, finish_experiment, record_experiment
from seamark.storage.workspace import Workspace, create_workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("SEAMARK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    with create_workspace(tmp_path / "ws") as made:
        monkeypatch.setenv("SEAMARK_WORKSPACE", str(made.folder))
        yield made


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    """Two versions, of which the second has another taxonomy release, and one loser."""
    register(workspace, "first")
    wider = make_taxonomy("Python", "Nursing", "Welding", version="1.1.0")
    register(workspace, "second", taxonomy=wider, parent="1.0.0")
    loser = Contender(workspace, "third", weights="w3", parent="1.0.1")
    append_log(workspace, loser.run_id, {"action": "train", "epoch": 1})
    record_experiment(
        workspace,
        loser.experiment_id,
        champion="1.0.1",
        recipe={"training": {"epochs": 2}},
        metrics={"jaccard": 0.31},
        decision={"won": False, "reasons": ["jaccard fell by 0.09."], "notes": ["Only 20 documents."]},
        object_keys={"report_html": f"experiments/{loser.experiment_id}/report.html"},
    )
    finish_experiment(workspace, loser.experiment_id, status="lost")
    return workspace


def _run(*arguments: str, worked: bool = True) -> Result:
    app = typer.Typer()
    versions.register(app)
    experiments.register(app)
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code == 0) is worked, result.output
    return result


def _list_experiment_ids() -> list[str]:
    return [entry["id"] for entry in json.loads(_run("experiments", "list", "--json").stdout)["experiments"]]


def test_an_empty_workspace_says_what_to_do(workspace: Workspace) -> None:
    for name in ("versions", "experiments"):
        assert "`seamark build` makes the first one" in _run(name, "list").stderr
        found = _run(name, "show", worked=False)
        assert isinstance(found.exception, UsageError)
        assert "`seamark build` makes the first one" in str(found.exception)
    assert json.loads(_run("versions", "list", "--json").stdout) == {"versions": []}
    _run("versions", "verify")


def test_versions_are_listed_the_newest_first(filled: Workspace) -> None:
    table = _run("versions", "list").stdout
    assert table.index("1.0.1") < table.index("1.0.0 ")
    assert "esco@1.1.0" in table
    found = json.loads(_run("versions", "list", "--json").stdout)["versions"]
    assert [(each["version"], each["change"], each["stages"]) for each in found] == [
        ("1.0.1", "taxonomy", ["dev"]),
        ("1.0.0", "first", []),
    ]


def test_the_option_names_the_workspace(filled: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEAMARK_WORKSPACE")
    assert "1.0.1" in _run("versions", "list", "--workspace", str(filled.folder)).stdout


def test_show_prints_the_newest_version_and_where_it_came_from(filled: Workspace) -> None:
    table = _run("versions", "show").stdout
    for expected in ("1.0.1", "esco@1.1.0", "1.0.0", "abc123", "jaccard", "encoder.base_model"):
        assert expected in table
    found = json.loads(_run("versions", "show", "1.0.0", "--json").stdout)
    assert found["version"] == "1.0.0"
    assert found["lineage"]["code_commit"] == "abc123"
    assert found["recipe"]["threshold"] == 0.5


def test_show_prints_the_model_card_with_the_number(filled: Workspace) -> None:
    card = _run("versions", "show", "1.0.0", "--card").stdout
    assert "# Seamark model 1.0.0" in card
    assert "## Intended use" in card


def test_a_version_that_does_not_exist_is_a_misuse(filled: Workspace) -> None:
    for command in (("show", "2.0.0"), ("diff", "1.0.0", "2.0.0"), ("verify", "2.0.0")):
        found = _run("versions", *command, worked=False)
        assert isinstance(found.exception, UsageError)
        assert "1.0.0, 1.0.1" in str(found.exception)


def test_diff_prints_what_changed(filled: Workspace) -> None:
    table = _run("versions", "diff", "1.0.0", "1.0.1").stdout
    assert "esco@1.1.0" in table
    assert "embedding_model/embeddings.npy" in table
    found = json.loads(_run("versions", "diff", "1.0.0", "1.0.1", "--json").stdout)
    assert found["skills"]["added"] == 1
    assert found["weights"] == []
    assert found["recipe"][0]["values"] == ["esco@1.0.0", "esco@1.1.0"]


def test_diff_of_a_version_with_itself_says_that_nothing_is_different(filled: Workspace) -> None:
    assert "nothing is different" in _run("versions", "diff", "1.0.0", "1.0.0").stderr


def test_verify_says_that_all_is_well(filled: Workspace) -> None:
    assert _run("versions", "verify").stdout.count("ok") == 2
    found = json.loads(_run("versions", "verify", "1.0.0", "--json").stdout)
    assert found == {"versions": [{"version": "1.0.0", "ok": True, "damages": []}]}


def test_verify_fails_and_names_the_damaged_file(filled: Workspace) -> None:
    key = "finetuned_models/mlops/versions/1.0.0/model_card.md"
    filled.store.put(key, b"# B card")
    result = _run("versions", "verify", worked=False)
    assert result.exit_code == 1
    assert "model_card.md" in result.stdout
    assert "damaged" in result.stdout
    found = json.loads(_run("versions", "verify", "--json", worked=False).stdout)["versions"]
    assert [(each["version"], each["ok"]) for each in found] == [("1.0.0", False), ("1.0.1", True)]
    assert found[0]["damages"][0]["path"] == "model_card.md"
    _run("versions", "verify", "1.0.1")


def test_experiments_are_listed_the_newest_first(filled: Workspace) -> None:
    found = json.loads(_run("experiments", "list", "--json").stdout)["experiments"]
    assert [(each["status"], each["version"]) for each in found] == [
        ("lost", None),
        ("registered", "1.0.1"),
        ("registered", "1.0.0"),
    ]
    table = _run("experiments", "list").stdout
    assert "0.31" in table


def test_show_says_why_an_experiment_lost_and_where_its_report_is(filled: Workspace) -> None:
    table = _run("experiments", "show").stdout
    assert "It lost" in table
    assert "jaccard fell by 0.09." in table
    assert "Only 20 documents." in table
    newest = _list_experiment_ids()[0]
    found = json.loads(_run("experiments", "show", newest, "--json").stdout)
    assert found["files"]["report_html"] == str(
        filled.folder / "store" / "experiments" / newest / "report.html"
    )
    assert found["decision"]["won"] is False


def test_show_names_the_cause_of_a_failure(workspace: Workspace) -> None:
    contender = Contender(workspace, "first")
    finish_experiment(workspace, contender.experiment_id, status="failed", error="the disk was full")
    assert "the disk was full" in _run("experiments", "show").stdout


def test_show_prints_the_log_an_event_a_line(filled: Workspace) -> None:
    lines = _run("experiments", "show", "--log").stdout.splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["train"]


def test_compare_puts_metrics_side_by_side_and_marks_the_best(filled: Workspace) -> None:
    ids = _list_experiment_ids()
    record_experiment(filled, ids[1], metrics={"jaccard": 0.4}, recipe={"training": {"epochs": 1}})
    table = _run("experiments", "compare", ids[0], ids[1]).stdout
    assert "* 0.4" in table
    assert "training.epochs" in table
    found = json.loads(_run("experiments", "compare", ids[0], ids[1], "--json").stdout)
    assert found["metrics"] == [{"name": "jaccard", "values": [0.31, 0.4], "best": 1}]


def test_compare_needs_two_that_exist(filled: Workspace) -> None:
    one = _list_experiment_ids()[0]
    for ids in ([one], [one, "experiment-0"]):
        assert isinstance(_run("experiments", "compare", *ids, worked=False).exception, UsageError)
