from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from seamark.base_models._lock import hold_lock
from seamark.errors import WeightsError

_HOLDER = """
import sys, pathlib
from seamark.base_models._lock import hold_lock
with hold_lock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def _start_holder(path: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_lock_can_be_held_again_after_it_was_let_go(tmp_path: Path) -> None:
    for _ in range(2):
        with hold_lock(tmp_path / "deep" / "a.lock", patience=0):
            assert (tmp_path / "deep" / "a.lock").exists()


def test_a_lock_of_another_process_is_waited_for_and_then_given_up(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with _start_holder(path) as holder:
        with pytest.raises(WeightsError, match="another process has held"), hold_lock(path, patience=0):
            pass
        holder.communicate("\n")
    with hold_lock(path, patience=0):
        pass


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with _start_holder(path) as holder:
        holder.kill()
        holder.wait()
    with hold_lock(path, patience=0):
        pass


def test_an_error_inside_lets_the_lock_go(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with pytest.raises(KeyError), hold_lock(path):
        raise KeyError
    with hold_lock(path, patience=0):
        pass
