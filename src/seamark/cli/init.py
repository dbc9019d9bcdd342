"""`seamark init`: a new workspace with its first administrator and its first taxonomy release."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from seamark.governance.actors import Actor
    from seamark.governance.tokens import Token
    from seamark.registry.releases import ImportOutcome
    from seamark.storage.workspace import Workspace

_TOKEN_DAYS = 365


@dataclass(frozen=True, slots=True)
class FirstSignIn:
    """How the first administrator of a workspace comes in.

    Attributes:
        name: the administrator's.
        token: theirs, for everything.
        secret: the token itself.
        credentials: the file that keeps it; None where that can't be written.
    """

    name: str
    token: Token
    secret: str = field(repr=False)
    credentials: Path | None


@dataclass(frozen=True, slots=True)
class NewWorkspace:
    """What :func:`make_workspace` made.

    Attributes:
        workspace: open; close it.
        outcome: what importing the first release found; None where the database had one already.
        administrator: None where the database had people already.
    """

    workspace: Workspace
    outcome: ImportOutcome | None
    administrator: FirstSignIn | None


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("init")(init)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where; made where it isn't there.")] = Path(),
    taxonomy: Annotated[
        Path | None,
        typer.Option(
            "--taxonomy", metavar="FILE|FOLDER", help="The first taxonomy; default: the starter one."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Its name; default: the format's.")] = None,
    admin: Annotated[
        str | None,
        typer.Option(
            "--admin", metavar="NAME", help="The first administrator; default: your name on this machine."
        ),
    ] = None,
    admin_password_stdin: Annotated[
        bool, typer.Option("--admin-password-stdin", help="Read the administrator's password from stdin.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Make a workspace: settings file, database, object store, an administrator and a first taxonomy release.

    The administrator is signed in on this machine at once. There is no default password: without one, only
    tokens work.
    """
    from seamark.cli._workspace import require_server_packages
    from seamark.cli.output import print_json
    from seamark.storage.workspace import refuse_workspace

    require_server_packages("a workspace")
    refuse_workspace(folder)  # before anybody types a password
    password = _ask_password(from_stdin=admin_password_stdin)
    made = make_workspace(folder, taxonomy, name=name, administrator=admin, password=password)
    with made.workspace:
        if as_json:
            print_json(_describe(made))
        else:
            _print(made)
    _show_unkept(made.administrator)


def make_workspace(
    folder: Path,
    taxonomy: Path | None = None,
    *,
    name: str | None = None,
    administrator: str | None = None,
    password: str = "",
) -> NewWorkspace:
    """A new workspace in ``folder`` with an administrator, who is signed in, and a first taxonomy release.

    Where the settings name a database that another workspace's folder uses already, its people and its
    taxonomies are this one's.

    Args:
        folder: made where it isn't there; it may hold other things, but no workspace.
        taxonomy: the source of the first release; default: the starter taxonomy.
        name: the taxonomy's name; default: the format's.
        administrator: the first one's name; default: the user's on this machine.
        password: the administrator's; default: none, so that only tokens work.

    Raises:
        UsageError: there is a workspace already, a setting is malformed, or name or password not possible.
        ConflictError: an administrator is named, and the database has people already.
        SignInError: a taxonomy is named, the database has people already, and nobody is signed in.
        TaxonomyError: the taxonomy can't be read; no workspace is left behind then.
        StorageError: something can't be written; no workspace is left behind then.
    """
    from seamark.governance.people import has_people
    from seamark.registry.releases import import_taxonomy
    from seamark.storage.workspace import create_workspace_for

    with create_workspace_for(folder) as workspace:
        if administrator is None and not password and has_people(workspace):
            return NewWorkspace(workspace, _import_more(workspace, taxonomy, name), None)
        actor = _add_administrator(workspace, administrator, password)
        outcome = import_taxonomy(workspace, actor, taxonomy, name=name)
        return NewWorkspace(workspace, outcome, _keep_token(workspace, actor))


