from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seamark.cli.init import make_workspace
from seamark.cli.main import app
from seamark.errors import MissingExtraError, StorageError, TaxonomyError, UsageError
from seamark.storage.releases import list_releases
from seamark.storage.workspace import open_workspace

_CSV = "skill_id,title,description\ns1,Data design,Designs data\ns2,Nursing,Cares for patients\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "own.csv"
    path.write_text(_CSV, encoding="utf-8")
    return path


def _init(*arguments: object) -> tuple[str, str]:
    result = CliRunner().invoke(app, ["init", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def _list_stored(folder: Path) -> list[tuple[str, str]]:
    with open_workspace(folder) as workspace, workspace.database.read() as connection:
        return [(release.name, release.number) for release in list_releases(connection)]


def test_a_workspace_starts_with_the_starter_taxonomy(tmp_path):
    shown, said = _init(tmp_path / "w")
    assert "starter@1.0.0" in shown
    assert "seamark build" in said
    assert _list_stored(tmp_path / "w") == [("starter", "1.0.0")]


def test_without_a_folder_the_current_one_becomes_the_workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, said = _init()
    assert (tmp_path / "seamark.toml").is_file()
    assert said == "next: `seamark build`\n"


def test_a_taxonomy_of_ones_own_is_the_first_release(tmp_path, source):
    shown, _ = _init(tmp_path / "w", "--taxonomy", source, "--name", "own", "--json")
    found = json.loads(shown)
    assert found["taxonomy"]["name"] == "own"
    assert (found["taxonomy"]["release"], found["taxonomy"]["skills"]) == ("1.0.0", 2)
    assert found["workspace"] == str(tmp_path / "w")
    assert found["database"] == f"sqlite:///{tmp_path / 'w' / 'seamark.db'}"
    assert _list_stored(tmp_path / "w") == [("own", "1.0.0")]


@pytest.mark.parametrize("content", ["", "skill_id,title\n", "colour,taste\nred,sweet\n"])
def test_a_taxonomy_that_can_not_be_read_leaves_no_workspace(tmp_path, content):
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(TaxonomyError):
        make_workspace(tmp_path / "w", tmp_path / "bad.csv")
    assert not (tmp_path / "w").exists()


def test_a_taxonomy_that_is_missing_leaves_no_workspace_in_a_folder_with_other_things(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="nothing"):
        make_workspace(tmp_path, tmp_path / "nothing.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_name_that_can_not_be_one_leaves_no_workspace(tmp_path, source):
    with pytest.raises(UsageError):
        make_workspace(tmp_path / "w", source, name="../other")
    assert not (tmp_path / "w").exists()


def test_a_store_that_can_not_be_written_leaves_no_workspace(tmp_path, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr("seamark.storage.objects.Store.put", fail)
    with pytest.raises(StorageError, match="disk is full"):
        make_workspace(tmp_path / "w")
    assert not (tmp_path / "w").exists()


def test_a_second_init_changes_nothing(tmp_path, source):
    make_workspace(tmp_path / "w")[0].close()
    with pytest.raises(UsageError, match="workspace already"):
        make_workspace(tmp_path / "w", source)
    assert _list_stored(tmp_path / "w") == [("starter", "1.0.0")]


def test_without_the_extra_the_way_to_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r"seamark\[server\]"):
        CliRunner().invoke(app, ["init", str(tmp_path / "w")], catch_exceptions=False)
