"""People, tokens and the audit trail with the installed command."""

from __future__ import annotations

import json
import os
import pty
import select
import sqlite3
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

_COMMAND = Path(sys.executable).parent / "seamark"
_AT_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
PASSWORD = "correct horse battery"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return os.environ | {
        "SEAMARK_HOME": str(tmp_path / "home"),
        "SEAMARK_CREDENTIALS": str(tmp_path / "tokens.json"),
        "SEAMARK_WORKSPACE": str(tmp_path / "workspace"),
        "COLUMNS": "200",
        "NO_COLOR": "1",
    }


@pytest.fixture
def seamark(tmp_path: Path, environ: dict[str, str]) -> Run:
    """Runs a command and sees that it ends as it should; gives the finished process."""

    def run(*arguments: str, stdin: str = "", code: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [_COMMAND, *arguments],
            cwd=tmp_path,
            env=environ | env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def test_from_init_to_a_second_person_and_back_in_after_everything_was_lost(seamark, tmp_path):
    first = json.loads(seamark("init", "workspace", "--admin", "ada", "--json").stdout)["administrator"]
    assert (first["name"], first["credentials"]) == ("ada", str(tmp_path / "tokens.json"))
    seamark("people", "add", "bob", "--role", "viewer", "--password-stdin", stdin=PASSWORD)
    seamark("logout")
    assert "seamark login NAME" in seamark("whoami", code=5).stderr
    assert "wrong" in seamark("login", "bob", "--password-stdin", stdin="wrong password", code=5).stderr
    seamark("login", "bob", "--password-stdin", stdin=PASSWORD)
    refused = seamark("people", "add", "eve", "--role", "administrator", code=5)
    assert "administrator" in refused.stderr
    assert refused.stdout == ""
    seamark("people", "rescue", "ada")
    assert [one["name"] for one in json.loads(seamark("people", "list", "--json").stdout)] == ["ada", "bob"]
    events = json.loads(seamark("audit", "list", "--json").stdout)
    assert [one["outcome"] for one in events if one["subject"] == "eve"] == ["denied"]
    seamark("people", "change", "bob", "--barred")
    assert seamark("login", "bob", "--password-stdin", stdin=PASSWORD, code=5).stdout == ""


def test_a_program_signs_in_with_a_token_of_its_own_till_it_is_revoked(seamark):
    seamark("init", "workspace", "--admin", "ada")
    made = json.loads(seamark("token", "create", "--scope", "read", "--title", "a program", "--json").stdout)
    found = json.loads(seamark("whoami", "--json", SEAMARK_TOKEN=made["token"]).stdout)
    assert (found["name"], found["scopes"]) == ("ada", ["read"])
    seamark("token", "revoke", made["id"])
    seamark("whoami", code=5, SEAMARK_TOKEN=made["token"])
    seamark("whoami")


def test_who_alters_the_trail_is_found_out(seamark, tmp_path):
    seamark("init", "workspace", "--admin", "ada")
    known = seamark("audit", "verify").stdout.strip()
    seamark("audit", "export", "--output", "trail.jsonl")
    assert len((tmp_path / "trail.jsonl").read_text(encoding="utf-8").splitlines()) == int(
        known.split(":")[0]
    )
    database = sqlite3.connect(tmp_path / "workspace" / "seamark.db")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        database.execute("DELETE FROM audit_events WHERE seq > 1")
    database.execute("DROP TRIGGER audit_events_no_delete")
    with database:
        database.execute("DELETE FROM audit_events WHERE seq > 1")
    database.close()
    done = seamark("audit", "verify", "--expect", known, code=1)
    assert "first event that is wrong: 2" in done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines()[2:]] == ["head", "anchor", "expected"]


def test_at_a_terminal_init_asks_for_a_password_that_is_not_shown(seamark, tmp_path, environ):
    master, terminal = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-c", _AT_TERMINAL, _COMMAND, "init", "workspace", "--admin", "ada"],
        cwd=tmp_path,
        env=environ,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown = _answer(master, ["Password of the administrator", "The same again"])
    assert running.wait(timeout=300) == 0, shown
    os.close(master)
    assert PASSWORD not in shown
    seamark("logout")
    seamark("login", "ada", "--password-stdin", stdin=PASSWORD)


def _answer(terminal: int, questions: list[str], *, patience: float = 300.0) -> str:
    """What was shown until the program ended; each question is answered with the password."""
    shown, waiting, deadline = "", list(questions), time.monotonic() + patience
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            read = os.read(terminal, 4096)
        except OSError:  # how Linux says that the other end was closed
            break
        if not read:
            break
        shown += read.decode(errors="replace")
        if waiting and shown.rstrip().endswith(":") and waiting[0] in shown:
            waiting.pop(0)
            while termios.tcgetattr(terminal)[3] & termios.ECHO:  # typed before, it would be shown
                time.sleep(0.01)
            os.write(terminal, f"{PASSWORD}\n".encode())
    assert not waiting, shown
    return shown