def _import_more(workspace: Workspace, taxonomy: Path | None, name: str | None) -> ImportOutcome | None:
    """What importing into a database that is in use found; None where nothing is to be imported."""
    from seamark.cli._people import who_asks
    from seamark.registry.releases import import_taxonomy

    if taxonomy is None:
        return None
    return import_taxonomy(workspace, who_asks(workspace), taxonomy, name=name)


def _add_administrator(workspace: Workspace, name: str | None, password: str) -> Actor:
    from seamark.governance.actors import Actor
    from seamark.governance.people import add_first_administrator
    from seamark.governance.sign_in import get_address

    chosen, address = name or _find_user_name(), get_address()
    person = add_first_administrator(workspace, chosen, password=password, address=address)
    return Actor(person.name, frozenset(person.roles), via="cli", address=address)


def _find_user_name() -> str:
    """The user's name on this machine; ``administrator`` where that can't be a person's here."""
    import getpass

    from seamark.governance.people import ADMINISTRATOR, can_be_name

    try:
        found = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        return ADMINISTRATOR
    return found if can_be_name(found) else ADMINISTRATOR


def _keep_token(workspace: Workspace, actor: Actor) -> FirstSignIn:
    from seamark.cli._people import keep_token
    from seamark.governance.actors import SCOPES
    from seamark.governance.tokens import create_token

    token, secret = create_token(
        workspace, actor, title="made by seamark init", scopes=SCOPES, days=_TOKEN_DAYS
    )
    return FirstSignIn(actor.name, token, secret, keep_token(workspace, token, secret))


def _ask_password(*, from_stdin: bool) -> str:
    """What was typed, or stands in the first line of stdin; empty where there is no terminal."""
    from seamark.cli._people import has_terminal, prompt_password, read_password

    if from_stdin:
        return read_password()
    if not has_terminal():
        return ""
    return prompt_password("Password of the administrator (empty: none, only tokens)", optional=True)


def _describe(made: NewWorkspace) -> dict[str, Any]:
    workspace, first = made.workspace, made.administrator
    return {
        "workspace": str(workspace.folder),
        "database": workspace.database.name,
        "store": workspace.store.url,
        "taxonomy": _describe_outcome(made.outcome),
        "administrator": first
        and {
            "name": first.name,
            "token_id": first.token.id,
            "credentials": None if first.credentials is None else str(first.credentials),
        },
    }


def _describe_outcome(outcome: ImportOutcome | None) -> dict[str, Any] | None:
    if outcome is None:
        return None
    release = outcome.release
    return {
        "name": release.name,
        "release": release.number,
        "skills": len(release.taxonomy),
        "digest": release.digest,
        "rejected_rows": len(outcome.report.rejected),
        "repaired_rows": len(outcome.report.repaired),
    }


def _print(made: NewWorkspace) -> None:
    from seamark.cli.output import print_table, say
    from seamark.settings import SETTINGS_FILE

    workspace, first = made.workspace, made.administrator
    facts: list[tuple[str, Any]] = [
        ("workspace", workspace.folder),
        ("settings", workspace.folder / SETTINGS_FILE),
        ("database", workspace.database.name),
        ("object store", workspace.store.url),
    ]
    if made.outcome is not None:
        release = made.outcome.release
        facts.append(("taxonomy", f"{release.name}@{release.number}, {len(release.taxonomy)} skills"))
    if first is not None:
        facts.append(("administrator", first.name))
        facts.append(("token kept in", first.credentials or "no file"))
    print_table("", ("what", "where"), facts)
    inside = workspace.folder == Path.cwd()
    task = "`seamark build`" if first is not None else "`seamark login NAME`"
    say(f"next: {task}" if inside else f"next: `cd {workspace.folder}`, then {task}")


def _show_unkept(first: FirstSignIn | None) -> None:
    """The token, once, where no file keeps it."""
    from seamark.cli._people import show_unkept

    if first is not None and first.credentials is None:
        show_unkept(first.secret)
