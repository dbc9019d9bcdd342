from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from people import list_audit
from seamark.cli.init import make_workspace
from seamark.cli.main import app
from seamark.errors import (
    ConflictError,
    MissingExtraError,
    SignInError,
    StorageError,
    TaxonomyError,
    UsageError,
)
from seamark.governance.actors import SCOPES
from seamark.governance.audit import verify_trail
from seamark.governance.sign_in import check_password, sign_in
from seamark.governance.tokens import list_tokens
from seamark.storage.people import list_people
from seamark.storage.releases import list_releases
from seamark.storage.workspace import open_workspace

_CSV = "skill_id,title,description\ns1,Data design,Designs data\ns2,Nursing,Cares for patients\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "own.csv"
    path.write_text(_CSV, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of tokens that these tests alone write."""
    path = tmp_path / "kept" / "tokens.json"
    monkeypatch.setenv("SEAMARK_CREDENTIALS", str(path))
    return path


def _init(*arguments: object, stdin: str = "") -> tuple[str, str]:
    result = CliRunner().invoke(app, ["init", *map(str, arguments)], input=stdin, catch_exceptions=False)
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
    make_workspace(tmp_path / "w").workspace.close()
    with pytest.raises(UsageError, match="workspace already"):
        make_workspace(tmp_path / "w", source)
    assert _list_stored(tmp_path / "w") == [("starter", "1.0.0")]


def test_without_the_extra_the_way_to_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r"seamark\[server\]"):
        CliRunner().invoke(app, ["init", str(tmp_path / "w")], catch_exceptions=False)


def _list_people(folder: Path) -> list[tuple[str, tuple[str, ...], bool]]:
    with open_workspace(folder) as workspace, workspace.database.read() as connection:
        return [(one.name, one.roles, bool(one.password_hash)) for one in list_people(connection)]


def test_the_first_administrator_is_the_user_of_this_machine_and_signed_in(
    tmp_path, monkeypatch, credentials
):
    monkeypatch.setattr("getpass.getuser", lambda: "grace")
    shown, _ = _init(tmp_path / "w", "--json")
    first = json.loads(shown)["administrator"]
    assert (first["name"], first["credentials"]) == ("grace", str(credentials))
    assert _list_people(tmp_path / "w") == [("grace", ("administrator",), False)]
    with open_workspace(tmp_path / "w") as workspace:
        actor = sign_in(workspace)
        assert (actor.name, actor.token_id, actor.scopes) == ("grace", first["token_id"], set(SCOPES))
        (token,) = list_tokens(workspace, actor)
        assert (token.title, (token.expires_at - token.created_at).days) == ("made by seamark init", 365)
        assert [(event.actor, event.action) for event in list_audit(workspace)] == [
            ("grace", "people.add"),
            ("grace", "taxonomy.import"),
            ("grace", "token.create"),
        ]
        assert verify_trail(workspace, actor).sound


@pytest.mark.parametrize("name", ["grace hopper", "", "seamark", "-rf", "gräce", "x" * 65])
def test_a_user_whose_name_can_not_be_one_here_is_called_administrator(tmp_path, monkeypatch, name):
    monkeypatch.setattr("getpass.getuser", lambda: name)
    shown, _ = _init(tmp_path / "w", "--json")
    assert json.loads(shown)["administrator"]["name"] == "administrator"


@pytest.mark.parametrize("error", [OSError, KeyError, ImportError])
def test_a_user_without_a_name_is_called_administrator(tmp_path, monkeypatch, error):
    def fail() -> str:
        raise error

    monkeypatch.setattr("getpass.getuser", fail)
    shown, _ = _init(tmp_path / "w")
    assert re.search(r"administrator +administrator", shown)


def test_name_and_password_of_the_administrator_can_be_given(tmp_path):
    _init(tmp_path / "w", "--admin", "ada", "--admin-password-stdin", stdin="correct horse battery\n")
    with open_workspace(tmp_path / "w") as workspace:
        assert check_password(workspace, "ada", "correct horse battery").roles == {"administrator"}


@pytest.mark.parametrize(("name", "stdin"), [("a b", "correct horse battery"), ("ada", "short"), ("ada", "")])
def test_a_bad_name_or_password_leaves_no_workspace_and_no_token(tmp_path, credentials, name, stdin):
    with pytest.raises(UsageError):
        _init(tmp_path / "w", "--admin", name, "--admin-password-stdin", stdin=stdin)
    assert not (tmp_path / "w").exists()
    assert not credentials.exists()


def test_at_a_terminal_a_password_is_asked_for_and_can_be_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("seamark.cli._people.has_terminal", lambda: True)
    _, said = _init(tmp_path / "none", "--admin", "ada", stdin="\n")
    assert "empty: none" in said
    assert _list_people(tmp_path / "none") == [("ada", ("administrator",), False)]
    _init(tmp_path / "one", "--admin", "ada", stdin="correct horse battery\ncorrect horse battery\n")
    assert _list_people(tmp_path / "one") == [("ada", ("administrator",), True)]


def test_where_a_workspace_is_already_nobody_is_asked_for_a_password(tmp_path, monkeypatch):
    _init(tmp_path / "w")
    monkeypatch.setattr("seamark.cli._people.has_terminal", lambda: pytest.fail("asked"))
    with pytest.raises(UsageError, match="workspace already"):
        _init(tmp_path / "w")


def test_a_token_that_no_file_can_keep_is_shown_once_and_signs_in(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SEAMARK_CREDENTIALS", str(tmp_path / "file" / "tokens.json"))
    shown, said = _init(tmp_path / "w", "--admin", "ada", "--json")
    assert json.loads(shown)["administrator"]["credentials"] is None
    (secret,) = re.findall(r"smk_[\w-]{43}", said)
    assert secret not in shown
    with open_workspace(tmp_path / "w") as workspace:
        assert sign_in(workspace, {"SEAMARK_TOKEN": secret}).name == "ada"


def test_a_taxonomy_that_can_not_be_read_leaves_no_token(tmp_path, credentials):
    (tmp_path / "bad.csv").write_text("")
    with pytest.raises(TaxonomyError):
        make_workspace(tmp_path / "w", tmp_path / "bad.csv")
    assert not credentials.exists()


def test_a_database_with_people_keeps_them_and_its_taxonomies(tmp_path, monkeypatch, source):
    monkeypatch.setenv("SEAMARK_DATABASE_URL", f"sqlite:///{tmp_path / 'shared.db'}")
    monkeypatch.setenv("SEAMARK_STORE_URL", str(tmp_path / "store"))
    _init(tmp_path / "one", "--admin", "ada")
    shown, _ = _init(tmp_path / "two", "--json")
    found = json.loads(shown)
    assert (found["administrator"], found["taxonomy"]) == (None, None)
    with open_workspace(tmp_path / "two") as workspace:
        assert sign_in(workspace).name == "ada"
    assert _list_people(tmp_path / "two") == [("ada", ("administrator",), False)]
    _init(tmp_path / "three", "--taxonomy", source, "--name", "own")
    assert _list_stored(tmp_path / "three") == [("own", "1.0.0"), ("starter", "1.0.0")]
    with pytest.raises(ConflictError, match="people in this workspace already"):
        _init(tmp_path / "four", "--admin", "eve")
    monkeypatch.setenv("SEAMARK_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(SignInError):
        _init(tmp_path / "five", "--taxonomy", source)
    assert not (tmp_path / "four").exists()
    assert not (tmp_path / "five").exists()
