from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from capture_fakes import NOON, make_capture, make_request_id, open_spool
from people import list_audit, sign_in
from seamark.cli.main import app
from seamark.errors import NotAllowedError, NotFoundError
from seamark.storage import captures as rows
from seamark.storage.workspace import Workspace, create_workspace

Run = Callable[..., Result]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SEAMARK_CREDENTIALS", str(tmp_path / "tokens.json"))
    monkeypatch.setenv("SEAMARK_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("COLUMNS", "250")
    with create_workspace(tmp_path / "workspace", environ={}) as made:
        sign_in(made)
        yield made


@pytest.fixture
def run() -> Run:
    def invoke(*arguments: str, ok: bool = True) -> Result:
        result = CliRunner().invoke(app, ["capture", *arguments])
        assert not ok or result.exit_code == 0, (result.output, result.exception)
        return result

    return invoke


@pytest.fixture
def filled(workspace: Workspace) -> Workspace:
    """Captures of two days, and a shadow's beside the first."""
    with workspace.database.begin() as connection:
        rows.add_captures(
            connection,
            [
                make_capture(1, input="You will\nbuild dashboards. " * 5),
                make_capture(2, stage="uat", at=NOON + timedelta(days=1)),
                make_capture(3, role="shadow", answered_id=make_request_id(1)),
            ],
        )
    return workspace


def test_the_list_shows_the_newest_first_on_one_line_each(filled, run):
    lines = run("list").stdout.splitlines()

    assert [line.split()[0] for line in lines[2:]] == [
        make_request_id(2),
        *sorted([make_request_id(1), make_request_id(3)]),
    ]
    assert "You will build dashboards." in next(line for line in lines if make_request_id(1) in line)


def test_the_list_as_json_is_everything_that_is_asked_for(filled, run):
    [found] = json.loads(run("list", "--stage", "uat", "--json").stdout)

    assert found["request_id"] == make_request_id(2)
    assert found["at"] == "2026-11-02T12:00:00.000000+00:00"
    assert found["output"] == make_capture(2).output
    assert len(json.loads(run("list", "--role", "shadow", "--json").stdout)) == 1
    assert len(json.loads(run("list", "--since", "2026-11-02", "--json").stdout)) == 1
    assert len(json.loads(run("list", "--until", "2026-11-01T12:00:00", "--json").stdout)) == 0
    assert len(json.loads(run("list", "--limit", "2", "--json").stdout)) == 2
    assert len(json.loads(run("list", "--version", "9.9.9", "--json").stdout)) == 0


def test_an_empty_list_says_so(workspace, run):
    result = run("list")

    assert result.stdout == ""
    assert "no such capture" in result.stderr
    assert run("list", "--json").stdout == "[]\n"


def test_one_capture_is_shown_with_its_skills(filled, run):
    shown = run("show", make_request_id(2)).stdout

    assert "Data Visualisation" in shown
    assert "doc-2" in shown
    assert json.loads(run("show", make_request_id(2), "--json").stdout)["document_id"] == "doc-2"


def test_a_capture_that_is_not_there_is_an_error(workspace, run):
    for command in ("show", "delete"):
        result = run(command, "beef", ok=False)

        assert isinstance(result.exception, NotFoundError)
        assert "no capture of the request beef" in str(result.exception)


def test_deleting_says_how_many_and_records_why(filled, run):
    told = json.loads(run("delete", make_request_id(1), "--reason", "asked for", "--json").stdout)

    assert told == {"request_id": make_request_id(1), "captures": 2, "spooled": False}
    assert [event.reason for event in list_audit(filled, "capture.delete")] == ["asked for"]
    assert len(json.loads(run("list", "--json").stdout)) == 1


def test_deleting_says_where_the_spool_has_some(workspace, run):
    spool = open_spool(workspace.folder / "spool")
    spool.append([make_capture(1)])

    assert "the spool's will be dropped" in run("delete", make_request_id(1)).stderr
    spool.close()


def test_archiving_says_what_was_done(workspace, run):
    with workspace.database.begin() as connection:
        rows.add_captures(connection, [make_capture(4, at=NOON - timedelta(days=3650))])

    assert json.loads(run("archive", "--json").stdout)["removed"] == 1
    assert "captures archived in" in run("archive").stderr


def test_the_counts_are_shown(filled, run):
    shown = run("stats").stdout

    assert "champion" in shown
    assert "2026-11-02" in shown
    told = json.loads(run("stats", "--json").stdout)
    assert sum(one["captures"] for one in told["database"]) == 3
    assert told["spool"] == {"files": 0, "bytes": 0}


def test_a_viewer_may_not_even_list(filled, run, monkeypatch, tmp_path):
    sign_in(filled, "vic", "viewer")

    for arguments in (["list"], ["show", "x"], ["stats"], ["delete", "x"], ["archive"]):
        assert isinstance(run(*arguments, ok=False).exception, NotAllowedError)
