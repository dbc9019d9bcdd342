from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seamark.errors import StorageError, UsageError
from seamark.storage.objects import Store, open_store

_LARGE = 9 * 1024 * 1024  # bytes: more than goes up in one request


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store("", tmp_path)


@pytest.mark.parametrize("url", ["", "store", "./store", "file://{folder}/store", "{folder}/store"])
def test_a_folder_is_made_where_the_workspace_is(tmp_path, url):
    store = open_store(url.format(folder=tmp_path), tmp_path)
    store.put("a/b", b"x")
    assert (tmp_path / "store" / "a" / "b").read_bytes() == b"x"
    assert store.url == (tmp_path / "store").as_uri()


@pytest.mark.parametrize(
    "url", ["gs://bucket", "https://host/x", "s3://", "s3:///prefix", "s3://bucket?secret_access_key=x"]
)
def test_other_kinds_of_store_are_refused(tmp_path, url):
    with pytest.raises(UsageError, match="s3://BUCKET/PREFIX"):
        open_store(url, tmp_path)


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "store").write_text("a file")
    with pytest.raises(StorageError, match="store"):
        open_store("", tmp_path)


def test_of_many_writers_at_once_exactly_one_creates(store):
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda i: store.put("a", f"{i}".encode(), create=True), range(8)))
    assert won.count(True) == 1
    assert store.get("a") == f"{won.index(True)}".encode()


def test_of_many_large_uploads_at_once_one_wins_whole(store, tmp_path):
    paths = [tmp_path / str(i) for i in range(4)]
    for i, path in enumerate(paths):
        path.write_bytes(bytes([i]) * _LARGE)
    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(lambda path: store.upload_file(path, "a"), paths))
    assert won.count(True) == 1
    assert store.get("a") == bytes([won.index(True)]) * _LARGE
    assert store.list() == ["a"]


@given(
    st.binary(max_size=2000),
    st.lists(st.from_regex(r"[A-Za-z0-9_.@-]{1,9}", fullmatch=True), min_size=1, max_size=3),
)
def test_whatever_is_put_comes_back(tmp_path_factory, data, parts):
    if any(set(part) <= {"."} for part in parts):
        return
    store = open_store("", tmp_path_factory.mktemp("any"))
    key = "/".join(parts)
    assert store.put(key, data, create=True)
    assert (store.get(key), store.list(), store.size(key)) == (data, [key], len(data))


@contextmanager
def _as_nobody() -> Iterator[None]:
    """A block without the superuser's rights, which no file mode stops."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_read_only_store_is_named(open_folder):
    store = open_store("", open_folder)
    store.put("a/b", b"x")
    folders = [open_folder / "store" / "a", open_folder / "store"]
    for folder in folders:
        folder.chmod(0o555)
    writes = (
        lambda: store.put("a/c", b"x"),
        lambda: store.put("a/b", b"y"),
        lambda: store.delete("a/b"),
    )
    with _as_nobody():
        for write in writes:
            with pytest.raises(StorageError, match="may not be written"):
                write()
        assert store.get("a/b") == b"x"
    for folder in folders:
        folder.chmod(0o755)


_FILL = """
import resource, signal, sys
from pathlib import Path
from seamark.errors import StorageError
from seamark.storage.objects import open_store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder = Path(sys.argv[1])
store = open_store("", folder)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for action in (
    lambda: store.put("small", b"x" * 200_000),
    lambda: store.put("small", b"x" * 200_000, create=True),
    lambda: store.upload_file(folder / "large", "large"),
    lambda: store.download_file("there", folder / "new"),
):
    try:
        print("done", action())
    except StorageError as error:
        print(error)
print(store.list(), sorted(path.name for path in folder.iterdir()))
"""


def test_a_full_disk_is_named_and_leaves_no_half_object(store, tmp_path):
    store.put("there", b"x" * 200_000)
    (tmp_path / "large").write_bytes(b"x" * _LARGE)
    command = [sys.executable, "-c", _FILL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    *messages, left = done.stdout.splitlines()
    assert len(messages) == 4
    assert all("the disk is full; try: free some space" in message for message in messages), messages
    assert left == "['there'] ['large', 'store']"
    assert [path.name for path in (tmp_path / "store").rglob("*") if path.is_file()] == ["there"]


def test_an_s3_address_with_a_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        open_store("s3://AKIA:hush@bucket/prefix", tmp_path)
    assert "hush" not in str(caught.value)
    assert "AWS_SECRET_ACCESS_KEY" in str(caught.value)
