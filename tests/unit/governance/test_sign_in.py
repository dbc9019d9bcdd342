from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from people import ADMIN, make_actor
from seamark.errors import SignInError, UsageError
from seamark.governance.credentials import Credential, keep_credential
from seamark.governance.people import add_first_administrator, add_person, change_person
from seamark.governance.sign_in import sign_in
from seamark.governance.tokens import create_token, revoke_token
from seamark.storage.facts import lock_workspace_id, read_workspace_id
from seamark.storage.tables import tokens
from seamark.storage.workspace import Workspace, create_workspace


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"SEAMARK_CREDENTIALS": str(tmp_path / "tokens.json")}


@pytest.fixture
def peopled(workspace: Workspace) -> Workspace:
    add_first_administrator(workspace, "ada")
    add_person(workspace, ADMIN, "bob", roles=["viewer"])
    return workspace


def keep(workspace: Workspace, environ: dict[str, str], name: str = "bob") -> tuple[str, str]:
    """The id of a new token that is kept for the workspace, and its secret."""
    token, secret = create_token(workspace, make_actor(name, "viewer"), scopes=["read"])
    with workspace.database.begin() as connection:
        workspace_id = lock_workspace_id(connection)
    keep_credential(workspace_id, Credential(name, token.id, secret), environ)
    return token.id, secret


def test_whoever_is_kept_is_signed_in_as_a_person_at_this_host(peopled, environ):
    token_id, _ = keep(peopled, environ)
    actor = sign_in(peopled, environ)
    assert (actor.name, actor.kind, actor.via, actor.address) == (
        "bob",
        "person",
        "cli",
        socket.gethostname(),
    )
    assert (actor.roles, actor.scopes, actor.token_id) == ({"viewer"}, {"read"}, token_id)


def test_a_token_of_the_environment_goes_before_the_file(peopled, environ):
    keep(peopled, environ)
    _, secret = create_token(peopled, ADMIN, scopes=["write"])
    assert sign_in(peopled, {**environ, "SEAMARK_TOKEN": f" {secret}\n"}).name == "ada"


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_token_of_the_environment_is_none(peopled, environ, empty):
    keep(peopled, environ)
    assert sign_in(peopled, {**environ, "SEAMARK_TOKEN": empty}).name == "bob"


def test_a_wrong_token_of_the_environment_is_not_made_good_by_the_file(peopled, environ):
    keep(peopled, environ)
    with pytest.raises(SignInError, match="another token in SEAMARK_TOKEN"):
        sign_in(peopled, {**environ, "SEAMARK_TOKEN": "smk_" + "x" * 43})


def test_where_nobody_has_an_account_the_way_to_the_first_one_is_named(workspace, environ):
    with pytest.raises(SignInError, match="seamark people add NAME --role administrator"):
        sign_in(workspace, environ)


def test_where_nobody_is_signed_in_the_way_in_is_named(peopled, environ):
    with pytest.raises(SignInError, match="seamark login NAME"):
        sign_in(peopled, environ)


def test_a_token_that_is_no_longer_good_names_the_way_back(peopled, environ):
    token_id, _ = keep(peopled, environ)
    change_person(peopled, ADMIN, "bob", active=False)
    with pytest.raises(SignInError, match=r"not valid.*seamark login bob"):
        sign_in(peopled, environ)
    change_person(peopled, ADMIN, "bob", active=True)
    past = datetime.now(UTC) - timedelta(seconds=1)
    with peopled.database.begin() as connection:
        connection.execute(update(tokens).where(tokens.c.id == token_id).values(expires_at=past))
    with pytest.raises(SignInError, match=r"expired.*seamark login bob"):
        sign_in(peopled, environ)
    revoke_token(peopled, ADMIN, token_id)
    with pytest.raises(SignInError, match="not valid"):
        sign_in(peopled, environ)


def test_the_token_of_another_workspace_signs_nobody_in(peopled, environ, tmp_path):
    keep(peopled, environ)
    with create_workspace(tmp_path / "other", environ={}) as other:
        add_first_administrator(other, "bob")
        with pytest.raises(SignInError, match="nobody is signed in"):
            sign_in(other, environ)


def test_a_damaged_file_says_so(peopled, environ):
    keep(peopled, environ)
    Path(environ["SEAMARK_CREDENTIALS"]).write_text("{")
    with pytest.raises(UsageError, match="is damaged"):
        sign_in(peopled, environ)


def test_a_workspace_has_one_id_for_good_and_no_other_has_it(peopled, tmp_path):
    with peopled.database.begin() as connection:
        found = {lock_workspace_id(connection) for _ in range(3)}
    with peopled.database.read() as connection:
        assert found == {read_workspace_id(connection)}
    with create_workspace(tmp_path / "other", environ={}) as other:
        with other.database.read() as connection:
            assert read_workspace_id(connection) is None
        with other.database.begin() as connection:
            assert lock_workspace_id(connection) not in found
