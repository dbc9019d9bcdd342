from __future__ import annotations

from datetime import timedelta

import pytest

from capture_fakes import NOON, make_capture, open_spool
from people import list_audit
from seamark.capture import housekeeping
from seamark.capture.housekeeping import Housekeeping
from seamark.errors import StorageError
from seamark.storage import captures as rows
from seamark.storage.workspace import create_workspace


@pytest.fixture
def workspace(tmp_path):
    with create_workspace(tmp_path / "workspace", environ={}) as made:
        yield made


def count(workspace):
    with workspace.database.read() as connection:
        return len(rows.list_captures(connection, limit=None))


def test_what_servers_left_is_moved_and_what_is_old_is_archived(workspace):
    spool = open_spool(workspace.folder / "spool")
    spool.append(
        [make_capture(1, at=NOON.replace(year=2999)), make_capture(2, at=NOON - timedelta(days=9999))]
    )
    spool.close()

    assert Housekeeping(workspace).run_due()

    assert count(workspace) == 1
    [event] = list_audit(workspace)
    assert (event.actor, event.action, event.after) == ("seamark", "capture.archive", {"removed": 1})


def test_it_is_due_once_an_hour(workspace, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(housekeeping.time, "monotonic", lambda: now[0])
    care = Housekeeping(workspace)

    due = []
    for seconds in (0, 1, 3598, 1, 3600):
        now[0] += seconds
        due.append(care.run_due())

    assert due == [True, False, False, True, True]


def test_what_fails_is_logged_and_the_worker_goes_on(workspace, monkeypatch, caplog):
    def fail(*arguments):
        raise StorageError("the store is away")

    monkeypatch.setattr(housekeeping, "archive_captures", fail)

    assert Housekeeping(workspace).run_due()
    assert "the store is away" in caplog.text
