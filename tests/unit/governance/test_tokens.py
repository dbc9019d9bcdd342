from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from people import ADMIN, make_actor
from seamark.errors import ConflictError, NotAllowedError, NotFoundError, SignInError, UsageError
from seamark.governance.acting import act
from seamark.governance.actors import Actor
from seamark.governance.people import add_first_administrator, add_person, change_person
from seamark.governance.tokens import (
    authenticate,
    create_token,
    digest_secret,
    list_tokens,
    revoke_token,
)
from seamark.storage import people as rows
from seamark.storage.tables import tokens
from seamark.storage.workspace import Workspace

BOB = make_actor("bob", "viewer")


@pytest.fixture
def peopled(workspace: Workspace) -> Workspace:
    """A workspace with Ada, who is its administrator, and Bob, a viewer."""
    add_first_administrator(workspace, "ada")
    add_person(workspace, ADMIN, "bob", roles=["viewer"])
    return workspace


def expire(workspace: Workspace, token_id: str) -> None:
    with workspace.database.begin() as connection:
        past = datetime.now(UTC) - timedelta(seconds=1)
        connection.execute(update(tokens).where(tokens.c.id == token_id).values(expires_at=past))


def test_a_token_signs_its_person_in_with_its_scopes(peopled):
    token, secret = create_token(peopled, BOB, title="laptop", scopes=["read", "predict"], days=7)
    assert re.fullmatch(r"smk_[A-Za-z0-9_-]{43}", secret)
    assert (token.person, token.title, token.scopes, token.status) == (
        "bob",
        "laptop",
        ("predict", "read"),
        "valid",
    )
    assert token.expires_at - token.created_at == timedelta(days=7)
    assert authenticate(peopled, secret, address="10.0.0.1") == Actor(
        "bob",
        frozenset({"viewer"}),
        frozenset({"predict", "read"}),
        kind="token",
        via="http",
        address="10.0.0.1",
        token_id=token.id,
    )


def test_by_default_a_token_predicts_for_ninety_days(peopled):
    token, _ = create_token(peopled, BOB)
    assert token.scopes == ("predict",)
    assert token.expires_at - token.created_at == timedelta(days=90)


def test_only_the_digest_is_kept_and_the_trail_has_neither(peopled, trail):
    token, secret = create_token(peopled, BOB)
    with peopled.database.read() as connection:
        record = rows.find_token(connection, token.id)
    assert record is not None
    assert record.digest == digest_secret(secret)
    assert secret not in repr(record)
    event = trail()[-1]
    assert (event.actor, event.action, event.subject) == ("bob", "token.create", "bob")
    told = json.dumps(dict(event.after))
    assert secret not in told
    assert digest_secret(secret) not in told
    assert token.id in told


def test_every_secret_is_another(peopled):
    assert len({create_token(peopled, BOB)[1] for _ in range(20)}) == 20


@pytest.mark.parametrize("days", [1, 3650])
def test_a_token_lasts_a_day_to_ten_years(peopled, days):
    token, secret = create_token(peopled, BOB, days=days)
    assert token.expires_at - token.created_at == timedelta(days=days)
    assert authenticate(peopled, secret).name == "bob"


@pytest.mark.parametrize(
    "options",
    [
        {"days": 0},
        {"days": -1},
        {"days": 3651},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"scopes": ["predict", ""]},
        {"title": "x" * 201},
        {"title": "two\nlines"},
    ],
)
def test_what_a_token_can_not_be_makes_none(peopled, trail, options):
    before = trail.tell()
    with pytest.raises(UsageError):
        create_token(peopled, BOB, **options)
    assert list_tokens(peopled, ADMIN) == []
    assert trail.tell() == before


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "smk_",
        "smk_" + "x" * 43,
        "smk_" + "x" * 42,
        "smk_" + "x" * 44,
        "SMK_" + "x" * 43,
        "smk_" + "x" * 42 + "\n",
        "smk_" + "é" * 43,
        "smk_" + "\ud800" * 43,
        "x" * 100_000,
    ],
)
def test_an_unknown_or_malformed_token_signs_nobody_in(peopled, secret):
    with pytest.raises(SignInError, match="not valid"):
        authenticate(peopled, secret)


def test_revoked_and_barred_say_what_unknown_says_and_expired_says_so(peopled):
    told = set()
    for how in ("unknown", "revoked", "barred", "revoked and expired", "barred and expired"):
        token, secret = create_token(peopled, BOB)
        if "revoked" in how:
            revoke_token(peopled, BOB, token.id)
        if "expired" in how:
            expire(peopled, token.id)
        change_person(peopled, ADMIN, "bob", active="barred" not in how)
        with pytest.raises(SignInError) as caught:
            authenticate(peopled, secret if how != "unknown" else "smk_" + "x" * 43)
        told.add(str(caught.value))
        change_person(peopled, ADMIN, "bob", active=True)
    assert len(told) == 1
    token, secret = create_token(peopled, BOB)
    expire(peopled, token.id)
    with pytest.raises(SignInError, match="expired on"):
        authenticate(peopled, secret)


