from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

import people
from seamark.capture.segments import SPOOL, create_segment
from seamark.cli import _doctor_workspace as doctor
from seamark.cli.doctor import Check
from seamark.cli.main import app
from seamark.governance.people import add_person
from seamark.pipelines.triggers import fire
from seamark.storage.servers import ServerRecord, put_server
from seamark.storage.workspace import Workspace, create_workspace

NAMES = ["workspace", "object store", "signed in", "audit trail", "stages", "servers", "spool", "runs"]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("SEAMARK_CREDENTIALS", str(tmp_path / "tokens.json"))
    monkeypatch.setenv("SEAMARK_WORKSPACE", str(tmp_path / "workspace"))
    with create_workspace(tmp_path / "workspace", environ={}) as made:
        people.sign_in(made)
        yield made


def _change(workspace: Workspace, *statements: str) -> None:
    with workspace.database.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def _put_server(workspace: Workspace, *, seconds_ago: float = 0, **facts: Any) -> None:
    seen = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    with workspace.database.begin() as connection:
        put_server(connection, ServerRecord("server-1", "host:1", seen, seen, {"prod": facts}))


def test_a_new_workspace_is_well(workspace: Workspace) -> None:
    checks = doctor.run_workspace_checks(workspace)
    assert [check.name for check in checks] == NAMES
    assert {check.status for check in checks} == {"ok"}
    assert checks[2].found == "ada (administrator)"


def test_the_command_adds_the_workspace_to_the_installation(workspace: Workspace) -> None:
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert [check["name"] for check in json.loads(result.stdout)["checks"]][-len(NAMES) :] == NAMES


def test_outside_a_workspace_none_is_examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEAMARK_WORKSPACE", raising=False)
    monkeypatch.chdir(tmp_path)
    assert doctor.check_workspace() == []


def test_a_workspace_that_is_named_and_not_there_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEAMARK_WORKSPACE", str(tmp_path))
    (check,) = doctor.check_workspace()
    assert (check.name, check.status) == ("workspace", "fail")
    assert "no workspace" in check.found


def test_nobody_signed_in_is_a_warning_and_leaves_the_trail_unverified(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEAMARK_CREDENTIALS", str(workspace.folder / "none.json"))
    monkeypatch.delenv("SEAMARK_TOKEN", raising=False)
    assert doctor.check_person(workspace).status == "warn"
    trail = doctor.check_trail(workspace)
    assert (trail.status, "nobody is signed in" in trail.found) == ("ok", True)


def test_a_changed_trail_fails_and_the_first_wrong_event_is_named(workspace: Workspace) -> None:
    _change(
        workspace,
        "DROP TRIGGER audit_events_no_update",
        "UPDATE audit_events SET actor = 'eve' WHERE seq = 1",
    )
    check = doctor.check_trail(workspace)
    assert (check.status, check.hint) == ("fail", "seamark audit verify")
    assert check.found.startswith("changed at event 1")


def test_a_long_trail_is_left_to_its_own_command(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_MOST_EVENTS", 0)
    check = doctor.check_trail(workspace)
    assert (check.status, check.hint) == ("ok", "seamark audit verify")
    assert "not verified here" in check.found


@pytest.mark.parametrize(
    ("seconds_ago", "facts", "status", "found"),
    [
        (0, {"version": None, "error": ""}, "ok", "host:1"),
        (0, {"version": "1.0.0", "error": ""}, "warn", "host:1 runs 1.0.0 on prod, not nothing"),
        (
            0,
            {"version": None, "error": "damaged"},
            "warn",
            "host:1 runs nothing on prod, not nothing: damaged",
        ),
        (3600, {"version": "1.0.0"}, "warn", "none; silent since they were killed: host:1"),
    ],
)
def test_servers_are_held_against_what_their_stages_should_run(
    workspace: Workspace, seconds_ago: float, facts: dict[str, Any], status: str, found: str
) -> None:
    _put_server(workspace, seconds_ago=seconds_ago, **facts)
    check = doctor.check_servers(workspace)
    assert (check.status, check.found) == (status, found)


@pytest.mark.parametrize(("host", "status"), [("host", "ok"), ("other", "warn")])
def test_a_killed_server_that_was_started_again_is_forgotten(
    workspace: Workspace, host: str, status: str
) -> None:
    _put_server(workspace, seconds_ago=3600, version=None)
    now = datetime.now(UTC)
    with workspace.database.begin() as connection:
        put_server(connection, ServerRecord("server-2", f"{host}:2", now, now, {}))
    assert doctor.check_servers(workspace).status == status


def test_a_spool_that_a_killed_server_left_is_a_warning(workspace: Workspace) -> None:
    path, descriptor = create_segment(workspace.folder / SPOOL)
    assert doctor.check_spool(workspace).status == "ok"  # its writer lives
    os.close(descriptor)
    check = doctor.check_spool(workspace)
    assert (check.status, "1 left by servers that are gone" in check.found) == ("warn", True)
    assert path.exists()


def test_a_spool_that_fills_up_is_a_warning(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    _, descriptor = create_segment(workspace.folder / SPOOL)
    monkeypatch.setattr(doctor, "_FULL", -1.0)
    check = doctor.check_spool(workspace)
    os.close(descriptor)
    assert (check.status, check.hint) == ("warn", "see that servers reach the database")


@pytest.mark.parametrize(("minutes", "status"), [(0, "ok"), (11, "warn")])
def test_a_run_that_nobody_works_on_is_a_warning_after_a_while(
    workspace: Workspace, minutes: int, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_person(workspace, people.ADMIN, "sue", roles=["data-scientist"])
    fire(workspace, people.make_actor("sue", "data-scientist"), "manual")
    monkeypatch.setattr(doctor, "_PATIENCE", timedelta(minutes=10 - minutes))
    assert doctor.check_runs(workspace).status == status


def test_an_examination_that_breaks_leaves_the_others(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(_workspace: Workspace) -> Check:
        raise RuntimeError("away")

    monkeypatch.setattr(doctor, "check_store", break_down)
    checks = doctor.run_workspace_checks(workspace)
    assert [(check.name, check.status) for check in checks if check.status == "fail"] == [
        ("object store", "fail")
    ]
    assert len(checks) == len(NAMES)
