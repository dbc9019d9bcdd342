"""Captures of processes that are killed, or whose disk is full."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from capture_fakes import make_capture, open_spool
from seamark.capture.moving import move_once
from seamark.capture.record import decode_line
from seamark.capture.segments import list_segments, read_lines
from seamark.storage import captures as rows
from seamark.storage.workspace import create_workspace

_DRIVER = Path(__file__).parent / "capture_driver.py"


@pytest.fixture
def workspace(tmp_path, database_url, monkeypatch):
    monkeypatch.setenv("SEAMARK_DATABASE_URL", database_url)
    monkeypatch.setenv("SEAMARK_CAPTURE_MOVE_SECONDS", "0.05")
    with create_workspace(tmp_path / "workspace") as workspace:
        yield workspace


def start_driver(workspace, first, how):
    command = [sys.executable, str(_DRIVER), str(workspace.folder), str(first), how]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def kill_after(driver, lines):
    """The numbers that it said it had captured, until it was killed at some moment behind so many."""
    said = [int(driver.stdout.readline()) for _ in range(lines)]
    driver.send_signal(signal.SIGKILL)
    rest = driver.stdout.read().split("\n")
    driver.wait()
    driver.stdout.close()
    return said + [int(line) for line in rest[:-1]]  # the last line may be torn


def read_numbers(workspace):
    with workspace.database.read() as connection:
        found = rows.list_captures(connection, limit=None)
    return sorted(int(one.document_id.removeprefix("doc-")) for one in found)


@pytest.mark.parametrize("how", ["write", "write-and-move"])
def test_a_killed_process_loses_no_capture_and_none_comes_twice(workspace, how):
    said = []
    for attempt in range(4):
        driver = start_driver(workspace, attempt * 1_000_000, how)
        said += kill_after(driver, random.randrange(1, 400))
        if attempt % 2:
            move_once(workspace, workspace.folder / "spool")
    move_once(workspace, workspace.folder / "spool")

    found = read_numbers(workspace)
    assert set(said) <= set(found)
    assert len(found) == len(set(found))
    assert list_segments(workspace.folder / "spool") == []


def test_two_processes_share_a_spool(workspace):
    drivers = [start_driver(workspace, first, "write-and-move") for first in (0, 1_000_000)]
    said = [number for driver in drivers for number in kill_after(driver, 200)]
    move_once(workspace, workspace.folder / "spool")

    found = read_numbers(workspace)
    assert set(said) <= set(found)
    assert len(found) == len(set(found))


def test_captures_come_back_only_once_when_a_killed_process_left_them_behind_the_archive(workspace):
    """The file was moved, but its mover was killed before it could remove it; then the day was archived."""
    from seamark.capture.archive import archive_captures
    from seamark.governance.actors import SYSTEM

    spool = open_spool(workspace.folder / "spool")
    spool.append([make_capture(number) for number in range(5)])
    spool.close()
    [path] = list_segments(spool.folder)
    kept = path.read_bytes()
    move_once(workspace, spool.folder)
    later = make_capture().at.replace(year=2027)
    assert archive_captures(workspace, SYSTEM, now=later).archived == 5

    path.write_bytes(kept)
    move_once(workspace, spool.folder)
    report = archive_captures(workspace, SYSTEM, now=later)

    assert (report.archived, report.again) == (0, 5)
    assert read_numbers(workspace) == []


def test_a_file_that_may_not_grow_holds_whole_lines_only(tmp_path):
    """A limit on the size of files cuts a write short as a full disk does."""
    folder = tmp_path / "spool"
    said = subprocess.check_output([sys.executable, str(_DRIVER), str(folder), "0", "limited"], text=True)
    written, dropped = map(int, said.split())

    found = [decode_line(line) for path in list_segments(folder) for line, _ in read_lines(path)]
    assert written > 0
    assert dropped > 0
    assert written + dropped == 20
    assert len(found) == written
    assert all(path.read_bytes().endswith(b"\n") for path in list_segments(folder) if path.stat().st_size)
