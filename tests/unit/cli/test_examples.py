from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from people import ADMIN, sign_in
from seamark.building.data.snapshots import snapshot_data
from seamark.cli import examples, taxonomy
from seamark.errors import ExitCode, SeamarkError
from seamark.registry.releases import import_taxonomy
from seamark.storage.workspace import create_workspace, open_workspace

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in a workspace whose live taxonomy is the starter."""
    monkeypatch.setenv("SEAMARK_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SEAMARK_WORKSPACE", raising=False)
    monkeypatch.chdir(tmp_path)
    with create_workspace(tmp_path) as workspace:
        import_taxonomy(workspace, ADMIN, None)
        sign_in(workspace)
    app = typer.Typer()
    app.callback()(lambda: None)
    examples.register(app)
    taxonomy.register(app)
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text(
        "sentence,labels,answer\nWe write SQL,Juggling,\n"
        "We write Python,\"['Python Programming']\",no\nNothing here,UNK,\n",
        encoding="utf-8",
    )
    return path


MAP = ("--map", "text=sentence", "--map", "skills = labels", "--map", "relevant=answer")


def test_import_counts_what_it_did(run: Run, file: Path) -> None:
    result = json.loads(run("examples", "import", str(file), *MAP, "--kind", "course", "--json").stdout)
    assert (result["added"], result["documents"], result["report"]["rejected"]) == (2, 2, 1)
    assert result["taxonomy"] == "starter@1.0.0"
    again = run("examples", "import", str(file), *MAP)
    assert again.exit_code == ExitCode.WORKED
    assert "Juggling" in again.stdout


def test_import_writes_its_report(run: Run, file: Path, tmp_path: Path) -> None:
    run("examples", "import", str(file), *MAP, "--report", "rejected.csv")
    assert "Juggling" in (tmp_path / "rejected.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--map", "text"), ExitCode.MISUSED),
        (("--map", "=sentence"), ExitCode.MISUSED),
        (("--map", "txt=sentence"), ExitCode.MISUSED),
        (("--report", "report.pdf", *MAP), ExitCode.MISUSED),
        (("--taxonomy", "nosuch", *MAP), ExitCode.MISUSED),
        (("--kind", "novel", *MAP), ExitCode.MISUSED),
        ((), ExitCode.BAD_INPUT),
    ],
)
def test_wrong_options_are_refused(run: Run, file: Path, options: tuple[str, ...], code: ExitCode) -> None:
    error = run("examples", "import", str(file), *options).exception
    assert isinstance(error, SeamarkError)
    assert error.exit_code == code


def test_labels_of_another_taxonomy_are_refused(run: Run, file: Path) -> None:
    file.write_text("text,skill\nWe write SQL,Juggling\n", encoding="utf-8")
    error = run("examples", "import", str(file)).exception
    assert "is a skill of starter@1.0.0" in str(error)


def test_show_says_when_there_is_nothing(run: Run) -> None:
    result = run("examples", "show")
    assert "seamark examples import" in result.stderr
    assert json.loads(run("examples", "show", "--json").stdout)["documents"] == 0


def test_show_counts_by_side_kind_and_generation(run: Run, file: Path, tmp_path: Path) -> None:
    rows = "".join(f"text {number},Python Programming\n" for number in range(60))
    file.write_text("text,skill\n" + rows, encoding="utf-8")
    run("examples", "import", str(file), "--kind", "posting")
    with open_workspace(tmp_path) as workspace:
        snapshot_data(workspace)
    summary = json.loads(run("examples", "show", "--json").stdout)
    assert sum(summary["by_split"].values()) == summary["documents"] == 60
    shown = run("examples", "show").stdout
    for word in ("validation", "posting", "Generations", "Data versions", "test 20%"):
        assert word in shown


def test_outside_a_workspace_examples_have_no_place(
    run: Run, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "seamark.toml").unlink()
    error = run("examples", "import", str(file)).exception
    assert isinstance(error, SeamarkError)
    assert "seamark init" in str(error)
