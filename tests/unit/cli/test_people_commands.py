from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import text
from typer.testing import CliRunner

from people import list_audit
from seamark.cli.main import app
from seamark.errors import (
    ConflictError,
    NotAllowedError,
    NotFoundError,
    SeamarkError,
    SignInError,
    UsageError,
)
from seamark.governance.sign_in import check_password
from seamark.storage.workspace import Workspace, create_workspace, open_workspace

PASSWORD = "correct horse battery"
Run = Callable[..., Result]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace in which nobody has an account, with a file of tokens of its own; it is closed."""
    monkeypatch.setenv("SEAMARK_CREDENTIALS", str(tmp_path / "tokens.json"))
    monkeypatch.setenv("SEAMARK_WORKSPACE", str(tmp_path / "workspace"))
    made = create_workspace(tmp_path / "workspace", environ={})
    made.close()
    return made


@pytest.fixture
def run(workspace: Workspace) -> Run:
    """Runs a command in the workspace."""

    def invoke(*arguments: str, stdin: str = "", **env: str) -> Result:
        return CliRunner().invoke(app, list(arguments), input=stdin, env=env, catch_exceptions=False)

    return invoke


@pytest.fixture
def ask(run: Run) -> Callable[..., Any]:
    """Runs a command with ``--json``; gives what it printed."""

    def read(*arguments: str, **options: str) -> Any:
        result = run(*arguments, "--json", **options)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return read


@pytest.fixture
def first(run: Run) -> Run:
    """The command, with Ada signed in, who is the administrator."""
    assert run("people", "add", "ada", "--role", "administrator").exit_code == 0
    return run


def fails(run: Run, error: type[SeamarkError], match: str, *arguments: str, **options: str) -> None:
    with pytest.raises(error, match=match):
        run(*arguments, **options)


def test_the_first_person_of_an_older_workspace_is_an_administrator_and_signed_in(run, ask, workspace):
    fails(run, UsageError, "--role administrator", "people", "add", "ada", "--role", "viewer")
    fails(run, UsageError, "--role administrator", "people", "add", "ada")
    made = ask("people", "add", "ada", "--role", "administrator")
    assert (made["name"], made["roles"], made["active"], made["has_password"]) == (
        "ada",
        ["administrator"],
        True,
        False,
    )
    assert ask("whoami")["name"] == "ada"
    with open_workspace(workspace.folder) as opened:
        assert [event.action for event in list_audit(opened)] == ["people.add", "token.create"]


def test_a_second_person_needs_somebody_who_may_add_them(first, run, monkeypatch, tmp_path):
    monkeypatch.setenv("SEAMARK_CREDENTIALS", str(tmp_path / "others.json"))
    fails(run, SignInError, "nobody is signed in", "people", "add", "eve", "--role", "administrator")


def test_people_are_added_changed_and_listed(first, run, ask):
    run("people", "add", "bob", "--role", "viewer", "--role", "approver", "--password-stdin", stdin=PASSWORD)
    assert ask("people", "change", "bob", "--role", "reviewer", "--barred", "--reason", "left")["roles"] == [
        "reviewer"
    ]
    assert [
        (one["name"], one["roles"], one["active"], one["has_password"]) for one in ask("people", "list")
    ] == [
        ("ada", ["administrator"], True, False),
        ("bob", ["reviewer"], False, True),
    ]
    shown = run("people", "list").stdout
    assert re.search(r"bob +reviewer +barred +yes", shown)
    assert run("people", "change", "bob", "--active").stderr == "bob: reviewer, active\n"
    assert ask("audit", "list", "--action", "people.change")[1]["reason"] == "left"


def test_a_change_of_nothing_is_misuse(first, run):
    fails(run, UsageError, "nothing to change", "people", "change", "ada")


def test_the_last_administrator_can_not_be_barred(first, run):
    fails(run, ConflictError, "no administrator", "people", "change", "ada", "--barred")


def test_a_password_of_stdin_is_its_first_line(first, run, workspace):
    run("people", "password", "--password-stdin", stdin=f"{PASSWORD}\r\nsecond line\n")
    with open_workspace(workspace.folder) as opened:
        assert check_password(opened, "ada", PASSWORD).name == "ada"


@pytest.mark.parametrize("stdin", ["", "\n", "short\n"])
def test_no_password_or_a_short_one_is_misuse(first, run, stdin):
    fails(run, UsageError, "password", "people", "password", "--password-stdin", stdin=stdin)


def test_without_a_terminal_a_password_is_not_asked_for(first, run):
    fails(run, UsageError, "--password-stdin", "people", "password")
    fails(run, UsageError, "--password-stdin", "login", "ada")


def test_at_a_terminal_a_new_password_is_asked_for_till_it_is_typed_twice_alike(
    first, run, workspace, monkeypatch
):
    monkeypatch.setattr("seamark.cli._people.has_terminal", lambda: True)
    done = run("people", "password", stdin=f"one of them\nanother one\n{PASSWORD}\n{PASSWORD}\n")
    assert "the two differ" in done.stderr
    assert PASSWORD not in done.output
    done = run("login", "ada", stdin=f"{PASSWORD}\n")
    assert done.stderr.count("Password of ada") == 1
    assert "signed in as ada" in done.stderr


def test_login_keeps_a_token_and_logout_revokes_it(first, run, ask, tmp_path):
    run("people", "password", "--password-stdin", stdin=PASSWORD)
    run("logout")
    fails(run, SignInError, "seamark login NAME", "whoami")
    done = run("login", "ada", "--password-stdin", "--days", "2", stdin=PASSWORD)
    assert done.stderr.startswith("signed in as ada until ")
    found = ask("whoami")
    assert (found["name"], found["roles"], found["scopes"]) == (
        "ada",
        ["administrator"],
        ["predict", "read", "write"],
    )
    assert "ada" in run("whoami").stdout
    kept = (tmp_path / "tokens.json").read_text(encoding="utf-8")
    assert run("logout").stderr == "ada is signed out\n"
    assert run("logout").stderr == "nobody was signed in\n"
    (tmp_path / "tokens.json").write_text(kept, encoding="utf-8")
    fails(run, SignInError, "not valid", "whoami")


def test_who_signs_in_again_leaves_no_second_token(first, run, ask):
    run("people", "password", "--password-stdin", stdin=PASSWORD)
    run("login", "ada", "--password-stdin", stdin=PASSWORD)
    assert [one["status"] for one in ask("token", "list")] == ["valid", "revoked"]


def test_a_wrong_password_keeps_who_was_signed_in(first, run, ask):
    fails(
        run, SignInError, "name or the password", "login", "ada", "--password-stdin", stdin="wrong password"
    )
    assert ask("whoami")["name"] == "ada"


def test_a_token_is_printed_once_alone_and_works(first, run, ask):
    done = run(
        "token", "create", "--title", "nightly", "--scope", "read", "--scope", "predict", "--days", "7"
    )
    secret = done.stdout.strip()
    assert re.fullmatch(r"smk_[\w-]{43}", secret)
    assert "shown only now" in done.stderr
    assert ask("whoami", SEAMARK_TOKEN=secret)["scopes"] == ["predict", "read"]
    assert secret not in run("token", "list").stdout
    fails(run, NotAllowedError, "scope write", "token", "create", SEAMARK_TOKEN=secret)


def test_tokens_are_listed_and_revoked(first, run, ask):
    run("people", "add", "bob", "--role", "viewer")
    made = ask("token", "create", "--person", "bob", "--title", "bob's")
    assert ask("whoami", SEAMARK_TOKEN=made["token"])["name"] == "bob"
    assert [(one["id"], one["title"]) for one in ask("token", "list", "--person", "bob")] == [
        (made["id"], "bob's")
    ]
    assert ask("token", "revoke", made["id"], "--reason", "lost")["status"] == "revoked"
    fails(run, SignInError, "not valid", "whoami", SEAMARK_TOKEN=made["token"])
    fails(run, NotFoundError, "no token", "token", "revoke", "token-unknown")
    assert re.search(r"bob's +predict +\S+ +revoked", run("token", "list").stdout)


@pytest.mark.parametrize("option", [("--scope", "all"), ("--days", "0"), ("--days", "3651")])
def test_a_token_that_can_not_be_is_misuse(first, run, option):
    fails(run, UsageError, "expected", "token", "create", *option)


def test_who_has_no_tokens_is_told_so(first, run):
    assert run("token", "list", "--person", "nobody").stderr == "no token\n"


def test_an_administrator_who_lost_everything_is_let_in_again(first, run, ask, tmp_path):
    run("people", "add", "bob", "--role", "viewer")
    (tmp_path / "tokens.json").unlink()
    fails(run, ConflictError, "bob is no administrator", "people", "rescue", "bob")
    assert "signed in as ada" in run("people", "rescue", "ada").stderr
    assert ask("whoami")["name"] == "ada"
    newest = ask("audit", "list", "--limit", "1")[0]
    assert (newest["via"], newest["actor"], newest["action"]) == ("rescue", "ada", "token.create")


def test_a_token_that_no_file_can_keep_is_shown_once(run, ask, tmp_path):
    (tmp_path / "file").write_text("")
    nowhere = str(tmp_path / "file" / "tokens.json")
    done = run("people", "add", "ada", "--role", "administrator", SEAMARK_CREDENTIALS=nowhere)
    assert done.exit_code == 0
    (secret,) = re.findall(r"^smk_[\w-]{43}$", done.stderr, flags=re.MULTILINE)
    assert ask("whoami", SEAMARK_TOKEN=secret)["name"] == "ada"


def test_the_trail_is_listed_and_chosen(first, run, ask, tmp_path):
    run("people", "add", "bob", "--role", "viewer", "--password-stdin", stdin=f"{PASSWORD}\n")
    fails(
        run,
        NotAllowedError,
        "of bob with the scope",
        "token",
        "create",
        "--person",
        "bob",
        "--scope",
        "write",
    )
    bobs = str(tmp_path / "bob.json")
    assert (
        run("login", "bob", "--password-stdin", stdin=f"{PASSWORD}\n", SEAMARK_CREDENTIALS=bobs).exit_code
        == 0
    )
    asks = {"SEAMARK_CREDENTIALS": bobs}
    fails(run, NotAllowedError, "people.read", "people", "list", **asks)
    fails(run, NotAllowedError, "people.add", "people", "add", "eve", "--role", "viewer", **asks)
    assert [one["seq"] for one in ask("audit", "list", "--limit", "2")] == [6, 5]
    assert [one["seq"] for one in ask("audit", "list", "--before", "3")] == [2, 1]
    assert [one["subject"] for one in ask("audit", "list", "--actor", "bob")] == ["eve", "bob"]
    assert [one["seq"] for one in ask("audit", "list", "--subject", "ada")] == [2, 1]
    assert re.search(r"bob +people.add +eve +denied", run("audit", "list").stdout)
    assert run("audit", "list", "--actor", "nobody").stderr == "no such event\n"


def test_a_sound_trail_gives_what_an_auditor_keeps(first, run, ask):
    done = run("audit", "verify")
    assert done.exit_code == 0
    assert re.fullmatch(r"2:[0-9a-f]{64}\n", done.stdout)
    assert "whole: 2 events" in done.stderr
    run("people", "add", "bob", "--role", "viewer")
    found = ask("audit", "verify", "--expect", done.stdout.strip())
    assert found["sound"] is True
    assert found["anchor"] == found["head"]
    assert found["faults"] == []


def test_an_altered_trail_names_the_first_wrong_event_with_exit_code_one(first, run, workspace):
    with open_workspace(workspace.folder) as opened, opened.database.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_events_no_update"))
        connection.execute(text("UPDATE audit_events SET actor = 'eve' WHERE seq = 2"))
    done = run("audit", "verify")
    assert done.exit_code == 1
    assert "first event that is wrong: 2" in done.stderr
    assert "was altered" in done.stdout
    found = run("audit", "verify", "--json")
    assert found.exit_code == 1
    assert [(one["seq"], one["kind"]) for one in json.loads(found.stdout)["faults"]] == [(2, "altered")]


def test_what_an_auditor_knows_and_the_trail_has_not_is_found(first, run):
    assert run("audit", "verify", "--expect", f"9:{'0' * 64}").exit_code == 1
    fails(run, UsageError, "SEQ:DIGEST", "audit", "verify", "--expect", "9")


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_the_trail_is_exported(first, run, ask, tmp_path, ending):
    path = tmp_path / f"trail.{ending}"
    assert ask("audit", "export", "--output", str(path)) == {"file": str(path), "events": 2}
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file)) if ending == "csv" else [json.loads(line) for line in file]
    assert [row["action"] for row in rows] == ["people.add", "token.create"]
    assert run("audit", "export", "--output", str(path)).stderr == f"2 events in {path}\n"
