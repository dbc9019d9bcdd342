from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from people import ADMIN, make_actor
from seamark.errors import NotAllowedError, UsageError
from seamark.governance.acting import act, may, refuse, require
from seamark.governance.actions import ACTIONS, get_action
from seamark.governance.actors import ROLES, SCOPES, SYSTEM, Actor
from seamark.governance.anchor import ANCHOR, read_anchor
from seamark.storage.audit import START, list_events, read_head
from seamark.storage.releases import read_live, write_live
from seamark.storage.workspace import Workspace, create_workspace


@pytest.fixture
def workspace(tmp_path):
    with create_workspace(tmp_path / "workspace", environ={}) as made:
        yield made


def _list(workspace: Workspace):
    with workspace.database.read() as connection:
        return list_events(connection)


def _read_live(workspace: Workspace):
    with workspace.database.read() as connection:
        return read_live(connection)


def _use_and_fail(workspace: Workspace) -> None:
    with act(workspace, ADMIN, "taxonomy.use") as deed:
        write_live(deed.connection, "esco")
        raise RuntimeError("killed")


def test_work_and_event_are_kept_together(workspace):
    with act(workspace, ADMIN, "taxonomy.use", subject="esco", reason="new year") as deed:
        write_live(deed.connection, "esco")
        deed.before, deed.after = {"live": None}, {"live": "esco"}
    (event,) = _list(workspace)
    assert _read_live(workspace) == "esco"
    assert (event.seq, event.actor, event.action, event.subject) == (1, "ada", "taxonomy.use", "esco")
    assert (event.outcome, event.reason, event.via, event.address) == ("done", "new year", "cli", "test-host")
    assert (event.before, event.after, event.previous) == ({"live": None}, {"live": "esco"}, START)


def test_a_failure_leaves_neither_work_nor_event(workspace):
    with pytest.raises(RuntimeError):
        _use_and_fail(workspace)
    assert _read_live(workspace) is None
    assert _list(workspace) == []
    assert read_anchor(workspace) is None


def test_where_nothing_changed_there_is_no_event(workspace):
    with act(workspace, ADMIN, "taxonomy.use") as deed:
        deed.nothing = True
    assert _list(workspace) == []


def test_who_may_not_is_refused_before_anything_happens_and_that_is_recorded(workspace):
    viewer = make_actor("vera", "viewer")
    refused = pytest.raises(NotAllowedError, match=r"vera \(viewer\) may not.*data-scientist")
    with refused, act(workspace, viewer, "taxonomy.use", subject="esco"):
        pytest.fail("the block must not run")
    (event,) = _list(workspace)
    assert (event.actor, event.outcome, event.subject) == ("vera", "denied", "esco")


def test_a_refused_look_is_not_recorded(workspace):
    with pytest.raises(NotAllowedError):
        require(workspace, make_actor("vera", "viewer"), "people.read")
    assert _list(workspace) == []


def test_a_token_does_only_what_it_is_for(workspace):
    narrow = Actor("ada", frozenset({"administrator"}), scopes=frozenset({"read"}), kind="token")
    with pytest.raises(NotAllowedError, match=r"is for read.*scope write"):
        require(workspace, narrow, "taxonomy.use")
    assert may(narrow, "audit.read")
    assert may(narrow, "predict")
    assert not may(Actor("ada", frozenset({"administrator"}), scopes=frozenset({"predict"})), "audit.read")


def test_what_roles_allow_but_not_on_this_subject_is_recorded_as_refused(workspace):
    error = refuse(workspace, ADMIN, "token.create", subject="bob", found="ada asks", expected="bob")
    assert isinstance(error, NotAllowedError)
    assert [(one.actor, one.subject, one.outcome) for one in _list(workspace)] == [("ada", "bob", "denied")]


def test_what_was_asked_for_in_vain_is_recorded_without_what_can_not_be_kept(workspace):
    eve = make_actor("eve")
    with pytest.raises(NotAllowedError):
        require(workspace, eve, "taxonomy.use", subject="a\x00\x1b\udcff" + "b" * 999)
    assert _list(workspace)[0].subject == "a???" + "b" * 296


@pytest.mark.parametrize("text", ["\x00", "\x1b[2J", "line\rover", "\udcff", "\x7f"])
@pytest.mark.parametrize("what", ["subject", "reason"])
def test_subject_and_reason_steer_nobodys_terminal(workspace, what, text):
    with pytest.raises(UsageError, match=what), act(workspace, ADMIN, "taxonomy.use", **{what: text}):
        pytest.fail("done")
    assert _list(workspace) == []


def test_a_reason_of_several_lines_in_any_script_is_kept(workspace):
    reason = "erste Zeile\r\n\tzweite — 第三行 🙂"
    with act(workspace, ADMIN, "taxonomy.use", reason=reason):
        pass
    assert _list(workspace)[0].reason == reason


def test_the_anchor_follows_the_newest_event(workspace):
    for name in ("esco", "ssg"):
        with act(workspace, ADMIN, "taxonomy.use", subject=name):
            pass
    with workspace.database.read() as connection:
        head = read_head(connection)
    assert head is not None
    assert head.seq == 2
    assert read_anchor(workspace) == head


def test_an_anchor_that_cannot_be_written_does_not_undo_the_work(workspace, caplog):
    (workspace.folder / "store" / "audit").write_text("a file where a folder should be")
    with act(workspace, ADMIN, "taxonomy.use", subject="esco") as deed:
        write_live(deed.connection, "esco")
    assert _read_live(workspace) == "esco"
    assert "anchor could not be written" in caplog.text
    assert ANCHOR.startswith("audit/")


@given(roles=st.sets(st.sampled_from(ROLES)), scopes=st.sets(st.sampled_from(SCOPES)))
def test_more_roles_and_scopes_never_take_a_right_away(roles, scopes):
    some, all_scopes = Actor("a", frozenset(roles), frozenset(scopes)), Actor("a", frozenset(roles))
    everything = Actor("a", frozenset(ROLES))
    for action in ACTIONS:
        assert may(some, action.name) <= may(all_scopes, action.name) <= may(everything, action.name)


def test_nobody_does_what_only_seamark_does_and_seamark_only_what_it_may():
    for action in ACTIONS:
        assert may(SYSTEM, action.name) is action.system
        assert may(Actor("a", frozenset(ROLES)), action.name) is bool(action.roles)


def test_seamark_never_puts_a_version_on_a_stage_that_people_decide_on():
    for name in ("promotion.request", "promotion.approve", "stage.rollback"):
        assert not may(SYSTEM, name)


def test_actions_have_one_name_each_and_known_roles_and_scopes():
    assert len({action.name for action in ACTIONS}) == len(ACTIONS)
    assert all(set(action.roles) <= set(ROLES) and action.scope in SCOPES for action in ACTIONS)
    assert all(action.cli or action.http or action.system for action in ACTIONS)
    with pytest.raises(KeyError):
        get_action("no.such")