def test_a_person_makes_tokens_for_themselves_and_an_administrator_for_anybody(peopled, trail):
    token, secret = create_token(peopled, ADMIN, person="bob")
    assert (token.person, authenticate(peopled, secret).name) == ("bob", "bob")
    assert trail()[-1].actor == "ada"
    with pytest.raises(NotAllowedError, match="bob asks for a token of ada"):
        create_token(peopled, BOB, person="ada", scopes=["write"])
    assert trail.tell()[-1] == ("bob", "token.create", "ada", "denied")
    assert [one.id for one in list_tokens(peopled, ADMIN)] == [token.id]


@pytest.mark.parametrize("scopes", [["write"], ["predict", "write"], ["predict", "read", "write"]])
def test_nobody_makes_a_token_that_changes_things_in_somebody_else_s_name(peopled, trail, scopes):
    with pytest.raises(NotAllowedError, match="a token of bob with the scope write"):
        create_token(peopled, ADMIN, person="bob", scopes=scopes)
    assert trail.tell()[-1] == ("ada", "token.create", "bob", "denied")
    assert list_tokens(peopled, ADMIN) == []
    assert create_token(peopled, ADMIN, person="ada", scopes=scopes)[0].person == "ada"
    assert create_token(peopled, ADMIN, person="bob", scopes=["read"])[0].scopes == ("read",)


def test_nobody_unknown_or_barred_gets_a_token(peopled):
    with pytest.raises(NotFoundError, match="nobody named eve"):
        create_token(peopled, ADMIN, person="eve")
    change_person(peopled, ADMIN, "bob", active=False)
    with pytest.raises(ConflictError, match="bob is barred"):
        create_token(peopled, ADMIN, person="bob")


@pytest.mark.parametrize("scope", ["predict", "read"])
def test_a_token_that_is_not_for_everything_makes_and_revokes_none(peopled, trail, scope):
    token, secret = create_token(peopled, ADMIN, scopes=[scope])
    actor = authenticate(peopled, secret)
    with pytest.raises(NotAllowedError, match="scope write"):
        create_token(peopled, actor, scopes=["write"])
    with pytest.raises(NotAllowedError, match="scope write"):
        revoke_token(peopled, actor, token.id)
    assert [one[1::2] for one in trail.tell()[-2:]] == [
        ("token.create", "denied"),
        ("token.revoke", "denied"),
    ]
    assert [one.status for one in list_tokens(peopled, ADMIN)] == ["valid"]


def test_the_widest_scope_holds_the_others(peopled):
    _, secret = create_token(peopled, ADMIN, scopes=["write"])
    assert [token.person for token in list_tokens(peopled, authenticate(peopled, secret))] == ["ada"]


def test_people_see_their_own_tokens_and_administrators_all(peopled):
    own, _ = create_token(peopled, BOB)
    hers, _ = create_token(peopled, ADMIN)
    assert list_tokens(peopled, BOB) == list_tokens(peopled, BOB, person="bob") == [own]
    assert {token.id for token in list_tokens(peopled, ADMIN)} == {own.id, hers.id}
    assert list_tokens(peopled, ADMIN, person="bob") == [own]
    assert list_tokens(peopled, ADMIN, person="nobody") == []
    with pytest.raises(NotAllowedError):
        list_tokens(peopled, BOB, person="ada")


def test_a_revoked_token_stays_revoked_since_then(peopled, trail):
    token, _ = create_token(peopled, BOB)
    first = revoke_token(peopled, BOB, token.id, reason="lost")
    assert (first.status, first.revoked_at is not None) == ("revoked", True)
    assert (trail()[-1].action, trail()[-1].subject, trail()[-1].reason) == ("token.revoke", token.id, "lost")
    before = trail.tell()
    assert revoke_token(peopled, BOB, token.id) == first
    assert trail.tell() == before


def test_nobody_revokes_anothers_token_nor_learns_that_it_exists(peopled):
    token, _ = create_token(peopled, ADMIN)
    told = set()
    for wanted in (token.id, "token-unknown"):
        with pytest.raises(NotFoundError) as caught:
            revoke_token(peopled, BOB, wanted)
        told.add(str(caught.value).replace(wanted, ""))
    assert len(told) == 1
    assert revoke_token(peopled, ADMIN, token.id).status == "revoked"


def test_what_a_token_may_is_what_its_person_may(peopled):
    _, secret = create_token(peopled, BOB, scopes=["write"])
    with pytest.raises(NotAllowedError), act(peopled, authenticate(peopled, secret), "people.add"):
        pytest.fail("a viewer added somebody")


@given(st.text(max_size=60))
def test_no_text_looks_like_a_token_but_tokens(text):
    if not re.fullmatch(r"smk_[A-Za-z0-9_-]{43}", text):
        with pytest.raises(SignInError):
            authenticate(None, text)  # type: ignore[arg-type]  # it isn't even looked up
