from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from seamark.cli import taxonomy as commands
from seamark.errors import ExitCode, SeamarkError

Run = Callable[..., Result]
CSV = "skill_id,title,type,tags,sectors\n1,Data Design,tsc,Emerging TSC,Banking|Retail\n2,Teamwork,ccs,,\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SEAMARK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.callback()(lambda: None)
    commands.register(app)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["taxonomy", *arguments])

    return invoke


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def read_error(result: Result) -> SeamarkError:
    assert isinstance(result.exception, SeamarkError)
    return result.exception


def test_import_stores_a_release_and_says_when_nothing_is_new(run: Run, source: Path) -> None:
    first = json.loads(run("import", str(source), "--json").stdout)
    assert (first["name"], first["release"], first["created"], first["diff"]) == ("mine", "1.0.0", True, None)
    assert json.loads(run("import", str(source), "--json").stdout)["created"] is False
    assert "no: the same content" in run("import", str(source)).stdout


def test_import_of_a_changed_source_tells_what_changed(run: Run, source: Path) -> None:
    run("import", str(source), "--name", "other")
    source.write_text(CSV + "3,New,tsc,,\n", encoding="utf-8")
    result = run("import", str(source), "--name", "other")
    assert "other@1.1.0" in result.stdout
    assert "added" in result.stdout


def test_import_mentions_rows_to_look_at(run: Run, source: Path) -> None:
    source.write_text(CSV + "2,Twice,,,\n", encoding="utf-8")
    result = run("import", str(source))
    assert "validate" in result.stderr
    assert "validate" not in result.stdout


def test_show_counts_types_tags_and_sectors(run: Run, source: Path) -> None:
    summary = json.loads(run("show", str(source), "--json").stdout)
    assert summary["skills"] == 2
    assert summary["types"] == {"tsc": 1, "ccs": 1}
    assert summary["sectors"] == {"Banking": 1, "Retail": 1}
    table = run("show", str(source)).stdout
    assert "Emerging TSC" in table
    assert "Data Design" in table


def test_show_without_a_source_shows_the_starter(run: Run) -> None:
    assert json.loads(run("show", "--json").stdout)["name"] == "starter"


def test_show_finds_skills_by_name_and_by_id(run: Run, source: Path) -> None:
    assert [
        skill["skill_id"]
        for skill in json.loads(run("show", str(source), "--search", "team", "--json").stdout)
    ] == ["2"]
    assert "Teamwork" in run("show", str(source), "--search", "team").stdout
    skill = json.loads(run("show", str(source), "--skill", "1", "--json").stdout)
    assert skill["sectors"] == ["Banking", "Retail"]
    assert "Banking" in run("show", str(source), "--skill", "1").stdout


def test_show_says_when_nothing_is_found(run: Run, source: Path) -> None:
    result = run("show", str(source), "--search", "zebra")
    assert "no skill has a name like that" in result.stderr
    assert read_error(run("show", str(source), "--skill", "9")).exit_code == ExitCode.MISUSED


def test_show_of_an_unknown_name_lists_the_known_ones(run: Run, source: Path) -> None:
    run("import", str(source))
    error = read_error(run("show", "nosuch"))
    assert error.exit_code == ExitCode.MISUSED
    assert "starter, mine" in str(error)


def test_diff_prints_counts_and_titles(run: Run, source: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    new.write_text("skill_id,title,type\n1,Data Modelling,tsc\n3,Added,tsc\n", encoding="utf-8")
    result = json.loads(run("diff", str(source), str(new), "--json").stdout)
    assert result["counts"] == {
        "added": 1, "removed": 1, "retitled": 1, "redescribed": 0, "retyped": 0, "changed_otherwise": 1,
    }  # fmt: skip
    table = run("diff", str(source), str(new)).stdout
    assert "Data Modelling" in table
    assert "Teamwork" in table


def test_diff_of_imported_releases_by_number(run: Run, source: Path) -> None:
    run("import", str(source))
    source.write_text(CSV.replace("Teamwork", "Team Work"), encoding="utf-8")
    run("import", str(source))
    assert json.loads(run("diff", "mine@1.0.0", "mine", "--json").stdout)["counts"]["retitled"] == 1


def test_validate_lists_rejected_rows_and_writes_the_report(run: Run, source: Path, tmp_path: Path) -> None:
    source.write_text(CSV + "2,Twice,,,\n3,,,,\n4, Spaced ,,,\n", encoding="utf-8")
    result = run("validate", str(source), "--report", "r.csv")
    assert result.exit_code == ExitCode.WORKED
    assert "Twice" not in result.stdout  # the value shown is that of the column concerned
    assert "the cell is empty" in result.stdout
    assert "white space removed" in result.stdout
    assert len((tmp_path / "r.csv").read_text(encoding="utf-8").splitlines()) == 4
    assert json.loads(run("validate", str(source), "--json").stdout)["rejected"] == 2


def test_validate_of_a_clean_source_says_so(run: Run, source: Path) -> None:
    assert "no row was rejected or repaired" in run("validate", str(source)).stderr


def test_validate_without_a_usable_row_still_prints_the_report(
    run: Run, source: Path, tmp_path: Path
) -> None:
    source.write_text("skill_id,title\n1,\n", encoding="utf-8")
    result = run("validate", str(source), "--report", "r.json", "--json")
    assert read_error(result).exit_code == ExitCode.BAD_INPUT
    assert json.loads(result.stdout)["rejected"] == 1
    assert (tmp_path / "r.json").exists()


def test_validate_refuses_a_report_of_another_kind_before_reading(run: Run) -> None:
    assert "r.txt" in str(read_error(run("validate", "nosuch.csv", "--report", "r.txt")))


def test_a_named_format_is_used(run: Run, tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text("title,salary\nCook,1\n", encoding="utf-8")
    assert json.loads(run("validate", "jobs.csv", "--format", "plain", "--json").stdout)["skills"] == 1
    assert read_error(run("validate", "jobs.csv")).exit_code == ExitCode.BAD_INPUT
