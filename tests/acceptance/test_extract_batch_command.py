"""`seamark extract-batch` as a process of its own: killed, stopped, out of room, and whole."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

_RUNNER = Path(__file__).parent / "batch_runner.py"
_ROWS = 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with (tmp_path / "posts.csv").open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([["id", "description"], *([n, f"row {n}\nSQL"] for n in range(_ROWS))])
    return tmp_path


def start(folder: Path, *arguments: str, pause: float = 0.0, limit: int = 0) -> subprocess.Popen[str]:
    environment = os.environ | ({"FILE_SIZE_LIMIT": str(limit)} if limit else {})
    command = ["extract-batch", "posts.csv", "--text-column", "description", *arguments]
    return subprocess.Popen(
        [sys.executable, str(_RUNNER), "log.txt", str(pause), *command],
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def wait_for_parts(folder: Path, output: str, count: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while len(list((folder / f"{output}.partial").glob("part-*.jsonl"))) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "no part was written"
        time.sleep(0.01)


def get_log(folder: Path) -> list[str]:
    return (folder / "log.txt").read_text().splitlines()


def get_ids(folder: Path, output: str) -> list[int]:
    lines = (folder / output).read_text(encoding="utf-8").splitlines()
    return [int(json.loads(line)["id"]) for line in lines]


def test_a_whole_run_answers_every_row(folder: Path) -> None:
    code, out, err = finish(start(folder, "--output", "out.parquet", "--json"))
    assert code == 0, err
    assert json.loads(out)["ok"] == _ROWS
    frame = pl.read_parquet(folder / "out.parquet")
    assert frame["id"].to_list() == [str(n) for n in range(_ROWS)]
    assert set(frame["skillExtractOutput"].list.len()) == {1}
    assert {path.name for path in folder.iterdir()} == {"posts.csv", "out.parquet", "log.txt"}


def test_a_killed_run_goes_on_and_does_no_finished_row_again(folder: Path) -> None:
    arguments = ("--output", "out.jsonl", "--chunk-size", "4")
    process = start(folder, *arguments, pause=0.05)
    wait_for_parts(folder, "out.jsonl", 3, process)
    process.kill()
    assert finish(process)[0] == -signal.SIGKILL
    assert not (folder / "out.jsonl").exists()
    parts = len(list((folder / "out.jsonl.partial").glob("part-*.jsonl")))
    done = {f"row {n}" for n in range(4 * parts)}
    before = get_log(folder)

    code, _, err = finish(start(folder, *arguments))
    assert code == 0, err
    assert f"going on: {4 * parts} of {_ROWS} rows are done already" in err
    after = get_log(folder)[len(before) :]
    assert not done & set(after)
    assert len(after) == _ROWS - 4 * parts
    assert get_ids(folder, "out.jsonl") == list(range(_ROWS))
    assert not (folder / "out.jsonl.partial").exists()


def test_ctrl_c_says_how_to_go_on(folder: Path) -> None:
    arguments = ("--output", "out.jsonl", "--chunk-size", "4")
    process = start(folder, *arguments, pause=0.05)
    wait_for_parts(folder, "out.jsonl", 2, process)
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert (code, out) == (130, "")
    assert err.rstrip().splitlines()[-1] == "stopped; run the same command again to go on"
    assert finish(start(folder, *arguments))[0] == 0
    assert sorted(set(get_log(folder))) == sorted(f"row {n}" for n in range(_ROWS))


@pytest.mark.parametrize("output", ["out.jsonl", "out.csv", "out.parquet"])
def test_a_file_that_may_not_grow_any_more_leaves_no_half_output(folder: Path, output: str) -> None:
    # A part of 4 rows takes about 2 kB, the whole table more than the limit.
    limit = 3000
    arguments = ("--output", output, "--chunk-size", "4")
    code, _, err = finish(start(folder, *arguments, limit=limit))
    assert code == 1
    assert err.startswith("seamark: ")
    assert "can't be written" in err
    assert err.count("\n") == 1
    assert not (folder / output).exists()
    left = {path.name for path in (folder / f"{output}.partial").iterdir()}
    assert len([name for name in left if name.startswith("part-")]) == _ROWS // 4
    assert not [name for name in left if name.startswith("joined")]

    before = get_log(folder)
    code, _, err = finish(start(folder, *arguments))
    assert code == 0, err
    assert get_log(folder) == before
    assert (folder / output).exists()


def test_a_part_that_may_not_be_written_leaves_no_half_of_itself(folder: Path) -> None:
    code, _, err = finish(start(folder, "--output", "out.jsonl", limit=3000))
    assert code == 1
    assert "part-0000000.jsonl can't be written" in err
    assert "run the same command again" in err
    assert {path.name for path in (folder / "out.jsonl.partial").iterdir()} == {"lock", "state.json"}
    assert not (folder / "out.jsonl").exists()


def test_a_finished_output_is_not_written_over_unasked(folder: Path) -> None:
    assert finish(start(folder, "--output", "out.csv"))[0] == 0
    before = (folder / "out.csv").read_bytes()
    code, _, err = finish(start(folder, "--output", "out.csv"))
    assert code == 2
    assert err == "seamark: out.csv is there already; try: --overwrite to replace it, or another --output\n"
    assert (folder / "out.csv").read_bytes() == before
    assert finish(start(folder, "--output", "out.csv", "--overwrite"))[0] == 0
    assert (folder / "out.csv").read_bytes() != before


def test_bad_rows_end_with_their_own_exit_code(folder: Path) -> None:
    with (folder / "posts.csv").open("a", encoding="utf-8") as file:
        file.write("40,a,b\n41,  \n")
    code, out, err = finish(start(folder))
    assert (code, out) == (4, "")
    assert "42 rows: 40 ok, 1 empty, 1 quarantined" in err
    aside = (folder / "posts.skills.jsonl.quarantine.jsonl").read_text().splitlines()
    assert [json.loads(line)["row"] for line in aside] == [41, 42]
