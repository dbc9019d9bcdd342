from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading

import pytest

from capture_fakes import make_capture, open_spool
from seamark.capture import spool as spools
from seamark.capture.record import decode_line, encode_line
from seamark.capture.segments import (
    create_segment,
    list_segments,
    read_lines,
    sweep_unnamed,
    take_abandoned,
)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "workspace" / "spool"


def read_all(folder):
    return [decode_line(line) for path in list_segments(folder) for line, _ in read_lines(path)]


def test_a_record_is_in_the_file_when_append_returns(folder):
    spool = open_spool(folder, sync_seconds=3600)

    assert spool.append([make_capture(1), make_capture(2)]) == 2

    assert read_all(folder) == [make_capture(1), make_capture(2)]
    assert spool.dropped == 0
    spool.close()


def test_nothing_is_made_before_the_first_record(folder):
    spool = open_spool(folder)

    assert spool.append([]) == 0
    assert spool.backlog == 0
    spool.close()

    assert list_segments(folder) == []


def test_only_the_owner_may_read_the_files(folder):
    spool = open_spool(folder)
    spool.append([make_capture()])

    [path] = list_segments(folder)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    spool.close()


def test_texts_are_masked_before_they_are_written(folder):
    spool = open_spool(folder, redact=True)
    spool.append([make_capture(input="Mail jane@example.com", output=[])])
    spool.close()

    [path] = list_segments(folder)
    assert b"jane" not in path.read_bytes()
    assert read_all(folder)[0].input == "Mail " + "•" * 16


def test_a_file_that_is_written_is_nobody_elses(folder):
    spool = open_spool(folder)
    spool.append([make_capture()])
    [path] = list_segments(folder)

    with take_abandoned(path) as taken:
        assert not taken
    spool.close()
    with take_abandoned(path) as taken:
        assert taken


def test_files_are_changed_when_they_are_large(folder, monkeypatch):
    monkeypatch.setattr(spools, "_SEGMENT_BYTES", 2_000)
    spool = open_spool(folder)
    for number in range(20):
        spool.append([make_capture(number)])
    spool.close()

    assert len(list_segments(folder)) > 3
    assert read_all(folder) == [make_capture(number) for number in range(20)]


def test_files_are_changed_after_a_while(folder, monkeypatch):
    monkeypatch.setattr(spools, "_SEGMENT_SECONDS", 0.0)
    spool = open_spool(folder, sync_seconds=0.01)
    spool.append([make_capture()])
    [path] = list_segments(folder)

    while True:  # until the thread has let it go
        with take_abandoned(path) as taken:
            if taken:
                break
    spool.close()


def test_beyond_its_limit_records_are_dropped_and_counted(folder):
    line = len(encode_line(make_capture(1)))
    spool = open_spool(folder, limit_mb=2.5 * line / 1024**2, sync_seconds=3600)

    written = [spool.append([make_capture(number)]) for number in range(1, 6)]

    assert written == [1, 1, 0, 0, 0]
    assert spool.dropped == 3
    assert len(read_all(folder)) == 2
    spool.close()


def test_room_that_was_moved_can_be_used_again(folder):
    line = len(encode_line(make_capture(1)))
    spool = open_spool(folder, limit_mb=1.5 * line / 1024**2, sync_seconds=0.01)
    spool.append([make_capture(1)])
    list_segments(folder)[0].unlink()

    number = 2
    while not spool.append([make_capture(number)]):  # until the thread has looked
        number += 1
    spool.close()


def test_records_for_a_closed_spool_are_dropped(folder):
    spool = open_spool(folder)
    spool.close()
    spool.close()

    assert spool.append([make_capture()]) == 0
    assert spool.dropped == 1


def test_a_folder_that_cant_be_made_fails_no_prediction(tmp_path):
    (tmp_path / "file").write_text("in the way")
    spool = open_spool(tmp_path / "file" / "spool")

    assert spool.append([make_capture()]) == 0
    assert spool.dropped == 1
    assert spool.backlog == 0
    spool.close()


def test_a_record_that_cant_be_written_as_json_fails_no_prediction(folder):
    spool = open_spool(folder)

    assert spool.append([make_capture(output=[{"a": object()}])]) == 0
    assert spool.dropped == 1
    spool.close()


