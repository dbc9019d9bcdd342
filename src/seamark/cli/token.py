"""`seamark token`: make, list and revoke tokens for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from seamark.cli._options import JsonOption, ReasonOption
from seamark.cli._people import who_asks
from seamark.cli._workspace import WorkspaceOption, open_from

if TYPE_CHECKING:
    from seamark.governance.tokens import Token

PersonOption = Annotated[
    str | None,
    typer.Option(
        "--person",
        metavar="NAME",
        help="Whose; default: your own. For others only administrators, not for write.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the group to ``app``."""
    group = typer.Typer(no_args_is_help=True, help="Make, list and revoke tokens for programs.")
    group.command("create")(create)
    group.command("list")(list_)
    group.command("revoke")(revoke)
    app.add_typer(group, name="token")


def create(
    title: Annotated[str, typer.Option("--title", help="What it is for.")] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", help="What it may be used for: predict, read or write; can be given again. [predict]"
        ),
    ] = None,
    days: Annotated[int, typer.Option("--days", help="How long it works, 1-3650.")] = 90,
    person: PersonOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Make a token, which is shown once."""
    from seamark.cli.output import print_json, say
    from seamark.governance.tokens import create_token

    with open_from(workspace) as opened:
        token, secret = create_token(
            opened,
            who_asks(opened),
            person=person,
            title=title,
            scopes=scope or ("predict",),
            days=days,
        )
    if as_json:
        print_json({**describe_token(token), "token": secret})
        return
    typer.echo(secret)
    scopes = ", ".join(token.scopes)
    say(f"{token.id} of {token.person} for {scopes}, until {token.expires_at:%Y-%m-%d}; it is shown only now")


def list_(
    person: Annotated[
        str | None,
        typer.Option("--person", metavar="NAME", help="Whose; default: yours, an administrator sees all."),
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List tokens, the newest first, without their secrets."""
    from seamark.cli._facts import show_minute
    from seamark.cli.output import print_json, print_table, say
    from seamark.governance.tokens import list_tokens

    with open_from(workspace) as opened:
        found = list_tokens(opened, who_asks(opened), person=person)
    if as_json:
        print_json([describe_token(token) for token in found])
        return
    if not found:
        say("no token")
        return
    columns = ("token", "person", "title", "scopes", "expires", "status")
    rows = [
        (t.id, t.person, t.title or "-", ", ".join(t.scopes), show_minute(t.expires_at), t.status)
        for t in found
    ]
    print_table("", columns, rows)


def revoke(
    token_id: Annotated[
        str, typer.Argument(metavar="TOKEN", help="The token's id, as `token list` shows it.")
    ],
    reason: ReasonOption = "",
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Revoke a token: it is good for nothing from now on."""
    from seamark.cli.output import print_json, say
    from seamark.governance.tokens import revoke_token

    with open_from(workspace) as opened:
        token = revoke_token(opened, who_asks(opened), token_id, reason=reason)
    if as_json:
        print_json(describe_token(token))
    else:
        say(f"{token.id} of {token.person} is revoked")


def describe_token(token: Token) -> dict[str, Any]:
    """A token for ``--json``, without its secret."""
    return {
        "id": token.id,
        "person": token.person,
        "title": token.title,
        "scopes": list(token.scopes),
        "status": token.status,
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at.isoformat(),
        "revoked_at": None if token.revoked_at is None else token.revoked_at.isoformat(),
    }
