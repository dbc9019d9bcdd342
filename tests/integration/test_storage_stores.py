"""Every check here holds on a folder and on an S3 service."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from seamark.errors import StorageError
from seamark.storage import objects
from seamark.storage.objects import Store, open_store
from seamark.storage.workspace import create_workspace, open_workspace

LARGE = os.urandom(18 * 1024 * 1024)  # three parts


@pytest.fixture
def store(store_url: str, tmp_path: Path) -> Store:
    return open_store(store_url, tmp_path)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    path.write_bytes(LARGE)
    return path


@pytest.mark.parametrize("data", [b"", b"one", bytes(range(256))])
def test_what_is_put_comes_back(store, data):
    assert store.put("a/b.bin", data)
    assert store.get("a/b.bin") == data
    assert store.size("a/b.bin") == len(data)
    assert store.exists("a/b.bin")


def test_an_object_can_be_replaced(store):
    store.put("a", b"old")
    assert store.put("a", b"new")
    assert store.get("a") == b"new"


def test_create_leaves_what_is_there(store):
    assert store.put("a", b"first", create=True)
    assert not store.put("a", b"second", create=True)
    assert store.get("a") == b"first"


def test_texts_and_json_keep_every_character_and_order(store):
    value = {"title": "Größe 技能", "b": 1, "a": [None, 0.5]}
    store.put_json("a.json", value)
    store.put_text("a.txt", "Größe 技能\n")
    assert store.get_json("a.json") == value
    assert list(store.get_json("a.json")) == ["title", "b", "a"]
    assert store.get_text("a.txt") == "Größe 技能\n"
    assert not store.put_json("a.json", {}, create=True)
    assert not store.put_text("a.txt", "", create=True)


def test_damaged_json_is_named(store):
    store.put("a.json", b"{")
    with pytest.raises(StorageError, match=r"a\.json.*damaged"):
        store.get_json("a.json")


def test_a_list_is_sorted_and_keeps_to_its_folder(store):
    for key in ("versions/1.2.10/b", "versions/1.2.1/a", "versions/1.2.1/c/d", "logs.json"):
        store.put(key, b"x")
    assert store.list("versions/1.2.1") == ["versions/1.2.1/a", "versions/1.2.1/c/d"]
    assert store.list() == ["logs.json", "versions/1.2.1/a", "versions/1.2.1/c/d", "versions/1.2.10/b"]
    assert store.list("nothing") == []


def test_a_long_list_is_whole(store):
    for i in range(30):
        store.put(f"a/{i:04}", b"")
    assert len(store.list("a")) == 30


def test_deleting_twice_is_as_deleting_once(store):
    store.put("a/b", b"x")
    store.delete("a/b")
    store.delete("a/b")
    assert not store.exists("a/b")
    assert store.list() == []


def test_a_copy_leaves_what_is_there_unless_told(store):
    store.put("a", b"a")
    store.put("b", b"b")
    assert store.copy("a", "c/d")
    assert not store.copy("b", "c/d")
    assert store.get("c/d") == b"a"
    assert store.copy("b", "c/d", create=False)
    assert store.get("c/d") == b"b"


def test_replacing_or_deleting_an_object_leaves_its_copy(store):
    store.put("a", b"one")
    store.copy("a", "b")
    store.put("a", b"two")
    assert store.get("b") == b"one"
    store.delete("a")
    assert store.get("b") == b"one"


def test_an_empty_object_can_be_copied(store):
    store.put("a", b"")
    assert store.copy("a", "b")
    assert store.get("b") == b""


@pytest.mark.parametrize("size", [0, 1, objects._SMALL, objects._SMALL + 1, len(LARGE)])
def test_a_file_of_any_size_goes_up_once_and_comes_down(store, tmp_path, size):
    path = tmp_path / "file"
    path.write_bytes(LARGE[:size])
    assert store.upload_file(path, "a/file")
    path.write_bytes(b"another")
    assert not store.upload_file(path, "a/file")
    store.download_file("a/file", tmp_path / "new" / "folder" / "file")
    assert (tmp_path / "new" / "folder" / "file").read_bytes() == LARGE[:size]
    assert [item.name for item in (tmp_path / "new" / "folder").iterdir()] == ["file"]


def test_a_large_file_can_replace_an_object(store, large):
    store.put("a", b"old")
    assert store.upload_file(large, "a", create=False)
    assert store.size("a") == len(LARGE)


def test_the_store_itself_refuses_a_second_large_upload(store, large, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.write_bytes(LARGE[::-1])
    assert store.upload_file(large, "a")
    monkeypatch.setattr(Store, "exists", lambda *_: False)  # as when both looked before either wrote
    assert not store.upload_file(other, "a")
    assert store.get("a") == LARGE
    assert [item["path"] for item in store._list("")] == ["a"]


def test_what_a_killed_upload_left_is_not_listed_and_goes_in_time(store, large, monkeypatch):
    store.put(".uploads/left", b"half")
    assert store.list() == []
    store.upload_file(large, "a")
    assert store.exists(".uploads/left")  # it may be another's, still going on
    monkeypatch.setattr(objects, "_ABANDONED", timedelta(seconds=-60))
    store.upload_file(large, "b")
    assert not store.exists(".uploads/left")


def test_a_download_that_fails_leaves_the_old_file(store, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(StorageError, match="nothing-there"):
        store.download_file("nothing-there", path)
    assert path.read_bytes() == b"old"


def test_a_large_object_comes_back_in_pieces(store, large):
    store.upload_file(large, "a/large")
    pieces = list(store.stream("a/large"))
    assert len(pieces) > 1
    assert b"".join(pieces) == LARGE


def test_a_stream_of_nothing_is_refused_when_it_begins(store):
    with pytest.raises(StorageError, match="nothing-there"):
        next(store.stream("nothing-there"))


@pytest.mark.parametrize("action", ["get", "size", "get_text", "get_json"])
def test_an_object_that_is_missing_is_named(store, action):
    with pytest.raises(StorageError, match=r"a/b\.json in the object store .*: there is no such"):
        getattr(store, action)("a/b.json")


def test_what_is_missing_can_not_be_copied_or_uploaded(store, tmp_path):
    with pytest.raises(StorageError, match="nothing-there"):
        store.copy("nothing-there", "b")
    with pytest.raises(StorageError, match="file-that-is-not"):
        store.upload_file(tmp_path / "file-that-is-not", "b")
    assert not store.exists("nothing-there")


def test_a_key_can_not_leave_the_store(store):
    with pytest.raises(StorageError, match=r"\.\./a"):
        store.get("../a")


def test_only_a_folder_has_files(store, store_url):
    store.put("a/b", b"x")
    path = store.local_path("a/b")
    if store_url.startswith("s3://"):
        assert path is None
    else:
        assert path is not None
        assert path.read_bytes() == b"x"


def test_a_workspace_on_postgresql_and_s3_opens_again(tmp_path, postgres_url, s3_url):
    environ = {"SEAMARK_DATABASE_URL": postgres_url, "SEAMARK_STORE_URL": s3_url}
    with create_workspace(tmp_path / "w", environ=environ) as workspace:
        workspace.store.put("a", b"x")
    assert [path.name for path in (tmp_path / "w").iterdir()] == ["seamark.toml"]
    with open_workspace(tmp_path / "w", environ=environ) as workspace:
        assert workspace.store.get("a") == b"x"
    with pytest.raises(StorageError, match="SEAMARK_DATABASE_URL"):
        open_workspace(tmp_path / "w", environ={"SEAMARK_STORE_URL": s3_url})


def test_a_workspace_is_not_opened_on_an_empty_postgresql_database(tmp_path, postgres_url):
    create_workspace(tmp_path, environ={}).close()
    with pytest.raises(StorageError, match="missing or empty"):
        open_workspace(tmp_path, environ={"SEAMARK_DATABASE_URL": postgres_url})


def test_a_bucket_that_is_missing_is_named(s3_url, tmp_path):
    store = open_store(s3_url.replace("seamark-tests", "no-such-bucket"), tmp_path)
    with pytest.raises(StorageError, match="no such bucket"):
        store.put("a", b"x")


def test_a_service_that_does_not_answer_is_named(s3_url, tmp_path):
    store = open_store("s3://bucket?endpoint=http://127.0.0.1:9&region=us-east-1", tmp_path)
    with pytest.raises(StorageError, match="can't be reached"):
        store.put("a", b"x")
