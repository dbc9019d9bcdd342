"""Captures in real databases and object stores: reading, archiving, deleting, and two at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from capture_fakes import NOON, make_capture, make_request_id, open_spool
from people import ADMIN, make_actor
from seamark.capture import archive, parts, removing
from seamark.capture.archive import archive_captures
from seamark.capture.moving import move_once
from seamark.capture.parts import read_part
from seamark.capture.reading import describe_stats, get_capture, list_captures, read_stats
from seamark.capture.record import encode_line
from seamark.capture.removing import remove_capture
from seamark.errors import ConflictError, NotAllowedError, NotFoundError, StorageError
from seamark.governance.actors import SYSTEM
from seamark.storage import archive_parts
from seamark.storage import captures as rows
from seamark.storage.audit import list_events
from seamark.storage.objects import Store
from seamark.storage.workspace import create_workspace

_DAY = timedelta(days=1)
_LATER = NOON + 100 * _DAY
_SHADOW = {"role": "shadow", "answered_id": make_request_id(1)}


@pytest.fixture
def workspace(tmp_path, database_url, store_url):
    environ = {"SEAMARK_DATABASE_URL": database_url, "SEAMARK_STORE_URL": store_url}
    with create_workspace(tmp_path / "workspace", environ=environ) as workspace:
        yield workspace


@pytest.fixture
def plain_workspace(tmp_path, database_url):
    with create_workspace(
        tmp_path / "workspace", environ={"SEAMARK_DATABASE_URL": database_url}
    ) as workspace:
        yield workspace


def add(workspace, *captures):
    with workspace.database.begin() as connection:
        return rows.add_captures(connection, captures)


def list_all(workspace):
    """Every capture, wherever it is kept."""
    with workspace.database.read() as connection:
        found = rows.list_captures(connection, limit=None)
        counted = archive_parts.list_parts(connection)
    for part in counted:
        archived = read_part(workspace, part.key)
        assert len(archived) == part.captures
        found += archived
    return sorted(found, key=lambda one: int(one.document_id.removeprefix("doc-")))


def list_objects(workspace):
    return workspace.store.list("captures")


def list_counted(workspace):
    with workspace.database.read() as connection:
        return sorted(part.key for part in archive_parts.list_parts(connection))


def list_actions(workspace):
    with workspace.database.read() as connection:
        return [(one.action, one.outcome) for one in list_events(connection)]


# Rows


def test_a_capture_comes_back_as_it_went_in(plain_workspace):
    strange = make_capture(
        2, input="naïve 😀 �", output=[], kind="", sector="", answered_id=make_request_id(1)
    )
    add(plain_workspace, make_capture(1), strange)

    assert list_all(plain_workspace) == [make_capture(1), strange]


def test_what_is_there_already_stays_as_it_is(plain_workspace):
    add(plain_workspace, make_capture(1))
    add(plain_workspace, make_capture(1, caller="somebody else"), make_capture(2))

    assert list_all(plain_workspace) == [make_capture(1), make_capture(2)]


def test_adding_nothing_is_nothing(plain_workspace):
    assert add(plain_workspace) == 0


def test_captures_are_listed_by_what_is_asked_for(plain_workspace):
    add(
        plain_workspace,
        make_capture(1),
        make_capture(2, at=NOON + _DAY, stage="uat"),
        make_capture(3, at=NOON + 2 * _DAY, version="1.2.4", role="canary"),
    )

    def numbers(**asked):
        return [one.document_id for one in list_captures(plain_workspace, ADMIN, **asked)]

    assert numbers() == ["doc-3", "doc-2", "doc-1"]
    assert numbers(limit=2) == ["doc-3", "doc-2"]
    assert numbers(stage="prod") == ["doc-3", "doc-1"]
    assert numbers(version="1.2.4") == ["doc-3"]
    assert numbers(role="champion") == ["doc-2", "doc-1"]
    assert numbers(since=NOON + _DAY) == ["doc-3", "doc-2"]
    assert numbers(until=NOON + _DAY) == ["doc-1"]


def test_a_deletion_waits_for_captures_that_are_being_added(plain_workspace):
    """Else the added row, which the deletion can't see yet, would outlive it."""
    deleted = []

    def delete():
        with plain_workspace.database.begin() as connection:
            rows.add_removal(connection, make_request_id(1), NOON)
            deleted.append(rows.delete_captures(connection, rows.find_ids(connection, make_request_id(1))))

    thread = threading.Thread(target=delete)
    with plain_workspace.database.begin() as connection:
        rows.add_captures(connection, [make_capture(1)])
        thread.start()
        thread.join(0.3)
    thread.join()

    assert deleted == [1]
    assert list_all(plain_workspace) == []
    assert add(plain_workspace, make_capture(1)) == 0


