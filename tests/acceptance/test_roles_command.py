"""Who may do what, with the installed command: a person is added, does what they may, and is refused the rest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seamark.errors import ExitCode

_COMMAND = Path(sys.executable).parent / "seamark"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def seamark(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs the command in a new workspace of ada's, who is signed in."""
    folder = tmp_path_factory.mktemp("roles")

    def run(*arguments: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        surroundings = {"SEAMARK_HOME": str(folder), "SEAMARK_CREDENTIALS": str(folder / "tokens.json")}
        done = subprocess.run(
            [_COMMAND, *arguments],
            cwd=folder,
            env=os.environ | surroundings | {"COLUMNS": "200", "NO_COLOR": "1"} | env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done

    assert run("init", ".", "--admin", "ada").returncode == 0
    return run


@pytest.fixture(scope="module")
def token(seamark: Run, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A token of vera's, who is a viewer, that is good for whatever she may."""
    password = "correct horse battery\n"
    added = seamark("people", "add", "vera", "--role", "viewer", "--password-stdin", stdin=password)
    assert added.returncode == 0
    own = {"SEAMARK_CREDENTIALS": str(tmp_path_factory.mktemp("vera") / "tokens.json")}
    assert seamark("login", "vera", "--password-stdin", stdin=password, **own).returncode == 0
    made = seamark("token", "create", "--scope", "write", "--json", **own)
    return str(json.loads(made.stdout)["token"])


def test_a_viewer_is_refused_in_one_line_with_an_exit_code_of_its_own(seamark: Run, token: str) -> None:
    refused = seamark("trigger", "manual", SEAMARK_TOKEN=token)
    assert refused.returncode == ExitCode.NOT_ALLOWED
    assert refused.stdout == ""
    [line] = refused.stderr.splitlines()
    assert line.startswith(
        "seamark: vera (viewer) may not do this: trigger.fire; expected the role data-scientist"
    )
    assert json.loads(seamark("runs", "list", "--json").stdout) == []


def test_a_change_of_roles_works_on_the_token_at_once(seamark: Run, token: str) -> None:
    assert seamark("people", "change", "vera", "--role", "data-scientist").returncode == 0
    fired = seamark("trigger", "manual", "--json", SEAMARK_TOKEN=token)
    assert json.loads(fired.stdout)["payload"] == {"who": "vera"}
    assert seamark("people", "change", "vera", "--role", "viewer").returncode == 0
    assert seamark("trigger", "manual", SEAMARK_TOKEN=token).returncode == ExitCode.NOT_ALLOWED


def test_nobody_is_told_how_to_sign_in(seamark: Run, tmp_path: Path) -> None:
    refused = seamark("trigger", "manual", SEAMARK_CREDENTIALS=str(tmp_path / "none.json"))
    assert refused.returncode == ExitCode.NOT_ALLOWED
    assert "seamark login" in refused.stderr
    wrong = seamark("trigger", "manual", SEAMARK_TOKEN="smk_nonsense")
    assert (wrong.returncode, wrong.stdout) == (ExitCode.NOT_ALLOWED, "")


def test_what_was_done_and_what_was_refused_is_in_the_trail(seamark: Run, token: str) -> None:
    seamark("trigger", "manual", SEAMARK_TOKEN=token)
    seamark("trigger", "manual", "--key", "told")
    listed = json.loads(seamark("audit", "list", "--action", "trigger.fire", "--json").stdout)
    newest, before = listed[:2]
    assert (newest["actor"], newest["outcome"], newest["after"]["key"]) == ("ada", "done", "told")
    assert (before["actor"], before["outcome"]) == ("vera", "denied")
    assert seamark("audit", "verify").returncode == 0
