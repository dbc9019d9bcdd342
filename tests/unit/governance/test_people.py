from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from people import ADMIN, make_actor
from seamark.errors import ConflictError, NotAllowedError, NotFoundError, SignInError, UsageError
from seamark.governance.actors import ROLES, SYSTEM
from seamark.governance.people import (
    add_first_administrator,
    add_person,
    change_person,
    has_people,
    list_people,
    set_password,
)
from seamark.governance.sign_in import check_password, rescue_administrator
from seamark.governance.tokens import authenticate, create_token
from seamark.storage import people as rows
from seamark.storage.workspace import Workspace, create_workspace

PASSWORD = "correct horse battery"
OTHERS = [role for role in ROLES if role != "administrator"]


@pytest.fixture
def peopled(workspace: Workspace) -> Workspace:
    """A workspace with Ada, who is its administrator, and Bob, a viewer."""
    add_first_administrator(workspace, "ada")
    add_person(workspace, ADMIN, "bob", roles=["viewer"], password=PASSWORD)
    return workspace


def names(workspace: Workspace) -> list[str]:
    return [person.name for person in list_people(workspace, ADMIN)]


def test_the_first_person_is_an_administrator_without_a_password_and_audited_as_themselves(workspace, trail):
    assert not has_people(workspace)
    person = add_first_administrator(workspace, "ada", address="laptop")
    assert has_people(workspace)
    assert (person.roles, person.active, person.has_password) == (("administrator",), True, False)
    assert trail.tell() == [("ada", "people.add", "ada", "done")]
    assert (trail()[0].via, trail()[0].address) == ("cli", "laptop")


def test_there_is_one_first_person(peopled, trail):
    before = trail.tell()
    with pytest.raises(ConflictError, match="people in this workspace already"):
        add_first_administrator(peopled, "eve")
    assert names(peopled) == ["ada", "bob"]
    assert trail.tell() == before


def test_a_person_is_added_with_roles_in_the_order_of_the_table(workspace, trail):
    add_first_administrator(workspace, "ada")
    made = add_person(workspace, ADMIN, "bob", roles=["approver", "viewer", "approver"], simulated=True)
    assert made.roles == ("viewer", "approver")
    assert list_people(workspace, ADMIN)[1] == made
    assert trail()[-1].after == {
        "roles": ["viewer", "approver"],
        "active": True,
        "password": False,
        "simulated": True,
    }


@pytest.mark.parametrize("name", ["a", "A.b_c-d@e.org", "9lives", "x" * 64])
def test_names_that_are_possible(peopled, name):
    add_person(peopled, ADMIN, name, roles=["viewer"])
    assert name in names(peopled)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "x" * 65,
        ".a",
        "-a",
        "@a",
        "a b",
        "a/b",
        "bö",
        "a\n",
        "a'--",
        "seamark",
        "Seamark",
        "anonymous",
    ],
)
def test_names_that_are_not_possible_change_nothing(peopled, trail, name):
    before = trail.tell()
    with pytest.raises(UsageError, match="name"):
        add_person(peopled, ADMIN, name, roles=["viewer"])
    assert names(peopled) == ["ada", "bob"]
    assert trail.tell() == before


@pytest.mark.parametrize("name", ["bob", "Bob", "BOB"])
def test_a_name_is_taken_in_whatever_case(peopled, name):
    with pytest.raises(ConflictError, match="bob is taken"):
        add_person(peopled, ADMIN, name, roles=["viewer"])
    assert names(peopled) == ["ada", "bob"]


@pytest.mark.parametrize("roles", [[], ["king"], ["viewer", "king"], [""]])
def test_roles_that_are_none_are_refused(peopled, roles):
    with pytest.raises(UsageError, match="role"):
        add_person(peopled, ADMIN, "eve", roles=roles)
    with pytest.raises(UsageError, match="role"):
        change_person(peopled, ADMIN, "bob", roles=roles)
    assert names(peopled) == ["ada", "bob"]