# Archiving


def test_whole_days_go_to_the_archive_and_the_rest_stays(workspace):
    midnight = datetime(2026, 11, 2, tzinfo=UTC)
    captures = [
        make_capture(1, at=midnight - timedelta(microseconds=1)),
        make_capture(2, at=midnight),
        make_capture(3, stage="dev"),
    ]
    add(workspace, *captures)

    report = archive_captures(workspace, ADMIN, now=midnight + 30 * _DAY + timedelta(hours=23))

    assert (report.archived, report.parts, report.removed, report.again) == (2, 2, 0, 0)
    assert [one.document_id for one in list_captures(workspace, ADMIN)] == ["doc-2"]
    assert list_all(workspace) == captures
    assert list_objects(workspace) == list_counted(workspace)
    assert {key.rsplit("/", 1)[0] for key in list_objects(workspace)} == {
        "captures/stage=prod/day=2026-11-01",
        "captures/stage=dev/day=2026-11-01",
    }
    assert list_actions(workspace) == [("capture.archive", "done")] * 2


def test_the_archive_is_parquet_that_other_tools_read(plain_workspace):
    add(plain_workspace, make_capture(1))
    archive_captures(plain_workspace, ADMIN, now=_LATER)

    frame = pl.read_parquet(plain_workspace.folder / "store" / "captures/**/*.parquet")

    assert frame.schema["at"] == pl.Datetime("us", "UTC")
    assert frame["output"].str.json_path_match("$[0].skill_id").to_list() == ["S-1"]
    assert frame["stage"].to_list() == ["prod"]


def test_archiving_again_does_nothing_and_writes_no_event(workspace):
    add(workspace, make_capture(1))
    archive_captures(workspace, ADMIN, now=_LATER)
    events = list_actions(workspace)

    report = archive_captures(workspace, ADMIN, now=_LATER)

    assert (report.archived, report.parts, report.removed, report.again) == (0, 0, 0, 0)
    assert list_actions(workspace) == events


def test_a_large_day_becomes_several_parts(plain_workspace, monkeypatch):
    monkeypatch.setattr(archive, "_PART_CAPTURES", 3)
    captures = [make_capture(number) for number in range(8)]
    add(plain_workspace, *captures)

    assert archive_captures(plain_workspace, SYSTEM, now=_LATER).parts == 3
    assert list_all(plain_workspace) == captures


def test_captures_that_come_late_are_archived_beside_the_others(plain_workspace):
    add(plain_workspace, make_capture(1))
    archive_captures(plain_workspace, SYSTEM, now=_LATER)
    add(plain_workspace, make_capture(1), make_capture(2))  # the first one moved again by a restarted server

    report = archive_captures(plain_workspace, SYSTEM, now=_LATER)

    assert (report.archived, report.again) == (1, 1)
    assert list_all(plain_workspace) == [make_capture(1), make_capture(2)]


def test_archived_captures_are_removed_when_their_time_is_over(workspace):
    add(workspace, make_capture(1), make_capture(2, at=NOON + _DAY))
    archive_captures(workspace, ADMIN, now=_LATER)

    day = datetime(2026, 11, 1, tzinfo=UTC)
    assert archive_captures(workspace, ADMIN, now=day + 365 * _DAY).removed == 0
    assert archive_captures(workspace, ADMIN, now=day + 366 * _DAY).removed == 1

    assert list_all(workspace) == [make_capture(2, at=NOON + _DAY)]
    assert len(list_objects(workspace)) == 1


