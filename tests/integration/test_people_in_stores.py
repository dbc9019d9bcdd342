"""People, tokens and the audit trail on each kind of database, and in a bucket."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, text, update

from people import ADMIN, list_audit, make_actor
from seamark.errors import ConflictError, SignInError
from seamark.governance.acting import act
from seamark.governance.anchor import read_anchor
from seamark.governance.audit import verify_trail
from seamark.governance.people import (
    add_first_administrator,
    add_person,
    change_person,
    list_people,
    set_password,
)
from seamark.governance.sign_in import check_password
from seamark.governance.tokens import authenticate, create_token, list_tokens, revoke_token
from seamark.storage.audit import append_event
from seamark.storage.facts import lock_workspace_id
from seamark.storage.tables import audit_events
from seamark.storage.workspace import Workspace, create_workspace, open_workspace

AT_ONCE = 6
PASSWORD = "correct horse battery"


@pytest.fixture
def workspace(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("SEAMARK_DATABASE_URL", database_url)
    with create_workspace(tmp_path / "workspace") as made:
        yield made


def at_once(workspace: Workspace, work: Callable[[Workspace, int], Any], count: int = AT_ONCE) -> list[Any]:
    """What each of some threads came to, each with the workspace opened anew; its error where it failed."""
    start = threading.Barrier(count)

    def run(i: int) -> Any:
        with open_workspace(workspace.folder) as opened:
            start.wait()
            try:
                return work(opened, i)
            except ConflictError as error:
                return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def tamper(workspace: Workspace, work: Callable[[Connection], object]) -> None:
    """Change the trail as somebody would who owns the database: without its triggers."""
    postgres = workspace.database.engine.dialect.name == "postgresql"
    names = ["append_only"] if postgres else ["no_update", "no_delete"]
    with workspace.database.begin() as connection:
        for name in names:
            on = " ON audit_events" if postgres else ""
            connection.execute(text(f"DROP TRIGGER IF EXISTS audit_events_{name}{on}"))
        work(connection)


def test_a_person_and_their_tokens_from_the_first_day_to_the_last(workspace):
    add_first_administrator(workspace, "ada", password=PASSWORD)
    add_person(workspace, ADMIN, "bob", roles=["approver", "viewer"])
    set_password(workspace, ADMIN, "bob", PASSWORD)
    bob = check_password(workspace, "bob", PASSWORD)
    token, secret = create_token(workspace, bob, title="laptop", scopes=["read", "write"])
    assert authenticate(workspace, secret).roles == {"viewer", "approver"}
    change_person(workspace, ADMIN, "bob", roles=["viewer"])
    assert authenticate(workspace, secret).roles == {"viewer"}
    assert revoke_token(workspace, bob, token.id).revoked_at is not None
    with pytest.raises(SignInError):
        authenticate(workspace, secret)
    assert [one.status for one in list_tokens(workspace, bob)] == ["revoked"]
    assert [(one.name, one.roles, one.has_password) for one in list_people(workspace, ADMIN)] == [
        ("ada", ("administrator",), True),
        ("bob", ("viewer",), True),
    ]
    assert [event.action for event in list_audit(workspace)] == [
        "people.add",
        "people.add",
        "people.password",
        "token.create",
        "people.change",
        "token.revoke",
    ]
    assert verify_trail(workspace, ADMIN).sound


def test_of_those_who_want_to_be_first_at_once_one_is(workspace):
    ends = at_once(workspace, lambda opened, i: add_first_administrator(opened, f"admin-{i}").name)
    (name,) = [end for end in ends if isinstance(end, str)]
    assert [one.name for one in list_people(workspace, ADMIN)] == [name]
    assert [event.subject for event in list_audit(workspace)] == [name]


def test_of_those_who_take_a_name_at_once_one_has_it(workspace):
    names = ["bob", "Bob", "BOB", "bOb", "boB", "bob"]
    ends = at_once(workspace, lambda opened, i: add_person(opened, ADMIN, names[i], roles=["viewer"]).name)
    (name,) = [end for end in ends if isinstance(end, str)]
    assert [one.name for one in list_people(workspace, ADMIN)] == [name]


def test_administrators_who_bar_one_another_at_once_leave_one(workspace):
    people = [make_actor(f"admin-{i}", "administrator") for i in range(AT_ONCE)]
    for person in people:
        add_person(workspace, ADMIN, person.name, roles=["administrator"])

    def bar(opened: Workspace, i: int) -> str:
        other = people[(i + 1) % AT_ONCE].name
        return change_person(opened, people[i], other, active=False).name

    ends = at_once(workspace, bar)
    assert sum(isinstance(end, ConflictError) for end in ends) == 1
    assert sum(one.active for one in list_people(workspace, ADMIN)) == 1


def test_a_workspace_gets_one_id_however_many_ask_at_once(workspace):
    def ask(opened: Workspace, _: int) -> str:
        with opened.database.begin() as connection:
            return lock_workspace_id(connection)

    assert len(set(at_once(workspace, ask))) == 1


def test_events_written_at_once_make_one_chain(workspace):
    def write(opened: Workspace, i: int) -> None:
        for j in range(10):
            with act(
                opened, make_actor(f"p{i}", "administrator"), "people.change", subject=f"{i}-{j}"
            ) as deed:
                deed.after = {"j": j}

    at_once(workspace, write)
    report = verify_trail(workspace, ADMIN)
    assert report.sound, report.faults
    assert report.events == report.head.seq == AT_ONCE * 10
    assert {event.subject for event in list_audit(workspace)} == {
        f"{i}-{j}" for i in range(AT_ONCE) for j in range(10)
    }


def test_processes_that_write_events_at_once_make_one_chain(workspace):
    code = (
        "import sys; from pathlib import Path\n"
        "from seamark.governance.actors import SYSTEM\n"
        "from seamark.governance.acting import act\n"
        "from seamark.storage.workspace import open_workspace\n"
        "with open_workspace(Path(sys.argv[1])) as workspace:\n"
        "    for i in range(20):\n"
        "        with act(workspace, SYSTEM, 'promotion.live', subject=str(i)): pass\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(workspace.folder)], env=os.environ.copy())
        for _ in range(3)
    ]
    assert [process.wait(timeout=300) for process in running] == [0, 0, 0]
    report = verify_trail(workspace, ADMIN)
    assert report.sound, report.faults
    assert report.events == 60


def test_a_transaction_that_fails_leaves_no_hole_in_the_chain(workspace):
    for i in range(4):
        try:
            with act(workspace, ADMIN, "people.change", subject=str(i)):
                if i % 2:
                    raise RuntimeError("killed")
        except RuntimeError:
            pass
    report = verify_trail(workspace, ADMIN)
    assert report.sound
    assert report.events == 2


def test_a_trail_is_verified_as_it_was_at_one_moment(workspace, monkeypatch):
    """What is appended while the trail is read is no fault."""
    add_first_administrator(workspace, "ada")

    def read_anchor_while_others_write(opened: Workspace) -> Any:
        anchor = read_anchor(opened)
        add_person(opened, ADMIN, "bob", roles=["viewer"])
        return anchor

    monkeypatch.setattr("seamark.governance.audit.read_anchor", read_anchor_while_others_write)
    report = verify_trail(workspace, ADMIN)
    assert report.sound
    assert (report.events, report.anchored and report.anchored.seq) == (2, 1)


def test_a_writer_that_is_quicker_than_the_reader_is_no_fault(workspace, monkeypatch):
    add_first_administrator(workspace, "ada")
    from seamark.storage import trail

    read_head = trail.read_head

    def read_head_while_others_write(connection: Connection) -> Any:
        head = read_head(connection)
        with open_workspace(workspace.folder) as other:
            add_person(other, ADMIN, "bob", roles=["viewer"])
        return head

    monkeypatch.setattr(trail, "read_head", read_head_while_others_write)
    report = verify_trail(workspace, ADMIN)
    assert report.sound, report.faults
    assert report.events == 1
    monkeypatch.undo()


@pytest.mark.parametrize("statement", ["update", "delete", "truncate"])
def test_the_database_itself_refuses_to_change_the_trail(workspace, statement):
    add_first_administrator(workspace, "ada")
    postgres = workspace.database.engine.dialect.name == "postgresql"
    commands = {
        "update": "UPDATE audit_events SET actor = 'eve'",
        "delete": "DELETE FROM audit_events WHERE seq = 1",
        "truncate": "TRUNCATE audit_events" if postgres else "DELETE FROM audit_events",
    }
    with pytest.raises(Exception, match="append-only"), workspace.database.begin() as connection:
        connection.execute(text(commands[statement]))
    assert verify_trail(workspace, ADMIN).events == 1


_ALTERED = {
    "at": "2020-01-01 00:00:00+00:00",
    "before": '{"a": 1}',
    "after": '{"a": 1}',
    "seq": 99,
    **dict.fromkeys(
        (
            "actor",
            "actor_kind",
            "via",
            "address",
            "action",
            "subject",
            "outcome",
            "reason",
            "previous",
            "digest",
        ),
        "another",
    ),
}


@pytest.mark.parametrize("column", audit_events.c.keys())
def test_an_altered_column_is_found(workspace, column):
    with workspace.database.begin() as connection:
        for i in range(4):
            append_event(connection, actor="ada", action="people.add", subject=str(i), after={"n": i})
    value = _ALTERED[column]
    quoted = value if isinstance(value, int) else f"'{value}'"
    tamper(
        workspace, lambda c: c.execute(text(f'UPDATE audit_events SET "{column}" = {quoted} WHERE seq = 2'))
    )
    report = verify_trail(workspace, ADMIN)
    assert report.faults[0].seq == 2
    assert report.faults[0].kind == ("gap" if column == "seq" else "altered")


def test_newest_events_cut_off_are_found_in_three_ways(workspace):
    for i in range(4):
        with act(workspace, ADMIN, "people.change", subject=str(i)):
            pass
    known = verify_trail(workspace, ADMIN).head
    tamper(workspace, lambda c: c.execute(delete(audit_events).where(audit_events.c.seq > 2)))
    report = verify_trail(workspace, ADMIN, expect=known)
    assert [(fault.seq, fault.kind) for fault in report.faults] == [
        (3, "head"),
        (3, "anchor"),
        (3, "expected"),
    ]


def test_an_altered_row_is_found_with_the_anchor_in_a_bucket(workspace, s3_url, monkeypatch):
    monkeypatch.setenv("SEAMARK_STORE_URL", s3_url)
    with open_workspace(workspace.folder) as opened:
        add_first_administrator(opened, "ada")
        add_person(opened, ADMIN, "bob", roles=["viewer"])
        assert verify_trail(opened, ADMIN).anchored == verify_trail(opened, ADMIN).head
        tamper(
            opened,
            lambda c: c.execute(update(audit_events).where(audit_events.c.seq == 2).values(actor="eve")),
        )
        assert [(one.seq, one.kind) for one in verify_trail(opened, ADMIN).faults] == [(2, "altered")]
