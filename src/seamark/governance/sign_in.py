"""Ways in: a token at the command line, a password, and the way back for who lost both."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

from seamark.errors import ConflictError, SignInError
from seamark.governance.acting import Deed, record
from seamark.governance.actors import Actor
from seamark.governance.anchor import publish_anchor
from seamark.governance.credentials import read_credential
from seamark.governance.passwords import matches
from seamark.governance.people import ADMINISTRATOR, can_be_name, find_person
from seamark.governance.tokens import Token, authenticate, describe_token, insert_token, to_token
from seamark.storage import people as rows
from seamark.storage.facts import read_workspace_id

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

VARIABLE = "SEAMARK_TOKEN"
"""The environment variable with a token, which goes before the file of tokens."""

RESCUE = "rescue"
"""The door of whoever comes with access to the database alone, as the audit trail names it."""

_RESCUE_DAYS = 7


def sign_in(workspace: Workspace, environ: Mapping[str, str] = os.environ) -> Actor:
    """The person at the command line, as the audit trail will name them.

    Args:
        workspace: where they want to do something.
        environ: the environment's variables; default: the process's.

    Raises:
        SignInError: nobody is signed in, or their token is no longer good; the message says what to do.
        UsageError: the file of tokens is damaged.
    """
    if secret := environ.get(VARIABLE, "").strip():
        return _present(workspace, secret, hint=f"another token in {VARIABLE}, or none")
    with workspace.database.read() as connection:
        workspace_id, anybody = read_workspace_id(connection), rows.has_people(connection)
    if not anybody:
        raise SignInError(
            "nobody has an account in this workspace yet",
            hint="`seamark people add NAME --role administrator`",
        )
    kept = read_credential(workspace_id, environ) if workspace_id else None
    if kept is None:
        raise SignInError("nobody is signed in", hint=f"`seamark login NAME`, or a token in {VARIABLE}")
    return _present(workspace, kept.secret, hint=f"`seamark login {kept.person}`")


def get_address() -> str:
    """Where somebody at the command line is: the host's name."""
    return socket.gethostname()


def check_password(
    workspace: Workspace, name: str, password: str, *, via: str = "cli", address: str = ""
) -> Actor:
    """Who signs in with this name and password.

    It takes as long, and says the same, for a name that nobody has.

    Args:
        workspace: where.
        name: the person's.
        password: what was typed.
        via: the door, as the audit trail names it.
        address: where from.

    Raises:
        SignInError: they are wrong, or the person is barred.
    """
    with workspace.database.read() as connection:
        person = rows.find_person(connection, name) if can_be_name(name) else None
    right = matches(person.password_hash if person else "", password)
    if person is None or not right or not person.active:
        raise SignInError(
            "the name or the password is wrong",
            hint="an administrator can set a new one with `seamark people password NAME`",
        )
    return Actor(person.name, frozenset(person.roles), via=via, address=address)


def rescue_administrator(workspace: Workspace, name: str, *, address: str = "") -> tuple[Token, str]:
    """A new token, and its secret, of an administrator who lost every other way in.

    Whoever runs this has access to the database, which is all that is asked for; the audit trail says so.

    Args:
        workspace: where.
        name: of an administrator who is not barred.
        address: where from.

    Raises:
        NotFoundError: there is nobody of this name.
        ConflictError: the person is no administrator, or barred.
    """
    with workspace.database.begin() as connection:
        person = find_person(connection, name)
        if ADMINISTRATOR not in person.roles:
            raise ConflictError(f"{name} is no administrator", hint="an administrator can help them")
        made, secret = insert_token(
            connection, name, title="made by seamark people rescue", scopes=("write",), days=_RESCUE_DAYS
        )
        actor = Actor(name, frozenset(person.roles), via=RESCUE, address=address)
        record(connection, actor, "token.create", Deed(connection, name, after=describe_token(made)))
    publish_anchor(workspace)
    return to_token(made), secret


def _present(workspace: Workspace, secret: str, *, hint: str) -> Actor:
    try:
        return authenticate(workspace, secret, via="cli", address=get_address(), kind="person")
    except SignInError as error:
        raise SignInError(error.found, hint=hint) from error
