from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from people import sign_in
from seamark.building import release_impact
from seamark.cli import taxonomy
from seamark.errors import ExitCode, SeamarkError, WeightsError
from seamark.storage.workspace import create_workspace

Run = Callable[..., Result]
CSV = "skill_id,title,type\n1,Data Design,tsc\n2,Teamwork,ccs\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `seamark taxonomy` in an empty workspace."""
    monkeypatch.setenv("SEAMARK_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SEAMARK_WORKSPACE", raising=False)
    with create_workspace(tmp_path / "ws") as workspace:
        sign_in(workspace)
    monkeypatch.chdir(tmp_path / "ws")
    app = typer.Typer()
    app.callback()(lambda: None)
    taxonomy.register(app)
    return lambda *arguments: CliRunner().invoke(app, ["taxonomy", *arguments])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def test_import_goes_into_the_workspace(run: Run, source: Path, tmp_path: Path) -> None:
    result = json.loads(run("import", str(source), "--json").stdout)
    assert (result["release"], result["live"], result["became_live"]) == ("1.0.0", "mine", True)
    assert result["impact"]["after"] == "mine@1.0.0"
    assert not (tmp_path / "home" / "taxonomies").exists()
    assert (tmp_path / "ws" / "store" / "taxonomies" / "mine" / "1.0.0.json").exists()


def test_import_from_elsewhere_names_its_workspace(
    run: Run, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run("import", str(source), "--workspace", "ws")
    assert [one["name"] for one in json.loads(run("list", "--workspace", "ws", "--json").stdout)] == ["mine"]
    monkeypatch.setenv("SEAMARK_WORKSPACE", "ws")
    assert json.loads(run("import", str(source), "--json").stdout)["created"] is False


def test_import_again_says_that_nothing_changed(run: Run, source: Path) -> None:
    run("import", str(source))
    result = run("import", str(source))
    assert "no: the same content" in result.stdout


def test_import_prints_what_changed(run: Run, source: Path) -> None:
    run("import", str(source))
    source.write_text(CSV + "3,New,tsc\n", encoding="utf-8")
    result = run("import", str(source))
    assert "mine@1.1.0" in result.stdout
    assert "no model version predicts with this taxonomy yet" in result.stderr


def test_a_shrunken_source_needs_force(run: Run, source: Path) -> None:
    run("import", str(source))
    source.write_text("skill_id,title\n1,Data Design\n", encoding="utf-8")
    error = run("import", str(source)).exception
    assert isinstance(error, SeamarkError)
    assert error.exit_code == ExitCode.BAD_INPUT
    assert "--force" in str(error)
    assert json.loads(run("import", str(source), "--force", "--json").stdout)["release"] == "2.0.0"


def test_no_impact_makes_no_report(run: Run, source: Path, tmp_path: Path) -> None:
    assert json.loads(run("import", str(source), "--no-impact", "--json").stdout)["impact"] is None
    assert not list((tmp_path / "ws" / "store").rglob("*.impact.*"))


def test_an_impact_report_that_fails_leaves_the_import_as_it_is(
    run: Run, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise WeightsError("the bundle is damaged")

    monkeypatch.setattr(release_impact, "make_impact", fail)
    result = run("import", str(source))
    assert result.exit_code == ExitCode.WORKED
    assert "the bundle is damaged" in result.stderr
    assert "mine@1.0.0" in run("list").stdout or json.loads(run("list", "--json").stdout)


def test_list_marks_the_live_release(run: Run, source: Path) -> None:
    assert "no taxonomy yet" in run("list").stderr
    run("import", str(source))
    source.write_text(CSV + "3,New,tsc\n", encoding="utf-8")
    run("import", str(source))
    run("import", "starter")
    run("use", "mine")
    listed = json.loads(run("list", "--json").stdout)
    assert [(one["name"], one["release"], one["live"]) for one in listed] == [
        ("mine", "1.0.0", False),
        ("mine", "1.1.0", True),
        ("starter", "1.0.0", False),
    ]
    assert "live" in run("list").stdout


def test_use_of_an_unknown_taxonomy_lists_the_known_ones(run: Run, source: Path) -> None:
    run("import", str(source))
    assert "one of: mine" in str(run("use", "nosuch").exception)


def test_show_and_diff_know_the_workspaces_releases(run: Run, source: Path) -> None:
    run("import", str(source))
    source.write_text(CSV.replace("Teamwork", "Team Work"), encoding="utf-8")
    run("import", str(source))
    assert json.loads(run("show", "--json").stdout)["version"] == "1.1.0"
    assert json.loads(run("show", "mine@1.0.0", "--json").stdout)["version"] == "1.0.0"
    assert json.loads(run("show", str(source), "--json").stdout)["version"] == ""
    assert json.loads(run("show", "starter", "--json").stdout)["name"] == "starter"
    assert json.loads(run("diff", "mine@1.0.0", "mine", "--json").stdout)["counts"]["retitled"] == 1
    assert json.loads(run("diff", "mine@1.0.0", str(source), "--json").stdout)["counts"]["retitled"] == 1


def test_impact_prints_and_writes_its_page(run: Run, source: Path, tmp_path: Path) -> None:
    run("import", str(source), "--no-impact")
    source.write_text(CSV + "3,New,tsc\n", encoding="utf-8")
    run("import", str(source), "--no-impact")
    result = run("impact", "mine", "--html", "impact.html")
    assert "added" in result.stdout
    assert "mine@1.1.0" in (tmp_path / "ws" / "impact.html").read_text(encoding="utf-8")
    report = json.loads(run("impact", "mine@1.1.0", "--json").stdout)
    assert report["skills"]["counts"]["added"] == 1
    assert json.loads(run("impact", "mine", "--again", "--json").stdout) == report
    assert "is the first release" in run("impact", "mine@1.0.0").stderr
