"""`seamark up`: the service and the worker in one process."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seamark.cli._workspace import WorkspaceOption, open_from

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("up")(up)


def up(
    host: Annotated[
        str | None, typer.Option("--host", help="The address to listen on. [default: the settings']")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="The port; 0: a free one. [default: the settings']"),
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Serve predictions and work on pipeline runs, in one process, until stopped.

    Where there is no workspace one is made first, as `seamark init` makes it. Ctrl-C or SIGTERM stops both:
    requests under way are answered, and a run at work goes on at the next start.
    """
    from seamark.cli._watching import leave_now, watch_runs
    from seamark.cli.output import say
    from seamark.cli.serve import require_service_packages
    from seamark.errors import ExitCode

    require_service_packages("`seamark up`")
    from seamark.serving.embedded import run_embedded

    try:
        with open_or_make(workspace) as opened, watch_runs(opened, tell_end=True) as printer:
            received = run_embedded(
                opened,
                host=host,
                port=port,
                ready=lambda address: say(f"serving at {address}"),
                tell=say,
                watch=printer,
            )
    except KeyboardInterrupt:  # a second one, while the worker came to its end
        received = signal.SIGINT
    say("seamark: stopped; what was at work goes on at the next start")
    # A step may still be at work in a thread, which would keep the process.
    leave_now(ExitCode.INTERRUPTED if received == signal.SIGINT else ExitCode.WORKED)


def open_or_make(option: Path | None) -> Workspace:
    """The workspace that a command works on; a new one where there is none.

    Raises:
        SeamarkError: it can't be opened or made.
    """
    from seamark.cli._people import show_unkept
    from seamark.cli.init import make_workspace
    from seamark.cli.output import say
    from seamark.settings import SETTINGS_FILE
    from seamark.storage.workspace import find_workspace

    named = option or (Path(os.environ["SEAMARK_WORKSPACE"]) if os.environ.get("SEAMARK_WORKSPACE") else None)
    there = (named / SETTINGS_FILE).is_file() if named else find_workspace(Path.cwd()) is not None
    if there:
        return open_from(option)
    made = make_workspace(named or Path())
    say(f"made a workspace in {made.workspace.folder}; next: `seamark build` there")
    if made.administrator is not None and made.administrator.credentials is None:
        show_unkept(made.administrator.secret)
    return made.workspace
