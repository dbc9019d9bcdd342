"""Who asks for what a command does, how passwords are asked for, and where tokens are kept."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from seamark.governance.actors import Actor
    from seamark.governance.tokens import Token
    from seamark.storage.workspace import Workspace

PasswordOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
]


def who_asks(workspace: Workspace) -> Actor:
    """The person who is signed in.

    Raises:
        SignInError: nobody is, or their token is no longer good; the message says what to do.
    """
    from seamark.governance.sign_in import sign_in

    return sign_in(workspace)


def has_terminal() -> bool:
    """Whether somebody sits at a terminal who can be asked."""
    return sys.stdin.isatty()


def read_password() -> str:
    """The first line of stdin, without its end.

    Raises:
        UsageError: it is empty.
    """
    from seamark.errors import UsageError

    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise UsageError("no password on stdin", expected="one line")
    return password


def prompt_password(text: str, *, optional: bool = False, twice: bool = True) -> str:
    """What somebody at the terminal typed, unseen; twice alike where it is a new one.

    Raises:
        UsageError: there is no terminal.
    """
    from seamark.errors import UsageError

    if not has_terminal():
        raise UsageError("there is no terminal to ask for a password", hint="--password-stdin")
    default = "" if optional else None
    while True:
        first = str(typer.prompt(text, default=default, hide_input=True, show_default=False, err=True))
        if not first or not twice:
            return first
        again = typer.prompt("The same again", default="", hide_input=True, show_default=False, err=True)
        if again == first:
            return first
        typer.echo("the two differ", err=True)


def keep_token(workspace: Workspace, token: Token, secret: str) -> Path | None:
    """The file that keeps the token for this workspace's commands; None where it can't be written."""
    from seamark.errors import SeamarkError
    from seamark.governance.credentials import Credential, keep_credential
    from seamark.storage.facts import lock_workspace_id

    with workspace.database.begin() as connection:
        workspace_id = lock_workspace_id(connection)
    try:
        return keep_credential(
            workspace_id, Credential(token.person, token.id, secret, str(workspace.folder))
        )
    except SeamarkError as error:
        typer.echo(f"seamark: {error}", err=True)
        return None


def show_unkept(secret: str) -> None:
    """Print a token that no file keeps, once."""
    typer.echo("this token is shown once; `export SEAMARK_TOKEN=` and it signs you in:", err=True)
    typer.echo(secret, err=True)
