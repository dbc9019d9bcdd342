from __future__ import annotations

import time
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text as sql
from sqlalchemy.exc import IntegrityError

from capture_fakes import make_capture, make_request_id, open_spool
from seamark.capture.moving import Mover, move_once
from seamark.capture.record import encode_line
from seamark.capture.segments import list_segments
from seamark.errors import StorageError
from seamark.storage import captures as rows
from seamark.storage.database import Database
from seamark.storage.workspace import create_workspace


@pytest.fixture
def workspace(tmp_path):
    with create_workspace(
        tmp_path / "workspace", environ={"SEAMARK_CAPTURE_MOVE_SECONDS": "0.05"}
    ) as workspace:
        yield workspace


def read_rows(workspace):
    with workspace.database.read() as connection:
        return sorted(
            rows.list_captures(connection, limit=None),
            key=lambda one: int(one.document_id.removeprefix("doc-")),
        )


def write_file(folder, name, *numbers, torn=b""):
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.jsonl"
    path.write_bytes(b"".join(encode_line(make_capture(number)) for number in numbers) + torn)
    return path


@contextmanager
def without_database(monkeypatch):
    @contextmanager
    def fail(database):
        raise StorageError("the database is away")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(Database, "begin", fail)
        yield


def test_the_files_of_writers_that_are_gone_are_moved_and_removed(workspace):
    folder = workspace.folder / "spool"
    write_file(folder, "a", 1, 2)
    write_file(folder, "b", 3)

    assert move_once(workspace, folder) == 3

    assert read_rows(workspace) == [make_capture(1), make_capture(2), make_capture(3)]
    assert list_segments(folder) == []


def test_nothing_is_moved_from_no_folder(workspace):
    assert move_once(workspace, workspace.folder / "spool") == 0


def test_what_is_moved_twice_is_there_once(workspace):
    folder = workspace.folder / "spool"
    for _ in range(2):  # as after a kill between the insertion and the file's removal
        write_file(folder, "a", 1, 2)
        move_once(workspace, folder)

    assert read_rows(workspace) == [make_capture(1), make_capture(2)]


def test_a_torn_last_line_is_no_capture_and_keeps_no_file(workspace):
    folder = workspace.folder / "spool"
    write_file(folder, "a", 1, torn=encode_line(make_capture(2))[:-1])

    assert move_once(workspace, folder) == 1
    assert list_segments(folder) == []


def test_a_damaged_line_is_left_out_and_named_in_the_log(workspace, caplog):
    folder = workspace.folder / "spool"
    path = write_file(folder, "a", 1, torn=b'\0\0\0\n{"half": 1}\n')
    with path.open("ab") as file:
        file.write(encode_line(make_capture(2)))

    assert move_once(workspace, folder) == 2
    assert caplog.text.count("a damaged line in a.jsonl") == 2


def test_the_file_of_a_living_writer_is_its_own_to_move(workspace):
    spool = open_spool(workspace.folder / "spool")
    spool.append([make_capture(1)])

    assert move_once(workspace, spool.folder) == 0
    assert len(list_segments(spool.folder)) == 1
    spool.close()


def test_a_mover_moves_its_own_file_while_it_is_written(workspace):
    spool = open_spool(workspace.folder / "spool", sync_seconds=3600)
    mover = Mover(workspace, spool)
    moved = []
    for number in range(3):
        spool.append([make_capture(number)])
        moved.append(mover.move())

    assert moved == [1, 1, 1]
    assert mover.move() == 0
    assert spool.backlog == 0
    assert len(list_segments(spool.folder)) == 1
    spool.close()
    mover.stop()
    assert list_segments(spool.folder) == []
    assert len(read_rows(workspace)) == 3


def test_the_thread_moves_by_itself_and_stopping_moves_the_rest(workspace):
    spool = open_spool(workspace.folder / "spool")
    mover = Mover(workspace, spool)
    mover.start()
    spool.append([make_capture(1)])
    while not read_rows(workspace):
        time.sleep(0.01)
    spool.append([make_capture(2)])
    spool.close()
    mover.stop()

    assert read_rows(workspace) == [make_capture(1), make_capture(2)]
    assert list_segments(spool.folder) == []


def test_while_the_database_is_away_captures_wait_in_the_spool(workspace, monkeypatch, caplog):
    spool = open_spool(workspace.folder / "spool")
    mover = Mover(workspace, spool)
    mover.start()
    with without_database(monkeypatch):
        assert spool.append([make_capture(1)]) == 1
        while "captures wait in the spool" not in caplog.text:
            time.sleep(0.01)
        assert spool.backlog > 0
    while not read_rows(workspace):
        time.sleep(0.01)
    spool.close()
    mover.stop()

    assert read_rows(workspace) == [make_capture(1)]


def test_a_stop_while_the_database_is_away_keeps_the_files(workspace, monkeypatch):
    spool = open_spool(workspace.folder / "spool")
    mover = Mover(workspace, spool)
    with without_database(monkeypatch):
        spool.append([make_capture(1)])
        spool.close()
        mover.stop()
    assert len(list_segments(spool.folder)) == 1

    assert move_once(workspace, spool.folder) == 1


def test_what_was_deleted_for_good_never_arrives_nor_do_its_shadows(workspace):
    folder = workspace.folder / "spool"
    shadow = make_capture(3, role="shadow", answered_id=make_request_id(1))
    path = write_file(folder, "a", 1, 2)
    with path.open("ab") as file:
        file.write(encode_line(shadow))
    with workspace.database.begin() as connection:
        rows.add_removal(connection, make_request_id(1), make_capture().at)

    assert move_once(workspace, folder) == 1
    assert read_rows(workspace) == [make_capture(2)]


def test_a_long_file_is_moved_in_batches(workspace, monkeypatch):
    monkeypatch.setattr("seamark.capture.moving._BATCH_LINES", 7)
    folder = workspace.folder / "spool"
    write_file(folder, "a", *range(50))

    assert move_once(workspace, folder) == 50
    assert len(read_rows(workspace)) == 50


@settings(max_examples=25)
@given(st.lists(st.lists(st.integers(0, 30), max_size=8), max_size=6), st.data())
def test_however_often_moving_is_cut_short_each_capture_is_there_once(tmp_path_factory, files, data):
    with create_workspace(tmp_path_factory.mktemp("moving") / "workspace") as workspace:
        folder = workspace.folder / "spool"
        for index, numbers in enumerate(files):
            path = write_file(folder, f"{index}", *numbers)
            if data.draw(st.booleans()):  # killed before the file was removed
                kept = path.read_bytes()
                move_once(workspace, folder)
                path.write_bytes(kept)
        move_once(workspace, folder)
        move_once(workspace, folder)

        wanted = sorted({number for numbers in files for number in numbers})
        assert read_rows(workspace) == [make_capture(number) for number in wanted]
        assert list_segments(folder) == []


def test_the_log_says_nothing_of_a_text_that_the_database_refuses(workspace, monkeypatch, caplog):
    text = "Call Jane Doe"

    def refuse(connection, records):
        connection.execute(
            sql("INSERT INTO captures (request_id) VALUES (:text)"), {"text": records[0].input}
        )

    monkeypatch.setattr("seamark.capture.moving.add_captures", refuse)
    spool = open_spool(workspace.folder / "spool")
    spool.append([make_capture(1, input=text)])
    mover = Mover(workspace, spool)
    with pytest.raises(IntegrityError) as caught:
        mover.move()
    assert text not in str(caught.value)
    spool.close()
    mover.stop()
    assert "IntegrityError" in caplog.text
    assert text not in caplog.text