def test_captures_that_come_after_their_time_are_removed_at_once(plain_workspace):
    add(plain_workspace, make_capture(1))

    report = archive_captures(plain_workspace, SYSTEM, now=NOON + 400 * _DAY)

    assert (report.archived, report.removed) == (0, 1)
    assert list_all(plain_workspace) == []


def test_archives_are_kept_for_ever_where_the_setting_is_0(tmp_path, database_url):
    environ = {"SEAMARK_DATABASE_URL": database_url, "SEAMARK_CAPTURE_ARCHIVE_DAYS": "0"}
    with create_workspace(tmp_path / "workspace", environ=environ) as workspace:
        add(workspace, make_capture(1))
        archive_captures(workspace, SYSTEM, now=NOON + 4000 * _DAY)
        archive_captures(workspace, SYSTEM, now=NOON + 8000 * _DAY)

        assert list_all(workspace) == [make_capture(1)]


class _Killed(BaseException):
    pass


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (Store, "put"),
        (archive, "_hand_over"),
        (rows, "delete_captures"),
        (archive_parts, "change_part"),
        (parts.rows, "add_part"),
        (archive, "remove_part"),
        (Store, "delete"),
    ],
    ids=lambda one: getattr(one, "__name__", one),
)
@pytest.mark.parametrize("when", ["before", "behind"])
def test_an_archive_that_is_killed_anywhere_loses_nothing_and_doubles_nothing(
    plain_workspace, monkeypatch, place, name, when
):
    monkeypatch.setattr(archive, "_PART_CAPTURES", 2)
    monkeypatch.setattr(parts, "_STALE", -_DAY)
    captures = [make_capture(number, stage=("dev", "prod")[number % 2]) for number in range(6)]
    old = [make_capture(number, at=NOON - (50 + number) * _DAY) for number in (8, 9)]
    add(plain_workspace, *captures, *old)
    archive_captures(plain_workspace, SYSTEM, now=NOON - 20 * _DAY)
    real, calls = getattr(place, name), []

    def die_the_second_time(*arguments, **options):
        calls.append(1)
        if len(calls) == 2 and when == "before":
            raise _Killed
        result = real(*arguments, **options)
        if len(calls) == 2:
            raise _Killed
        return result

    with monkeypatch.context() as patch:
        patch.setattr(place, name, die_the_second_time)
        with pytest.raises(_Killed):
            archive_captures(plain_workspace, SYSTEM, now=NOON + 320 * _DAY)
    archive_captures(plain_workspace, SYSTEM, now=NOON + 320 * _DAY)

    assert list_all(plain_workspace) == captures
    assert list_captures(plain_workspace, ADMIN) == []
    assert list_objects(plain_workspace) == list_counted(plain_workspace)


