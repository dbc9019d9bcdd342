"""Captured predictions with the installed command: from a killed server's spool to their deletion."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from capture_fakes import make_capture, make_request_id, open_spool

_COMMAND = Path(sys.executable).parent / "seamark"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return os.environ | {
        "SEAMARK_HOME": str(tmp_path / "home"),
        "SEAMARK_CREDENTIALS": str(tmp_path / "tokens.json"),
        "SEAMARK_WORKSPACE": str(tmp_path / "workspace"),
        "NO_COLOR": "1",
    }


@pytest.fixture
def seamark(tmp_path: Path, environ: dict[str, str]) -> Run:
    """Runs a command and sees that it ends as it should."""

    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [_COMMAND, *arguments],
            cwd=tmp_path,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def test_a_worker_moves_what_a_server_left_and_a_capture_can_be_deleted(
    seamark: Run, environ: dict[str, str], tmp_path: Path
) -> None:
    seamark("init", "workspace", "--admin", "ada")
    spool = open_spool(tmp_path / "workspace" / "spool")
    now = datetime.now(UTC)
    spool.append(
        [make_capture(1, at=now), make_capture(2, at=now), make_capture(3, at=now.replace(year=2000))]
    )
    spool.close()

    worker = subprocess.Popen([_COMMAND, "worker"], env=environ, stderr=subprocess.DEVNULL)
    try:
        while len(json.loads(seamark("capture", "list", "--json").stdout)) != 2:
            assert worker.poll() is None
            time.sleep(0.1)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait()

    stats = json.loads(seamark("capture", "stats", "--json").stdout)
    assert stats["spool"] == {"files": 0, "bytes": 0}
    assert [one["captures"] for one in stats["database"]] == [2]
    assert make_request_id(1) in seamark("capture", "show", make_request_id(1)).stdout
    seamark("capture", "delete", make_request_id(1), "--reason", "asked for")
    assert "there is no capture" in seamark("capture", "show", make_request_id(1), code=2).stderr
    assert "there is no capture" in seamark("capture", "delete", make_request_id(1), code=2).stderr
    assert "captures archived" in seamark("capture", "archive").stderr
    assert "the trail is whole" in seamark("audit", "verify").stderr


def test_nobody_sees_captures_without_signing_in(seamark: Run, tmp_path: Path) -> None:
    seamark("init", "workspace", "--admin", "ada")
    (tmp_path / "tokens.json").unlink()

    for command in (["list"], ["show", "x"], ["stats"], ["delete", "x"], ["archive"]):
        assert "seamark login" in seamark("capture", *command, code=5).stderr
