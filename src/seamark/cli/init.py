"""`seamark init`: a new workspace with its first taxonomy release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from seamark.registry.releases import ImportOutcome
    from seamark.storage.workspace import Workspace


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("init")(init)


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where; made where it isn't there.")
    ] = Path(),
    taxonomy: Annotated[
        Path | None,
        typer.Option(
            "--taxonomy", metavar="FILE|FOLDER", help="The first taxonomy; default: the starter one."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Its name; default: the format's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Make a workspace: settings file, database, object store and a first taxonomy release."""
    from seamark.cli._workspace import require_server_packages
    from seamark.cli.output import print_json

    require_server_packages("a workspace")
    workspace, outcome = make_workspace(folder, taxonomy, name=name)
    with workspace:
        if as_json:
            print_json(_describe(workspace, outcome))
        else:
            _print(workspace, outcome)


def make_workspace(
    folder: Path, taxonomy: Path | None = None, *, name: str | None = None
) -> tuple[Workspace, ImportOutcome]:
    """A new workspace in ``folder`` with a first taxonomy release, and what importing that found.

    Args:
        folder: made where it isn't there; it may hold other things, but no workspace.
        taxonomy: the source of the first release; default: the starter taxonomy.
        name: the taxonomy's name; default: the format's.

    Raises:
        UsageError: there is a workspace already, or a setting is malformed.
        TaxonomyError: the taxonomy can't be read; no workspace is left behind then.
        StorageError: something can't be written; no workspace is left behind then.
    """
    from seamark.registry.releases import import_taxonomy
    from seamark.storage.workspace import create_workspace_for

    with create_workspace_for(folder) as workspace:
        return workspace, import_taxonomy(workspace, taxonomy, name=name)


def _describe(workspace: Workspace, outcome: ImportOutcome) -> dict[str, Any]:
    release = outcome.release
    return {
        "workspace": str(workspace.folder),
        "database": workspace.database.name,
        "store": workspace.store.url,
        "taxonomy": {
            "name": release.name,
            "release": release.number,
            "skills": len(release.taxonomy),
            "digest": release.digest,
            "rejected_rows": len(outcome.report.rejected),
            "repaired_rows": len(outcome.report.repaired),
        },
    }


def _print(workspace: Workspace, outcome: ImportOutcome) -> None:
    from seamark.cli.output import print_table, say
    from seamark.settings import SETTINGS_FILE

    release = outcome.release
    facts = [
        ("workspace", workspace.folder),
        ("settings", workspace.folder / SETTINGS_FILE),
        ("database", workspace.database.name),
        ("object store", workspace.store.url),
        ("taxonomy", f"{release.name}@{release.number}, {len(release.taxonomy)} skills"),
    ]
    print_table("", ("what", "where"), facts)
    inside = workspace.folder == Path.cwd()
    say("next: `seamark build`" if inside else f"next: `cd {workspace.folder}`, then `seamark build`")
