"""A version's way to UAT and back by the installed command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from delivery_fakes import make_template
from people import sign_in
from seamark.storage.workspace import open_workspace

COMMAND = shutil.which("seamark", path=str(Path(sys.executable).parent)) or "seamark"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_template(tmp_path_factory.mktemp("delivery") / "ws")
    with open_workspace(made, environ={}) as workspace:
        sign_in(workspace, "rita", "data-scientist", "approver")
    return made


def _seamark(folder: Path, *arguments: str, expect: int = 0) -> Any:
    """What the command prints as JSON; on a failure its one line."""
    env = {**os.environ, "SEAMARK_WORKSPACE": str(folder)}
    command = [COMMAND, *arguments, "--json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == expect, done.stderr
    return json.loads(done.stdout) if expect == 0 else done.stderr


def test_a_version_is_promoted_approved_and_rolled_back(folder: Path) -> None:
    for version in ("1.0.0", "1.1.0"):
        asked = _seamark(folder, "promote", version, "--to", "uat", "--reason", "tested")
        assert asked["status"] == "waiting"
        assert _seamark(folder, "approve", asked["promotion"])["status"] == "approved"
    back = _seamark(folder, "rollback", "--stage", "uat", "--reason", "worse")
    assert (back["kind"], back["version"], back["replaces"]) == ("rollback", "1.0.0", "1.1.0")
    assert _seamark(folder, "stages", "show", "uat")["version"] == "1.0.0"


def test_what_is_refused_is_one_line_and_an_exit_code(folder: Path) -> None:
    told = _seamark(folder, "promote", "1.2.0", "--to", "prod", expect=2)
    assert told == (
        "seamark: 1.2.0 is not signed off on uat; expected an approved promotion of it to uat that was not "
        "rolled back since; try: `seamark promote 1.2.0 --to uat`\n"
    )
    told = _seamark(folder, "people", "list", expect=5)
    assert told.startswith("seamark: rita (approver, data-scientist) may not do this: people.read")
