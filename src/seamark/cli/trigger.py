"""`seamark trigger`: tell the workspace that something happened."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from seamark.cli._workspace import WorkspaceOption, open_from


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("trigger")(trigger)


def trigger(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="code-update, skills-update, performance-drop, drift, schedule or manual."
        ),
    ],
    payload: Annotated[
        str, typer.Option("--payload", metavar="JSON|@FILE", help="What the pipeline should know.")
    ] = "{}",
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            help="What makes the event one event; the same again starts nothing. "
            "[default: the commit, the release, the window, the hour, or a new one]",
        ),
    ] = None,
    commit: Annotated[str | None, typer.Option("--commit", metavar="SHA", help="For code-update.")] = None,
    taxonomy: Annotated[
        str | None,
        typer.Option(
            "--taxonomy",
            metavar="NAME@X.Y.Z",
            help="For skills-update. [default: the live taxonomy's newest release]",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="For skills-update: also where too many skills are gone.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Work or watch until the run has ended.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the run as JSON.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Start a pipeline run because something happened; the same event again starts nothing."""
    from seamark.cli._people import who_asks
    from seamark.cli._watching import finish_run, read_payload, show_end
    from seamark.pipelines.triggers import fire

    told = read_payload(payload) | _drop_missing(commit=commit, taxonomy=taxonomy, force=force or None)
    with open_from(workspace) as opened:
        run, created = fire(opened, who_asks(opened), kind, key=key, payload=told)
        if wait:
            show_end(finish_run(opened, run), as_json=as_json)
        else:
            _show_fired(run, created, as_json=as_json)


def _show_fired(run: Any, created: bool, *, as_json: bool) -> None:
    from seamark.cli.output import print_json, say
    from seamark.pipelines.runs import describe_run

    if as_json:
        print_json({**describe_run(run), "created": created})
        return
    sys.stdout.write(f"{run.id}\n")
    say(
        f"{run.status}; `seamark worker` works on it" if created else f"known before; the run is {run.status}"
    )


def _drop_missing(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
