"""`seamark login`, `logout` and `whoami`: who the command line is in a workspace."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seamark.cli._options import JsonOption
from seamark.cli._people import PasswordOption
from seamark.cli._workspace import WorkspaceOption, open_from

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

_LONGEST_DAYS = 3650  # as governance.tokens says, which is not loaded for --help


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("login")(login)
    app.command("logout")(logout)
    app.command("whoami")(whoami)


def login(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Your name in the workspace.")],
    password_stdin: PasswordOption = False,
    days: Annotated[int, typer.Option("--days", min=1, max=_LONGEST_DAYS, help="How long it lasts.")] = 30,
    workspace: WorkspaceOption = None,
) -> None:
    """Sign in with name and password: a token is made and kept for this workspace's commands."""
    from seamark.cli._people import keep_token, prompt_password, read_password, show_unkept
    from seamark.cli.output import say
    from seamark.governance.actors import SCOPES
    from seamark.governance.sign_in import check_password, get_address
    from seamark.governance.tokens import create_token

    with open_from(workspace) as opened:
        password = read_password() if password_stdin else prompt_password(f"Password of {name}", twice=False)
        actor = check_password(opened, name, password, address=get_address())
        token, secret = create_token(opened, actor, title="made by seamark login", scopes=SCOPES, days=days)
        _revoke_kept(opened)
        kept = keep_token(opened, token, secret)
    say(f"signed in as {name} until {token.expires_at:%Y-%m-%d}")
    if kept is None:
        show_unkept(secret)


def logout(workspace: WorkspaceOption = None) -> None:
    """Sign out: the token that is kept for this workspace's commands is revoked and forgotten."""
    from seamark.cli.output import say

    with open_from(workspace) as opened:
        name = _revoke_kept(opened)
    say(f"{name} is signed out" if name else "nobody was signed in")


def whoami(as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """Say who is signed in, and what they may do."""
    from seamark.cli._facts import print_facts
    from seamark.cli._people import who_asks
    from seamark.cli.output import print_json

    with open_from(workspace) as opened:
        actor = who_asks(opened)
    facts: dict[str, Any] = {
        "name": actor.name,
        "roles": sorted(actor.roles),
        "scopes": sorted(actor.scopes),
        "token_id": actor.token_id,
    }
    if as_json:
        print_json(facts)
    else:
        print_facts("", ("", ""), {name.replace("_", " "): value for name, value in facts.items()})


def _revoke_kept(workspace: Workspace) -> str | None:
    """Whose token was kept for the workspace, and is neither good nor kept any longer; None: nobody's was."""
    from seamark.errors import SignInError
    from seamark.governance.credentials import forget_credential
    from seamark.governance.sign_in import get_address
    from seamark.governance.tokens import authenticate, revoke_token
    from seamark.storage.facts import read_workspace_id

    with workspace.database.read() as connection:
        workspace_id = read_workspace_id(connection)
    kept = forget_credential(workspace_id) if workspace_id else None
    if kept is None:
        return None
    with contextlib.suppress(SignInError):  # it may be good for nothing already
        actor = authenticate(workspace, kept.secret, via="cli", address=get_address(), kind="person")
        revoke_token(workspace, actor, kept.token_id, reason="signed out")
    return kept.person