def fill_disk_after(monkeypatch, room):
    """Let writes succeed for so many bytes, then partly, then not at all."""
    left = [room]
    write = os.write

    def write_while_room(descriptor, data):
        if not data.startswith(b'{"request_id"'):
            return write(descriptor, data)
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = data[: left[0]]
        left[0] -= len(part)
        return write(descriptor, part)

    monkeypatch.setattr(os, "write", write_while_room)
    return left


def test_on_a_full_disk_whole_lines_stay_and_the_rest_is_dropped(folder, monkeypatch):
    line = len(encode_line(make_capture(1)))
    left = fill_disk_after(monkeypatch, int(2.5 * line))
    spool = open_spool(folder)

    assert spool.append([make_capture(number) for number in range(1, 5)]) == 2
    assert spool.append([make_capture(5)]) == 0
    left[0] = 10 * line  # somebody freed some space
    assert spool.append([make_capture(6)]) == 1
    spool.close()

    assert read_all(folder) == [make_capture(1), make_capture(2), make_capture(6)]
    assert spool.dropped == 3


def test_nothing_is_written_behind_a_torn_line_that_cant_be_taken_away(folder, monkeypatch):
    line = len(encode_line(make_capture(1)))
    left = fill_disk_after(monkeypatch, int(0.5 * line))

    def refuse(descriptor, size):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "ftruncate", refuse)
    spool = open_spool(folder)
    assert spool.append([make_capture(1)]) == 0
    left[0] = 10 * line
    assert spool.append([make_capture(2)]) == 1
    spool.close()

    assert read_all(folder) == [make_capture(2)]


def test_what_was_written_is_synced(folder, monkeypatch):
    synced = threading.Event()
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: synced.set())
    spool = open_spool(folder, sync_seconds=0.01)
    spool.append([make_capture()])

    assert synced.wait(30)
    spool.close()


def test_a_failed_sync_fails_nothing(folder, monkeypatch):
    failed = threading.Event()

    def fail(descriptor):
        failed.set()
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    spool = open_spool(folder, sync_seconds=0.01)
    spool.append([make_capture(1)])
    assert failed.wait(30)
    assert spool.append([make_capture(2)]) == 1
    spool.close()

    assert len(read_all(folder)) == 2


def test_threads_write_whole_lines(folder, monkeypatch):
    monkeypatch.setattr(spools, "_SEGMENT_BYTES", 5_000)
    spool = open_spool(folder, sync_seconds=0.001)

    def write(first):
        for number in range(first, first + 50):
            spool.append([make_capture(number)])

    threads = [threading.Thread(target=write, args=(first,)) for first in range(0, 400, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.close()

    found = read_all(folder)
    assert sorted(one.document_id for one in found) == sorted(f"doc-{number}" for number in range(400))
    assert spool.dropped == 0


def test_the_backlog_is_what_is_not_moved(folder):
    spool = open_spool(folder)
    spool.append([make_capture(1), make_capture(2)])
    [(path, size)] = spool.list_own()

    assert spool.backlog == size == path.stat().st_size
    spool.note_moved(path, size - 10)
    assert spool.backlog == 10
    spool.close()


def test_a_torn_last_line_is_none(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\ntwo\nthr")

    assert list(read_lines(path)) == [(b"one\n", 4), (b"two\n", 8)]
    assert list(read_lines(path, 4)) == [(b"two\n", 8)]
    assert list(read_lines(path, 8)) == []


def test_a_new_file_is_locked_before_it_has_its_name(tmp_path, monkeypatch):
    seen = []
    lock = fcntl.flock
    monkeypatch.setattr(
        fcntl, "flock", lambda descriptor, how: (seen.append(list_segments(tmp_path)), lock(descriptor, how))
    )

    path, descriptor = create_segment(tmp_path)

    assert seen == [[]]
    assert list_segments(tmp_path) == [path]
    os.close(descriptor)


def test_a_file_that_is_gone_is_not_taken(tmp_path):
    with take_abandoned(tmp_path / "gone.jsonl") as taken:
        assert not taken


def test_old_files_without_a_name_are_swept(tmp_path):
    old, new = tmp_path / "old.new", tmp_path / "young.new"
    old.touch()
    new.touch()
    os.utime(old, (0, 0))

    sweep_unnamed(tmp_path)
    sweep_unnamed(tmp_path / "nowhere")

    assert list(tmp_path.iterdir()) == [new]
