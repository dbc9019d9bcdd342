from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seamark.errors import StorageError, UsageError
from seamark.governance.credentials import (
    Credential,
    find_file,
    forget_credential,
    keep_credential,
    read_credential,
)

ONE = Credential("ada", "token-1", "smk_one", "/workspaces/one")
TWO = Credential("bob", "token-2", "smk_two", "/workspaces/two")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"SEAMARK_CREDENTIALS": str(tmp_path / "kept" / "tokens.json")}


def test_what_is_kept_for_a_workspace_is_read_again(environ):
    assert read_credential("w1", environ) is None
    path = keep_credential("w1", ONE, environ)
    keep_credential("w2", TWO, environ)
    assert path == find_file(environ)
    assert (read_credential("w1", environ), read_credential("w2", environ)) == (ONE, TWO)
    assert read_credential("w3", environ) is None


def test_a_new_token_takes_the_place_of_the_one_before(environ):
    keep_credential("w1", ONE, environ)
    keep_credential("w1", TWO, environ)
    assert read_credential("w1", environ) == TWO


def test_what_is_forgotten_is_gone_and_the_rest_stays(environ):
    assert forget_credential("w1", environ) is None
    assert not find_file(environ).exists()
    keep_credential("w1", ONE, environ)
    keep_credential("w2", TWO, environ)
    assert forget_credential("w1", environ) == ONE
    assert forget_credential("w1", environ) is None
    assert read_credential("w2", environ) == TWO
    assert "smk_one" not in find_file(environ).read_text(encoding="utf-8")


def test_only_the_user_may_read_the_file_whatever_it_was_before(environ):
    path = find_file(environ)
    path.parent.mkdir()
    path.write_text('{"workspaces": {}}', encoding="utf-8")
    path.chmod(0o644)
    before = os.umask(0)
    try:
        keep_credential("w1", ONE, environ)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_folder_that_is_made_is_the_users_alone(environ):
    before = os.umask(0)
    try:
        keep_credential("w1", ONE, environ)
    finally:
        os.umask(before)
    assert stat.S_IMODE(find_file(environ).parent.stat().st_mode) == 0o700


def test_without_the_variable_the_file_is_in_the_users_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert find_file({"SEAMARK_CREDENTIALS": " "}) == find_file({})
    assert find_file({}).name == "credentials.json"
    assert find_file({}).parent.name == "seamark"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"workspaces": []}',
        b'{"workspaces": {"w": 1}}',
        b'{"workspaces": {"w": {"person": "ada"}}}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_damaged_file_is_said_to_be_so_and_left_as_it_is(environ, content):
    path = find_file(environ)
    path.parent.mkdir()
    path.write_bytes(content)
    for work in (
        lambda: read_credential("w1", environ),
        lambda: keep_credential("w1", ONE, environ),
        lambda: forget_credential("w1", environ),
    ):
        with pytest.raises(UsageError, match="is damaged"):
            work()
    assert path.read_bytes() == content


def test_a_file_that_can_not_be_written_is_an_error_of_storage(tmp_path):
    (tmp_path / "file").write_text("")
    environ = {"SEAMARK_CREDENTIALS": str(tmp_path / "file" / "tokens.json")}
    with pytest.raises(StorageError, match="SEAMARK_CREDENTIALS"):
        keep_credential("w1", ONE, environ)


def test_a_folder_in_place_of_the_file_is_an_error_of_storage(tmp_path):
    with pytest.raises(StorageError, match="can't be read"):
        read_credential("w1", {"SEAMARK_CREDENTIALS": str(tmp_path)})


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(environ, monkeypatch):
    keep_credential("w1", ONE, environ)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seamark.governance.credentials.os.fsync", fail)
    with pytest.raises(StorageError, match="No space left"):
        keep_credential("w2", TWO, environ)
    path = find_file(environ)
    assert read_credential("w1", environ) == ONE
    assert {one.name for one in path.parent.iterdir()} == {path.name, f"{path.name}.lock"}


def test_writers_at_once_lose_nothing(environ):
    def keep(i: int) -> None:
        keep_credential(f"w{i}", Credential(f"p{i}", "t", "s"), environ)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep, range(40)))
    assert [read_credential(f"w{i}", environ) for i in range(40)] == [
        Credential(f"p{i}", "t", "s") for i in range(40)
    ]


def test_processes_that_write_at_once_lose_nothing(environ):
    code = (
        "import sys; from seamark.governance.credentials import *\n"
        "for i in range(20): keep_credential(f'{sys.argv[1]}-{i}', Credential('p', 't', 's'))"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, name], env={**os.environ, **environ}) for name in "ab"
    ]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    kept = json.loads(find_file(environ).read_text(encoding="utf-8"))["workspaces"]
    assert set(kept) == {f"{name}-{i}" for name in "ab" for i in range(20)}


def test_the_token_is_not_in_what_is_printed_of_a_credential():
    assert "smk_one" not in repr(ONE)


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(entries=st.dictionaries(_TEXTS, st.builds(Credential, _TEXTS, _TEXTS, _TEXTS, _TEXTS), max_size=4))
def test_whatever_is_kept_comes_back_as_it_was(tmp_path_factory, entries):
    environ = {"SEAMARK_CREDENTIALS": str(tmp_path_factory.mktemp("kept") / "tokens.json")}
    for name, entry in entries.items():
        keep_credential(name, entry, environ)
    assert {name: read_credential(name, environ) for name in entries} == entries