def test_a_bad_password_adds_nobody(peopled):
    with pytest.raises(UsageError, match="11 characters"):
        add_person(peopled, ADMIN, "eve", roles=["viewer"], password="x" * 11)
    assert names(peopled) == ["ada", "bob"]


@pytest.mark.parametrize("actor", [*(make_actor("eve", role) for role in OTHERS), make_actor("eve"), SYSTEM])
def test_only_administrators_see_add_and_change_people(peopled, trail, actor):
    seen = trail.tell()
    with pytest.raises(NotAllowedError):
        list_people(peopled, actor)
    assert trail.tell() == seen
    with pytest.raises(NotAllowedError):
        add_person(peopled, actor, "new", roles=["viewer"])
    with pytest.raises(NotAllowedError):
        change_person(peopled, actor, "bob", roles=["administrator"])
    assert [(one.name, one.roles) for one in list_people(peopled, ADMIN)] == [
        ("ada", ("administrator",)),
        ("bob", ("viewer",)),
    ]
    assert trail.tell()[len(seen) :] == [
        (actor.name, "people.add", "new", "denied"),
        (actor.name, "people.change", "bob", "denied"),
    ]


def test_other_roles_are_audited_with_the_ones_before(peopled, trail):
    changed = change_person(peopled, ADMIN, "bob", roles=["approver"], reason="new job")
    assert changed.roles == ("approver",)
    event = trail()[-1]
    assert (event.before, event.after) == (
        {"roles": ["viewer"], "active": True},
        {"roles": ["approver"], "active": True},
    )
    assert event.reason == "new job"


def test_a_change_to_what_is_so_already_is_no_event(peopled, trail):
    before = trail.tell()
    change_person(peopled, ADMIN, "bob", roles=["viewer"], active=True)
    change_person(peopled, ADMIN, "bob")
    assert trail.tell() == before


def test_somebody_unknown_can_not_be_changed(peopled):
    with pytest.raises(NotFoundError, match="nobody named eve"):
        change_person(peopled, ADMIN, "eve", active=False)
    with pytest.raises(NotFoundError, match="nobody named eve"):
        set_password(peopled, ADMIN, "eve", PASSWORD)


def test_the_last_administrator_stays_one(peopled, trail):
    before = trail.tell()
    for change in ({"active": False}, {"roles": ["viewer"]}, {"roles": OTHERS, "active": False}):
        with pytest.raises(ConflictError, match="no administrator would be left"):
            change_person(peopled, ADMIN, "ada", **change)
    assert trail.tell() == before
    change_person(peopled, ADMIN, "bob", roles=["administrator"])
    change_person(peopled, ADMIN, "ada", active=False)
    with pytest.raises(ConflictError):
        change_person(peopled, ADMIN, "bob", roles=["viewer"])


def test_a_password_lets_in_and_a_wrong_one_does_not(peopled):
    actor = check_password(peopled, "bob", PASSWORD, via="http", address="10.0.0.1")
    assert (actor.name, actor.roles, actor.via, actor.address) == ("bob", {"viewer"}, "http", "10.0.0.1")
    assert (actor.kind, actor.token_id) == ("person", "")


def test_every_wrong_sign_in_says_the_same(peopled):
    change_person(peopled, ADMIN, "bob", active=False)
    tries = [
        ("bob", PASSWORD),
        ("bob", "wrong"),
        ("ada", ""),
        ("ada", PASSWORD),
        ("eve", PASSWORD),
        ("' OR", "x"),
    ]
    told = set()
    for name, password in tries:
        with pytest.raises(SignInError) as caught:
            check_password(peopled, name, password)
        told.add(str(caught.value))
    assert len(told) == 1


def test_somebody_sets_their_own_password(peopled, trail):
    set_password(peopled, make_actor("bob", "viewer"), "bob", "another password")
    assert check_password(peopled, "bob", "another password").name == "bob"
    with pytest.raises(SignInError):
        check_password(peopled, "bob", PASSWORD)
    assert (trail()[-1].before, trail()[-1].after) == ({"password": True}, {"password": True})


