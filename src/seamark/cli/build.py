"""`seamark build`: make a model version now."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from seamark.cli._workspace import WorkspaceOption, open_from


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("build")(build)


def build(
    warm_start: Annotated[
        bool, typer.Option("--warm-start", help="Train from the taxonomy's titles and descriptions first.")
    ] = False,
    start: Annotated[
        Literal["base", "champion"] | None,
        typer.Option("--from", help="Which weights training starts from. [default: the settings']"),
    ] = None,
    base: Annotated[
        str | None, typer.Option("--base", metavar="NAME", help="The base model. [default: the settings']")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="The same key again gives the same run. [default: a new one]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the run as JSON.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Build a model version, compare it with the champion, and register it if it wins.

    With no labelled examples yet this is the base model with the taxonomy's embeddings. Where a worker
    runs, it does the work and this command watches.
    """
    from seamark.cli._people import who_asks
    from seamark.cli._watching import finish_run, show_end
    from seamark.cli.output import say
    from seamark.pipelines.triggers import fire

    wanted: dict[str, Any] = {"warm_start": warm_start or None, "start": start, "base": base}
    payload = {name: value for name, value in wanted.items() if value is not None}
    with open_from(workspace) as opened:
        run, created = fire(opened, who_asks(opened), "manual", key=key, payload=payload)
        if not created:
            say(f"the key '{key}' was used before, so this is its run")
        show_end(finish_run(opened, run), as_json=as_json)
