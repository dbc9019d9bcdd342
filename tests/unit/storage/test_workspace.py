from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from sqlalchemy import text

from seamark.errors import StorageError, UsageError
from seamark.settings import render_default_file
from seamark.storage import workspace as module
from seamark.storage.database import REVISION, read_revision
from seamark.storage.workspace import (
    Workspace,
    create_workspace,
    create_workspace_for,
    find_workspace,
    open_workspace,
)


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    create_workspace(tmp_path / "w", environ={}).close()
    return tmp_path / "w"


def test_a_new_workspace_has_a_commented_settings_file_a_database_and_a_store(made):
    assert (made / "seamark.toml").read_text(encoding="utf-8") == render_default_file()
    assert _names(made) == {"seamark.toml", "seamark.db", "store"}
    with open_workspace(made, environ={}) as workspace:
        assert read_revision(workspace.database) == REVISION
        assert (workspace.runs, workspace.cache) == (made / "runs", made / "cache")
        assert workspace.store.local_path("a") == made / "store" / "a"


def test_a_workspace_is_not_made_twice(made):
    before = _names(made)
    with pytest.raises(UsageError, match="workspace already"):
        create_workspace(made, environ={})
    assert _names(made) == before


def test_a_workspace_can_be_made_among_other_things(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    create_workspace(tmp_path, environ={}).close()
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "seamark.toml").is_file()


@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.parametrize("step", ["migrate", "render_default_file", "open_store"])
def test_nothing_half_made_is_left_when_a_step_fails(tmp_path, monkeypatch, step, existing):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    folder = tmp_path / "a" / "w"
    if existing:
        folder.mkdir(parents=True)
        (folder / "notes.txt").write_text("mine")
    monkeypatch.setattr(module, step, fail)
    with pytest.raises(StorageError, match="No space left"):
        create_workspace(folder, environ={})
    assert (_names(folder) if existing else folder.exists()) == ({"notes.txt"} if existing else False)


def test_nothing_is_left_when_what_fills_a_new_workspace_fails(tmp_path):
    def fill() -> None:
        with create_workspace_for(tmp_path / "w", environ={}) as workspace:
            workspace.store.put("a", b"x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill()
    assert not (tmp_path / "w").exists()


def test_a_folder_that_can_not_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(StorageError, match="file/w"):
        create_workspace(tmp_path / "file" / "w", environ={})


def test_a_malformed_setting_makes_no_workspace(tmp_path):
    with pytest.raises(UsageError, match="SEAMARK_TRAINING_EPOCHS='none'"):
        create_workspace(tmp_path / "w", environ={"SEAMARK_TRAINING_EPOCHS": "none"})
    assert not (tmp_path / "w").exists()


def test_a_workspace_is_found_from_the_current_folder_upwards(made, monkeypatch):
    inner = made / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert find_workspace(Path()) == made
    with open_workspace(environ={}) as workspace:
        assert workspace.folder == made


def test_the_nearest_workspace_is_found(made):
    create_workspace(made / "inner", environ={}).close()
    assert find_workspace(made / "inner" / "store") == made / "inner"


def test_an_argument_wins_over_the_variable_and_that_over_the_current_folder(made, tmp_path, monkeypatch):
    for name in ("x", "y"):
        create_workspace(tmp_path / name, environ={}).close()
    monkeypatch.chdir(made)
    environ = {"SEAMARK_WORKSPACE": str(tmp_path / "x")}
    with open_workspace(environ=environ) as workspace:
        assert workspace.folder == tmp_path / "x"
    with open_workspace(tmp_path / "y", environ=environ) as workspace:
        assert workspace.folder == tmp_path / "y"


def test_without_a_workspace_the_way_to_one_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="seamark init"):
        open_workspace(environ={})
    with pytest.raises(UsageError, match=r"has no seamark\.toml.*seamark init"):
        open_workspace(tmp_path, environ={})
    with pytest.raises(UsageError, match="nowhere"):
        open_workspace(environ={"SEAMARK_WORKSPACE": str(tmp_path / "nowhere")})


def test_relative_places_in_the_file_start_at_the_workspace(made, tmp_path, monkeypatch):
    (made / "data").mkdir()
    (made / "seamark.db").rename(made / "data" / "own.db")
    (made / "seamark.toml").write_text(
        '[database]\nurl = "sqlite:///data/own.db"\n[store]\nurl = "objects"\n[runtime]\nhome = "home"\n'
    )
    monkeypatch.chdir(tmp_path)
    with open_workspace(Path("w"), environ={}) as workspace:
        assert workspace.database.url == f"sqlite:///{made / 'data' / 'own.db'}"
        assert workspace.store.local_path("a") == made / "objects" / "a"
        assert workspace.settings.home == made / "home"


def test_a_malformed_file_is_refused_at_the_start(made):
    (made / "seamark.toml").write_text("[training]\nepochs = 0\n")
    with pytest.raises(UsageError, match=r"w/seamark\.toml: training\.epochs = 0; expected a whole number"):
        open_workspace(made, environ={})


def test_a_database_that_went_missing_is_not_replaced_by_an_empty_one(made):
    (made / "seamark.db").unlink()
    with pytest.raises(StorageError, match=r"seamark\.db is missing"):
        open_workspace(made, environ={})
    assert not (made / "seamark.db").exists()
    (made / "seamark.db").touch()
    with pytest.raises(StorageError, match="missing or empty"):
        open_workspace(made, environ={})


def _set_revision(workspace: Workspace, revision: str) -> None:
    with workspace.database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})


def test_a_workspace_of_a_newer_seamark_is_refused(made):
    with open_workspace(made, environ={}) as workspace:
        _set_revision(workspace, "0999")
    with pytest.raises(StorageError, match=r"revision 0999.*upgrade Seamark"):
        open_workspace(made, environ={})


def test_a_workspace_of_an_older_seamark_is_brought_up_to_date(made, monkeypatch):
    asked = []
    with open_workspace(made, environ={}) as workspace:
        _set_revision(workspace, "0000")
    monkeypatch.setattr(module, "migrate", lambda database: asked.append(database.name))
    open_workspace(made, environ={}).close()
    assert len(asked) == 1


def test_opening_a_workspace_that_is_up_to_date_loads_no_migrations(made):
    code = (
        "import sys; from pathlib import Path; from seamark.storage.workspace import open_workspace; "
        "open_workspace(Path(sys.argv[1])).close(); print('alembic' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(made)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"


def test_the_new_settings_file_is_toml(made):
    assert tomllib.loads((made / "seamark.toml").read_text(encoding="utf-8"))["training"] == {}