def test_an_administrator_sets_anybodys_password_and_nobody_else_does(peopled, trail):
    set_password(peopled, ADMIN, "bob", "another password")
    with pytest.raises(NotAllowedError):
        set_password(peopled, make_actor("eve", *OTHERS), "bob", "a third password")
    assert trail.tell()[-1] == ("eve", "people.password", "bob", "denied")
    assert check_password(peopled, "bob", "another password").name == "bob"


def test_a_weak_password_leaves_the_old_one(peopled):
    for weak in ("", "short", "x" * 2000):
        with pytest.raises(UsageError):
            set_password(peopled, ADMIN, "bob", weak)
    assert check_password(peopled, "bob", PASSWORD).name == "bob"


def test_no_password_and_no_hash_is_in_the_trail_or_in_what_people_see(peopled, trail):
    set_password(peopled, ADMIN, "bob", PASSWORD + "!")
    with peopled.database.read() as connection:
        record = rows.find_person(connection, "bob")
    assert record is not None
    told = json.dumps([[*event.before.items(), *event.after.items()] for event in trail()])
    assert PASSWORD not in told
    assert "argon2" not in told
    assert "argon2" not in repr(record)
    assert "argon2" not in repr(list_people(peopled, ADMIN))


def test_an_administrator_who_lost_everything_gets_a_token_and_the_trail_says_how(peopled, trail):
    token, secret = rescue_administrator(peopled, "ada", address="server")
    assert authenticate(peopled, secret).name == "ada"
    event = trail()[-1]
    assert (event.actor, event.via, event.action, event.address) == (
        "ada",
        "rescue",
        "token.create",
        "server",
    )
    assert event.after["token"] == token.id
    assert secret not in json.dumps(dict(event.after))


def test_nobody_but_an_administrator_who_is_not_barred_is_rescued(peopled, trail):
    add_person(peopled, ADMIN, "eve", roles=["administrator"])
    change_person(peopled, ADMIN, "eve", active=False)
    before = trail.tell()
    for name, error in (("bob", ConflictError), ("eve", ConflictError), ("mallory", NotFoundError)):
        with pytest.raises(error):
            rescue_administrator(peopled, name)
    assert trail.tell() == before


def test_a_change_of_roles_works_on_tokens_at_once(peopled):
    _, secret = create_token(peopled, make_actor("bob", "viewer"), scopes=["write"])
    change_person(peopled, ADMIN, "bob", roles=["approver"])
    assert authenticate(peopled, secret).roles == {"approver"}
    change_person(peopled, ADMIN, "bob", active=False)
    with pytest.raises(SignInError):
        authenticate(peopled, secret)
    change_person(peopled, ADMIN, "bob", active=True)
    assert authenticate(peopled, secret).name == "bob"


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder: Path = tmp_path_factory.mktemp("crowd") / "workspace"
    with create_workspace(folder, environ={}) as made:
        add_first_administrator(made, "p0")
        for i in range(1, 4):
            add_person(made, ADMIN, f"p{i}", roles=["viewer"])
        yield made


_CHANGES = st.tuples(
    st.integers(0, 3),
    st.none() | st.sets(st.sampled_from(ROLES), min_size=1, max_size=2),
    st.none() | st.booleans(),
)


@settings(max_examples=25)
@given(changes=st.lists(_CHANGES, max_size=12))
def test_whatever_is_changed_an_administrator_is_left_and_what_was_refused_changed_nothing(crowd, changes):
    for i, roles, active in changes:
        before = list_people(crowd, ADMIN)
        try:
            change_person(crowd, ADMIN, f"p{i}", roles=roles, active=active)
        except ConflictError:
            assert list_people(crowd, ADMIN) == before
        after = {person.name: person for person in list_people(crowd, ADMIN)}
        assert any(one.active and "administrator" in one.roles for one in after.values())
        assert [one for one in before if one.name != f"p{i}"] == [
            one for name, one in after.items() if name != f"p{i}"
        ]
