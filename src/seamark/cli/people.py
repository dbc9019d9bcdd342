"""`seamark people`: who has an account, and what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from seamark.cli._options import JsonOption, ReasonOption
from seamark.cli._people import PasswordOption, who_asks
from seamark.cli._workspace import WorkspaceOption, open_from

if TYPE_CHECKING:
    from seamark.governance.people import Person
    from seamark.storage.workspace import Workspace

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The person's name.")]
RolesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--role",
        help="viewer, reviewer, data-scientist, approver or administrator; can be given again.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the group to ``app``."""
    group = typer.Typer(no_args_is_help=True, help="See, add, change and bar people.")
    group.command("list")(list_)
    group.command("add")(add)
    group.command("change")(change)
    group.command("password")(password)
    group.command("rescue")(rescue)
    app.add_typer(group, name="people")


def list_(as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """List everybody who has an account."""
    from seamark.cli._facts import show_minute
    from seamark.cli.output import print_json, print_table
    from seamark.governance.people import list_people

    with open_from(workspace) as opened:
        found = list_people(opened, who_asks(opened))
    if as_json:
        print_json([describe_person(person) for person in found])
        return
    columns = ("name", "roles", "status", "password", "changed")
    rows = [
        (
            person.name,
            ", ".join(person.roles),
            _describe_status(person),
            "yes" if person.has_password else "no",
            show_minute(person.changed_at),
        )
        for person in found
    ]
    print_table("", columns, rows)


def add(
    name: NameArgument,
    role: RolesOption = None,
    password_stdin: PasswordOption = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Add a person; where nobody has an account yet, an administrator, who is signed in at once.

    Without a password they can't sign in: an administrator's `seamark token create --person NAME` lets them
    predict and read.
    """
    from seamark.cli._people import read_password
    from seamark.governance.people import add_person, has_people

    with open_from(workspace) as opened:
        chosen = read_password() if password_stdin else ""
        if has_people(opened):
            person = add_person(opened, who_asks(opened), name, roles=role or (), password=chosen)
        else:
            person = _add_first(opened, name, role or [], chosen)
    _show(person, as_json, f"added {person.name} ({', '.join(person.roles)})")


def change(
    name: NameArgument,
    role: RolesOption = None,
    active: Annotated[
        bool | None, typer.Option("--active/--barred", help="Whether they can sign in at all.")
    ] = None,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Give a person other roles (name all of them), or bar them; their tokens follow at once."""
    from seamark.errors import UsageError
    from seamark.governance.people import change_person

    if role is None and active is None:
        raise UsageError("nothing to change", hint="--role, --active or --barred")
    with open_from(workspace) as opened:
        person = change_person(opened, who_asks(opened), name, roles=role, active=active, reason=reason)
    _show(person, as_json, f"{person.name}: {', '.join(person.roles)}, {_describe_status(person)}")


def password(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Whose; default: your own.")] = None,
    password_stdin: PasswordOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Set a password: your own, or as an administrator anybody's."""
    from seamark.cli._people import prompt_password, read_password
    from seamark.cli.output import say
    from seamark.governance.people import set_password

    with open_from(workspace) as opened:
        actor = who_asks(opened)
        whose = name or actor.name
        chosen = read_password() if password_stdin else prompt_password(f"New password of {whose}")
        set_password(opened, actor, whose, chosen)
    say(f"{whose} has a new password")


def rescue(name: NameArgument, workspace: WorkspaceOption = None) -> None:
    """Sign an administrator in who lost password and tokens, with access to the database alone.

    The token lasts seven days, and the audit trail says how it was made.
    """
    from seamark.cli.output import say
    from seamark.governance.sign_in import get_address, rescue_administrator

    with open_from(workspace) as opened:
        token, secret = rescue_administrator(opened, name, address=get_address())
        _sign_in(opened, token, secret)
    say(f"signed in as {name} until {token.expires_at:%Y-%m-%d}; `seamark people password` sets a password")


def describe_person(person: Person) -> dict[str, Any]:
    """A person for ``--json``."""
    return {
        "name": person.name,
        "roles": list(person.roles),
        "active": person.active,
        "has_password": person.has_password,
        "simulated": person.simulated,
        "created_at": person.created_at.isoformat(),
        "changed_at": person.changed_at.isoformat(),
    }


def _add_first(workspace: Workspace, name: str, roles: list[str], password: str) -> Person:
    """The first person of a workspace that an older Seamark made; they are signed in."""
    from seamark.errors import UsageError
    from seamark.governance.actors import SCOPES, Actor
    from seamark.governance.people import ADMINISTRATOR, add_first_administrator
    from seamark.governance.sign_in import get_address
    from seamark.governance.tokens import create_token

    if roles != [ADMINISTRATOR]:
        raise UsageError(
            "nobody has an account in this workspace yet", expected=f"--role {ADMINISTRATOR} for the first"
        )
    address = get_address()
    person = add_first_administrator(workspace, name, password=password, address=address)
    actor = Actor(name, frozenset(person.roles), address=address)
    token, secret = create_token(
        workspace, actor, title="made by seamark people add", scopes=SCOPES, days=365
    )
    _sign_in(workspace, token, secret)
    return person


def _sign_in(workspace: Workspace, token: Any, secret: str) -> None:
    from seamark.cli._people import keep_token, show_unkept

    if keep_token(workspace, token, secret) is None:
        show_unkept(secret)


def _show(person: Person, as_json: bool, said: str) -> None:
    from seamark.cli.output import print_json, say

    if as_json:
        print_json(describe_person(person))
    else:
        say(said)


def _describe_status(person: Person) -> str:
    status = "active" if person.active else "barred"
    return f"{status}, simulated" if person.simulated else status
