"""One worker at a time in a workspace."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from seamark.pipelines.lock import hold_worker_lock, read_holder
from seamark.storage.workspace import create_workspace


@pytest.fixture
def workspace(tmp_path):
    with create_workspace(tmp_path) as workspace:
        yield workspace


def test_the_lock_is_held_by_one_and_free_again_afterwards(workspace):
    assert read_holder(workspace) == "a process on another machine"
    with hold_worker_lock(workspace) as first, hold_worker_lock(workspace) as second:
        assert (first, second) == (True, False)
        assert read_holder(workspace).startswith(f"process {os.getpid()} on ")
    with hold_worker_lock(workspace) as again:
        assert again


def test_an_error_within_frees_the_lock(workspace):
    with pytest.raises(RuntimeError), hold_worker_lock(workspace):
        raise RuntimeError
    with hold_worker_lock(workspace) as again:
        assert again


def test_a_killed_holder_leaves_nothing_locked(workspace):
    code = (
        "import os, fcntl, signal; "
        f"fd = os.open({str(workspace.folder / 'worker.lock')!r}, os.O_RDWR | os.O_CREAT); "
        "fcntl.flock(fd, fcntl.LOCK_EX); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    with hold_worker_lock(workspace) as held:
        assert held