def test_an_archive_that_fails_keeps_the_captures_in_the_database(plain_workspace, monkeypatch):
    add(plain_workspace, make_capture(1))

    def fail(*arguments, **options):
        raise StorageError("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "put", fail)
        with pytest.raises(StorageError):
            archive_captures(plain_workspace, SYSTEM, now=_LATER)

    assert list_captures(plain_workspace, ADMIN) == [make_capture(1)]
    assert list_actions(plain_workspace) == []


def test_two_archives_at_once_put_each_capture_into_one_part(plain_workspace, monkeypatch):
    monkeypatch.setattr(archive, "_PART_CAPTURES", 5)
    captures = [make_capture(number) for number in range(60)]
    add(plain_workspace, *captures)
    threads = [
        threading.Thread(target=archive_captures, args=(plain_workspace, SYSTEM), kwargs={"now": _LATER})
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert list_all(plain_workspace) == captures
    assert list_objects(plain_workspace) == list_counted(plain_workspace)


# Reading


def test_a_capture_is_found_in_the_database_and_in_the_archive(workspace):
    add(workspace, make_capture(1), make_capture(2))
    assert get_capture(workspace, ADMIN, make_request_id(1)) == make_capture(1)

    archive_captures(workspace, ADMIN, now=_LATER)

    assert get_capture(workspace, ADMIN, make_request_id(2)) == make_capture(2)
    with pytest.raises(NotFoundError, match="no capture of the request ffff"):
        get_capture(workspace, ADMIN, "ffff")


@pytest.mark.parametrize("strange", ["a\0b", "\ud800", "", "%", "x" * 10_000])
def test_a_strange_request_id_is_an_unknown_one(plain_workspace, strange):
    for ask in (get_capture, remove_capture):
        with pytest.raises(NotFoundError):
            ask(plain_workspace, ADMIN, strange)
    assert list_captures(plain_workspace, ADMIN, stage=strange, version=strange, role=strange) == []
    with pytest.raises(NotAllowedError):
        remove_capture(plain_workspace, make_actor("vic", "viewer"), strange)


def test_the_counts_are_of_what_is_there(plain_workspace):
    add(plain_workspace, make_capture(1), make_capture(2, **_SHADOW))
    archive_captures(plain_workspace, SYSTEM, now=_LATER)
    add(plain_workspace, make_capture(3), make_capture(4), make_capture(5, **_SHADOW))
    spool = open_spool(plain_workspace.folder / "spool")
    spool.append([make_capture(6)])

    told = describe_stats(read_stats(plain_workspace, ADMIN))
    spool.close()

    assert [(one["role"], one["captures"]) for one in told["database"]] == [("champion", 2), ("shadow", 1)]
    assert told["archive"] == {
        "captures": 2,
        "parts": 1,
        "first_day": "2026-11-01",
        "last_day": "2026-11-01",
    }
    assert told["spool"] == {"files": 1, "bytes": len(encode_line(make_capture(6)))}


# Deleting


def test_a_deleted_capture_is_gone_with_its_shadows_and_recorded_without_its_text(plain_workspace):
    add(plain_workspace, make_capture(1), make_capture(2), make_capture(3, **_SHADOW))

    removal = remove_capture(plain_workspace, ADMIN, make_request_id(1), reason="asked by the applicant")

    assert (removal.captures, removal.spooled) == (2, False)
    assert list_all(plain_workspace) == [make_capture(2)]
    with plain_workspace.database.read() as connection:
        [event] = list_events(connection)
    assert (event.action, event.subject, event.reason) == (
        "capture.delete",
        make_request_id(1),
        "asked by the applicant",
    )
    assert "dashboards" not in f"{event.before}{event.after}"


def test_a_deleted_capture_leaves_the_archive(workspace):
    add(workspace, make_capture(1), make_capture(2), make_capture(3, at=NOON + _DAY, **_SHADOW))
    archive_captures(workspace, SYSTEM, now=_LATER)

    assert remove_capture(workspace, ADMIN, make_request_id(1)).captures == 2

    assert list_all(workspace) == [make_capture(2)]
    assert list_objects(workspace) == list_counted(workspace)
    assert len(list_objects(workspace)) == 1


def test_a_capture_that_waits_in_the_spool_never_arrives_once_it_is_deleted(plain_workspace):
    spool = open_spool(plain_workspace.folder / "spool")
    spool.append([make_capture(1), make_capture(2), make_capture(3, **_SHADOW)])

    removal = remove_capture(plain_workspace, ADMIN, make_request_id(1))
    spool.close()
    move_once(plain_workspace, spool.folder)

    assert (removal.captures, removal.spooled) == (0, True)
    assert list_all(plain_workspace) == [make_capture(2)]


def test_a_capture_is_deleted_once(plain_workspace):
    spool = open_spool(plain_workspace.folder / "spool")
    spool.append([make_capture(1)])
    add(plain_workspace, make_capture(1))
    remove_capture(plain_workspace, ADMIN, make_request_id(1))

    with pytest.raises(NotFoundError, match="no capture of the request"):
        remove_capture(plain_workspace, ADMIN, make_request_id(1))  # its line is in the spool still
    spool.close()


def test_deleting_the_unknown_is_an_error_and_no_event(plain_workspace):
    with pytest.raises(NotFoundError):
        remove_capture(plain_workspace, ADMIN, "0" * 64)

    assert list_actions(plain_workspace) == []


def test_what_sqlite_deleted_cant_be_read_from_its_file(tmp_path):
    with create_workspace(tmp_path / "workspace") as workspace:
        add(workspace, make_capture(1, input="a very private sentence"))
        remove_capture(workspace, ADMIN, make_request_id(1))
        with workspace.database.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

        assert b"very private" not in (workspace.folder / "seamark.db").read_bytes()


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (removing, "write_part"),
        (rows, "add_removal"),
        (archive_parts, "change_part"),
        (removing, "remove_part"),
    ],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_a_deletion_that_is_killed_happened_or_did_not(plain_workspace, monkeypatch, place, name):
    monkeypatch.setattr(parts, "_STALE", -_DAY)
    add(plain_workspace, make_capture(1), make_capture(2))
    archive_captures(plain_workspace, SYSTEM, now=_LATER)
    real = getattr(place, name)

    def die_behind(*arguments, **options):
        real(*arguments, **options)
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(place, name, die_behind)
        with pytest.raises(_Killed):
            remove_capture(plain_workspace, ADMIN, make_request_id(1))
    done = ("capture.delete", "done") in list_actions(plain_workspace)
    assert list_all(plain_workspace) == [make_capture(2)] if done else [make_capture(1), make_capture(2)]
    archive_captures(plain_workspace, SYSTEM, now=_LATER)

    assert list_objects(plain_workspace) == list_counted(plain_workspace)
    if not done:
        remove_capture(plain_workspace, ADMIN, make_request_id(1))
    assert list_all(plain_workspace) == [make_capture(2)]


def test_a_deletion_sees_a_capture_that_moves_to_the_archive_meanwhile(plain_workspace, monkeypatch):
    add(plain_workspace, make_capture(1), make_capture(2))
    real, calls = removing.find_parts, []

    def archive_then_look(*arguments):
        found = real(*arguments)
        if not calls:  # behind the look, so that the deletion's transaction finds other things than it saw
            archive_captures(plain_workspace, SYSTEM, now=_LATER)
        calls.append(1)
        return found

    monkeypatch.setattr(removing, "find_parts", archive_then_look)

    assert remove_capture(plain_workspace, ADMIN, make_request_id(1)).captures == 1
    assert len(calls) == 2
    assert list_all(plain_workspace) == [make_capture(2)]


def test_a_deletion_gives_up_where_captures_keep_changing(plain_workspace, monkeypatch):
    add(plain_workspace, make_capture(1))
    monkeypatch.setattr(rows, "delete_captures", lambda connection, ids: 0)

    with pytest.raises(ConflictError, match="keep changing"):
        remove_capture(plain_workspace, ADMIN, make_request_id(1))
    assert list_actions(plain_workspace) == []


def test_deletions_at_once_in_one_part_all_happen(plain_workspace):
    add(plain_workspace, *[make_capture(number) for number in range(6)])
    archive_captures(plain_workspace, SYSTEM, now=_LATER)
    failed = []

    def delete(number):
        try:
            remove_capture(plain_workspace, ADMIN, make_request_id(number))
        except (ConflictError, StorageError) as error:
            failed.append((number, error))

    threads = [threading.Thread(target=delete, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, _ in failed:
        remove_capture(plain_workspace, ADMIN, make_request_id(number))

    assert list_all(plain_workspace) == [make_capture(4), make_capture(5)]
    assert list_objects(plain_workspace) == list_counted(plain_workspace)


# Roles


@pytest.mark.parametrize("role", ["viewer", "reviewer", "data-scientist", "approver"])
def test_who_may_not_delete_or_archive_changes_nothing_and_is_recorded(plain_workspace, role):
    somebody = make_actor("sam", role)
    add(plain_workspace, make_capture(1))

    with pytest.raises(NotAllowedError):
        remove_capture(plain_workspace, somebody, make_request_id(1))
    with pytest.raises(NotAllowedError):
        archive_captures(plain_workspace, somebody, now=_LATER)

    assert list_captures(plain_workspace, ADMIN) == [make_capture(1)]
    assert list_actions(plain_workspace) == [("capture.archive", "denied"), ("capture.delete", "denied")]


def test_a_viewer_reads_no_captured_text(plain_workspace):
    viewer = make_actor("vic", "viewer")
    add(plain_workspace, make_capture(1))

    for look in (
        lambda: list_captures(plain_workspace, viewer),
        lambda: get_capture(plain_workspace, viewer, make_request_id(1)),
        lambda: read_stats(plain_workspace, viewer),
    ):
        with pytest.raises(NotAllowedError):
            look()
