"""The audit trail: what was changed in it is found, however it was changed."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select, text, update

from people import ADMIN, make_actor
from seamark.errors import NotAllowedError, StorageError, UsageError
from seamark.governance.acting import act, require
from seamark.governance.actors import ROLES
from seamark.governance.anchor import ANCHOR, publish_anchor, read_anchor
from seamark.governance.audit import (
    TrailReport,
    describe_event,
    export_trail,
    list_events,
    parse_head,
    verify_trail,
)
from seamark.storage.audit import (
    START,
    AuditEvent,
    AuditHead,
    append_event,
    digest_event,
    read_digest,
    read_head,
)
from seamark.storage.tables import audit_events, audit_head
from seamark.storage.workspace import Workspace, create_workspace

EVENTS = 6


def act_some(workspace: Workspace, count: int = EVENTS) -> None:
    for i in range(count):
        with act(workspace, ADMIN, "people.change", subject=f"person {i}", reason=f"reason {i}") as deed:
            deed.before, deed.after = {"roles": ["viewer"], "n": i}, {"roles": [], "n": None, "ä": "ö"}


def tamper(workspace: Workspace, work: Callable[[Connection], object]) -> None:
    """Change the trail as somebody would who has the database: without its triggers."""
    with workspace.database.begin() as connection:
        for change in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER IF EXISTS audit_events_no_{change}"))
        work(connection)


def set_values(seq: int, /, **values: Any) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(
        update(audit_events).where(audit_events.c.seq == seq).values(**values)
    )


def cut(after: int) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(delete(audit_events).where(audit_events.c.seq > after))


def set_head_back(workspace: Workspace, to: int) -> None:
    def work(connection: Connection) -> None:
        digest = connection.execute(
            select(audit_events.c.digest).where(audit_events.c.seq == to)
        ).scalar_one()
        connection.execute(update(audit_head).values(seq=to, digest=digest))

    tamper(workspace, work)


def remake(workspace: Workspace, seq: int, *, on: bool, **values: Any) -> None:
    """Change an event with its digest made anew, and with ``on`` every digest after it, and the head."""

    def work(connection: Connection) -> None:
        query = select(audit_events).where(audit_events.c.seq >= seq).order_by(audit_events.c.seq)
        rows = [dict(row._mapping) for row in connection.execute(query)]
        rows[0] |= values
        for i, row in enumerate(rows if on else rows[:1]):
            row["previous"] = rows[i - 1]["digest"] if i else row["previous"]
            row["digest"] = digest_event(row)
            set_values(row["seq"], **row)(connection)
        if on:
            connection.execute(update(audit_head).values(digest=rows[-1]["digest"]))

    tamper(workspace, work)


def write_anchor(workspace: Workspace) -> None:
    """What somebody does who has the object store as well."""
    with workspace.database.read() as connection:
        head = read_head(connection)
    assert head is not None
    workspace.store.put_json(ANCHOR, {"seq": head.seq, "digest": head.digest})


def find(report: TrailReport) -> list[tuple[int, str]]:
    return [(fault.seq, fault.kind) for fault in report.faults]


@pytest.fixture
def acted(workspace: Workspace) -> Workspace:
    """A workspace with six events."""
    act_some(workspace)
    return workspace


def test_a_trail_that_nobody_touched_is_sound(acted):
    report = verify_trail(acted, ADMIN)
    assert report.sound
    assert (report.events, report.head.seq, report.anchored) == (EVENTS, EVENTS, report.head)
    assert verify_trail(acted, ADMIN, expect=report.head).sound
    act_some(acted, 2)
    assert verify_trail(acted, ADMIN, expect=report.head).sound


def test_a_trail_without_events_is_sound_and_is_not_what_an_auditor_knows_more_of(workspace):
    report = verify_trail(workspace, ADMIN)
    assert report.sound
    assert (report.events, report.head, report.anchored) == (0, AuditHead(0, START), None)
    assert find(verify_trail(workspace, ADMIN, expect=AuditHead(3, START))) == [(1, "expected")]


@pytest.mark.parametrize("seq", [1, 3, EVENTS])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", datetime(2020, 1, 1, tzinfo=UTC)),
        ("actor", "eve"),
        ("actor_kind", "system"),
        ("via", "http"),
        ("address", "elsewhere"),
        ("action", "people.add"),
        ("subject", "another"),
        ("outcome", "denied"),
        ("reason", ""),
        ("before", {}),
        ("after", {"roles": ["administrator"]}),
        ("previous", "f" * 64),
        ("digest", "f" * 64),
    ],
)
def test_an_altered_column_of_any_event_is_found(acted, seq, column, value):
    tamper(acted, set_values(seq, **{column: value}))
    assert find(verify_trail(acted, ADMIN))[0] == (seq, "altered")


def test_every_column_is_covered_by_the_test_above_but_the_number():
    marks = test_an_altered_column_of_any_event_is_found.pytestmark
    tried = {column for mark in marks if mark.args[0] == ("column", "value") for column, _ in mark.args[1]}
    assert tried | {"seq"} == set(AuditEvent.__dataclass_fields__) == set(audit_events.c.keys())


@pytest.mark.parametrize("new", [0, -1, 77])
@pytest.mark.parametrize("seq", [1, 3, EVENTS])
def test_an_event_with_another_number_is_found(acted, seq, new):
    tamper(acted, set_values(seq, seq=new))
    found = find(verify_trail(acted, ADMIN))
    assert found[0] == (1 if new < 1 else seq, "gap") or found[0] == (seq, "head")


@pytest.mark.parametrize("column", ["before", "after", "at"])
def test_a_row_that_can_not_be_read_any_more_is_found_and_is_no_crash(acted, column, tmp_path):
    tamper(acted, lambda c: c.execute(text(f"UPDATE audit_events SET \"{column}\" = '{{' WHERE seq = 4")))
    report = verify_trail(acted, ADMIN)
    assert find(report)[0] == (4, "altered")
    assert report.events == EVENTS
    with pytest.raises(StorageError, match="event 4"):
        export_trail(acted, ADMIN, tmp_path / "trail.jsonl")
    assert list(tmp_path.glob("*trail*")) == []


@pytest.mark.parametrize("page", [1, EVENTS - 1, EVENTS, EVENTS + 1])
def test_a_trail_of_many_pages_is_read_to_its_end(acted, monkeypatch, tmp_path, page):
    monkeypatch.setattr("seamark.storage.trail._PAGE", page)
    assert verify_trail(acted, ADMIN).sound
    assert export_trail(acted, ADMIN, tmp_path / "trail.jsonl") == EVENTS
    tamper(acted, lambda c: c.execute(text(f"UPDATE audit_events SET after = '{{' WHERE seq = {EVENTS}")))
    report = verify_trail(acted, ADMIN)
    assert (find(report)[0], report.events) == ((EVENTS, "altered"), EVENTS)


@pytest.mark.parametrize("column", ["at", "actor", "before", "seq"])
def test_a_value_of_another_type_is_found(acted, column):
    tamper(acted, lambda c: c.execute(text(f'UPDATE audit_events SET "{column}" = \'"x\' WHERE seq = 4')))
    assert find(verify_trail(acted, ADMIN))[0][0] == 4


@pytest.mark.parametrize("seq", [1, 3, EVENTS - 1])
def test_an_event_whose_digest_was_made_anew_is_named(acted, seq):
    remake(acted, seq, on=False, reason="another")
    assert find(verify_trail(acted, ADMIN)) == [(seq, "altered")]


def test_the_newest_event_with_a_digest_made_anew_is_not_what_head_and_anchor_know(acted):
    remake(acted, EVENTS, on=False, reason="another")
    assert find(verify_trail(acted, ADMIN)) == [(EVENTS, "head"), (EVENTS, "anchor")]


def test_a_chain_written_anew_from_some_event_on_is_not_what_is_kept_elsewhere(acted):
    known = verify_trail(acted, ADMIN).head
    remake(acted, 2, on=True, reason="another")
    assert find(verify_trail(acted, ADMIN)) == [(EVENTS, "anchor")]
    write_anchor(acted)  # whoever has the object store as well hides it from all but the auditor
    assert verify_trail(acted, ADMIN).sound
    assert find(verify_trail(acted, ADMIN, expect=known)) == [(EVENTS, "expected")]


@pytest.mark.parametrize("seq", [1, 3, EVENTS - 1])
def test_an_event_that_was_removed_is_a_gap(acted, seq):
    tamper(acted, lambda c: c.execute(delete(audit_events).where(audit_events.c.seq == seq)))
    assert find(verify_trail(acted, ADMIN)) == [(seq, "gap")]


def test_two_events_that_changed_places_are_found(acted):
    def swap(connection: Connection) -> None:
        for old, new in ((2, 99), (3, 2), (99, 3)):
            set_values(old, seq=new)(connection)

    tamper(acted, swap)
    assert find(verify_trail(acted, ADMIN)) == [(2, "altered")]


@pytest.mark.parametrize("left", [0, 1, EVENTS - 1])
def test_newest_events_cut_off_are_found_by_the_head(acted, left):
    tamper(acted, cut(left))
    assert find(verify_trail(acted, ADMIN)) == [(left + 1, "head"), (left + 1, "anchor")]


@pytest.mark.parametrize("left", [1, EVENTS - 1])
def test_newest_events_cut_off_with_the_head_set_back_are_found_by_the_anchor(acted, left):
    tamper(acted, cut(left))
    set_head_back(acted, left)
    assert find(verify_trail(acted, ADMIN)) == [(left + 1, "anchor")]


def test_newest_events_cut_off_with_head_and_anchor_set_back_are_found_by_the_auditor(acted):
    known = verify_trail(acted, ADMIN).head
    tamper(acted, cut(2))
    set_head_back(acted, 2)
    write_anchor(acted)
    assert verify_trail(acted, ADMIN).sound
    assert find(verify_trail(acted, ADMIN, expect=known)) == [(3, "expected")]


@pytest.mark.parametrize("left", [1, 2, EVENTS - 1])
def test_newest_events_cut_off_are_found_still_when_others_followed(acted, left):
    tamper(acted, cut(left))
    set_head_back(acted, left)
    for number in range(EVENTS - left + 1):
        with act(acted, ADMIN, "taxonomy.use", subject=f"later-{number}"):
            pass
    assert find(verify_trail(acted, ADMIN)) == [(EVENTS, "anchor")]


def test_a_damaged_anchor_is_found_still_when_events_followed(acted):
    acted.store.put_text(ANCHOR, "{")
    with act(acted, ADMIN, "taxonomy.use", subject="later"):
        pass
    assert find(verify_trail(acted, ADMIN)) == [(EVENTS + 1, "anchor")]


def test_a_refusal_cut_off_is_found_by_the_anchor(acted):
    with pytest.raises(NotAllowedError):
        require(acted, make_actor("vera", "viewer"), "people.add")
    tamper(acted, cut(EVENTS))
    set_head_back(acted, EVENTS)
    assert find(verify_trail(acted, ADMIN)) == [(EVENTS + 1, "anchor")]


def test_an_anchor_never_goes_back(acted, monkeypatch):
    newest = verify_trail(acted, ADMIN).head
    with acted.database.read() as connection:
        third = AuditHead(3, str(read_digest(connection, 3)))
    monkeypatch.setattr("seamark.governance.anchor.read_head", lambda _: third)  # of a slower process
    publish_anchor(acted)
    assert read_anchor(acted) == newest


def test_a_whole_trail_that_was_removed_is_found_by_the_anchor(acted):
    tamper(acted, cut(0))
    tamper(acted, lambda c: c.execute(delete(audit_head)))
    assert find(verify_trail(acted, ADMIN)) == [(1, "anchor")]


def test_a_head_that_was_set_back_or_removed_is_found(acted):
    set_head_back(acted, 4)
    assert find(verify_trail(acted, ADMIN)) == [(5, "head")]
    tamper(acted, lambda c: c.execute(delete(audit_head)))
    assert find(verify_trail(acted, ADMIN)) == [(EVENTS, "head")]


def test_cut_events_that_others_took_the_place_of_are_found(acted):
    tamper(acted, cut(4))
    set_head_back(acted, 4)
    with acted.database.begin() as connection:
        for _ in range(2):
            append_event(connection, actor="eve", action="people.add")
    assert find(verify_trail(acted, ADMIN)) == [(EVENTS, "anchor")]


def test_an_event_put_behind_the_end_is_found(acted):
    def add(connection: Connection) -> None:
        row = dict(connection.execute(select(audit_events).where(audit_events.c.seq == 1)).one()._mapping)
        connection.execute(insert(audit_events).values({**row, "seq": EVENTS + 1}))

    tamper(acted, add)
    found = find(verify_trail(acted, ADMIN))
    assert (EVENTS + 1, "head") in found
    assert found[0][0] <= EVENTS + 1


def test_without_an_anchor_the_report_says_that_there_is_none(acted):
    acted.store.delete(ANCHOR)
    report = verify_trail(acted, ADMIN)
    assert report.sound
    assert report.anchored is None


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"seq": 1}', '{"seq": "x", "digest": ""}', "[" * 99_999]
)
def test_an_anchor_that_is_damaged_is_a_fault_beside_those_of_the_chain(acted, content):
    acted.store.put_text(ANCHOR, content)
    assert find(verify_trail(acted, ADMIN)) == [(EVENTS, "anchor")]
    tamper(acted, set_values(2, actor="eve"))
    assert find(verify_trail(acted, ADMIN)) == [(2, "altered"), (EVENTS, "anchor")]


def test_an_anchor_of_another_digest_is_found(acted):
    acted.store.put_json(ANCHOR, {"seq": 3, "digest": "0" * 64})
    assert find(verify_trail(acted, ADMIN)) == [(3, "anchor")]


def test_the_database_refuses_to_change_or_remove_events(acted):
    for statement in (update(audit_events).values(actor="eve"), delete(audit_events)):
        with pytest.raises(Exception, match="append-only"), acted.database.begin() as connection:
            connection.execute(statement)
    assert verify_trail(acted, ADMIN).sound


@pytest.mark.parametrize("role", ROLES)
def test_everybody_with_a_role_reads_the_trail(acted, role, tmp_path):
    actor = make_actor("eve", role)
    assert verify_trail(acted, actor).sound
    assert len(list_events(acted, actor)) == EVENTS
    assert export_trail(acted, actor, tmp_path / "trail.csv") == EVENTS


def test_nobody_without_a_role_does(acted, tmp_path):
    actor = make_actor("eve")
    for read in (
        lambda: verify_trail(acted, actor),
        lambda: list_events(acted, actor),
        lambda: export_trail(acted, actor, tmp_path / "trail.csv"),
    ):
        with pytest.raises(NotAllowedError):
            read()
    assert not (tmp_path / "trail.csv").exists()


def test_events_are_listed_newest_first_and_chosen(acted):
    with act(acted, make_actor("bob", "administrator"), "people.add", subject="carol"):
        pass
    newest = list_events(acted, ADMIN, limit=2)
    assert [event.seq for event in newest] == [EVENTS + 1, EVENTS]
    assert [event.seq for event in list_events(acted, ADMIN, before=3)] == [2, 1]
    assert [event.seq for event in list_events(acted, ADMIN, by="bob")] == [EVENTS + 1]
    assert [event.seq for event in list_events(acted, ADMIN, action="people.add")] == [EVENTS + 1]
    assert [event.seq for event in list_events(acted, ADMIN, subject="person 0")] == [1]
    assert list_events(acted, ADMIN, by="nobody") == []


def test_json_lines_hold_what_the_digests_were_taken_of(acted, tmp_path):
    path = tmp_path / "trail.jsonl"
    path.write_text("old", encoding="utf-8")
    assert export_trail(acted, ADMIN, path) == EVENTS
    events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    previous = START
    for seq, event in enumerate(events, 1):
        assert (event["seq"], event["previous"]) == (seq, previous)
        previous = event["digest"]
        assert digest_event({**event, "at": datetime.fromisoformat(event["at"])}) == previous
    assert previous == verify_trail(acted, ADMIN).head.digest


def test_a_table_has_every_column_and_no_formula(acted, tmp_path):
    with act(acted, ADMIN, "people.add", subject='=HYPERLINK("x")', reason='a "b", c\nd'):
        pass
    assert export_trail(acted, ADMIN, tmp_path / "trail.csv") == EVENTS + 1
    with (tmp_path / "trail.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(AuditEvent.__dataclass_fields__)
    assert rows[-1]["subject"] == '\'=HYPERLINK("x")'
    assert rows[-1]["reason"] == 'a "b", c\nd'
    assert json.loads(rows[0]["after"]) == {"roles": [], "n": None, "ä": "ö"}


@pytest.mark.parametrize("name", ["trail.xlsx", "trail", "trail.jsonl.gz"])
def test_a_file_of_another_kind_is_refused(acted, tmp_path, name):
    with pytest.raises(UsageError, match=r"\.jsonl or \.csv"):
        export_trail(acted, ADMIN, tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_folder_that_is_not_there_is_an_error_of_storage(acted, tmp_path):
    with pytest.raises(StorageError, match="can't be written"):
        export_trail(acted, ADMIN, tmp_path / "nowhere" / "trail.csv")


@pytest.mark.parametrize(
    "told", ["", "3", ":", f"3{START}", "x:" + START, f"-1:{START}", "3:abc", f"²:{START}"]
)
def test_what_is_no_event_of_an_auditor_is_refused(told):
    with pytest.raises(UsageError, match="SEQ:DIGEST"):
        parse_head(told)


def test_an_event_of_an_auditor_is_read_in_whatever_case():
    assert parse_head(f" 3:{'AB' * 32} ") == AuditHead(3, "ab" * 32)


@pytest.fixture(scope="module")
def long_trail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder: Path = tmp_path_factory.mktemp("long-trail") / "workspace"
    with create_workspace(folder, environ={}) as made:
        act_some(made, 12)
        yield made


_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=10)
_JSON = st.dictionaries(_TEXTS, st.none() | st.booleans() | st.integers(-9, 9) | _TEXTS, max_size=3)
_ALTERATIONS = st.one_of(
    *(
        st.tuples(st.just(name), _TEXTS)
        for name in ("actor", "actor_kind", "via", "address", "action", "subject", "outcome", "reason")
    ),
    st.tuples(st.sampled_from(["before", "after"]), _JSON),
    st.tuples(
        st.just("at"),
        st.integers(1, 10**12).map(lambda us: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(0, 0, us)),
    ),
    st.tuples(st.sampled_from(["previous", "digest"]), st.text("0123456789abcdef", min_size=64, max_size=64)),
)


@settings(max_examples=60)
@given(seq=st.integers(1, 12), alteration=_ALTERATIONS)
def test_any_alteration_of_any_event_is_found_and_named(long_trail, seq, alteration):
    column, value = alteration
    with long_trail.database.read() as connection:
        chosen = select(audit_events.c[column]).where(audit_events.c.seq == seq)
        before = connection.execute(chosen).scalar_one()
    tamper(long_trail, set_values(seq, **{column: value}))
    try:
        found = find(verify_trail(long_trail, ADMIN))
        assert found[:1] == ([] if value == before else [(seq, "altered")])
    finally:
        tamper(long_trail, set_values(seq, **{column: before}))


@settings(max_examples=30)
@given(removed=st.sets(st.integers(1, 12), min_size=1))
def test_whatever_is_removed_the_first_one_is_named(long_trail, removed):
    with long_trail.database.read() as connection:
        query = select(audit_events).where(audit_events.c.seq.in_(removed))
        rows = [dict(row._mapping) for row in connection.execute(query)]
    tamper(long_trail, lambda c: c.execute(delete(audit_events).where(audit_events.c.seq.in_(removed))))
    try:
        assert find(verify_trail(long_trail, ADMIN))[0][0] == min(removed)
    finally:
        tamper(long_trail, lambda c: c.execute(insert(audit_events), rows))


@given(
    st.builds(
        AuditEvent,
        seq=st.integers(1, 10**9),
        at=st.datetimes(timezones=st.just(UTC)),
        **dict.fromkeys(("actor", "actor_kind", "via", "address", "action", "subject", "outcome"), _TEXTS),
        reason=_TEXTS,
        before=_JSON,
        after=_JSON,
        previous=_TEXTS,
        digest=_TEXTS,
    )
)
def test_what_is_exported_has_the_digest_of_what_it_was(event):
    told = json.loads(json.dumps(describe_event(event)))
    facts = {name: getattr(event, name) for name in AuditEvent.__dataclass_fields__}
    assert digest_event({**told, "at": datetime.fromisoformat(told["at"])}) == digest_event(facts)
