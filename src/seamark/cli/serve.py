"""`seamark serve`: the prediction service."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from seamark.cli._workspace import WorkspaceOption, open_from


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("serve")(serve)


def serve(
    stage: Annotated[
        list[str] | None,
        typer.Option(
            "--stage",
            metavar="STAGE",
            help="Serve only this stage, also on paths that name none; several times for several. "
            "[default: the settings']",
        ),
    ] = None,
    host: Annotated[
        str | None, typer.Option("--host", help="The address to listen on. [default: the settings']")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            help="The port to listen on; 0 takes a free one. [default: the settings']",
        ),
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Answer predictions and management over HTTP until stopped.

    Follows promotions by itself: a version that is approved answers within seconds, and no request fails meanwhile.
    Ctrl-C or SIGTERM stops it once the requests under way are answered.
    """
    from seamark.cli.output import say
    from seamark.errors import ExitCode

    stages = stage or None
    with open_from(workspace) as opened:
        require_service_packages("`seamark serve`")
        from seamark.serving.running import serve as run_service

        received = run_service(
            opened,
            host=host,
            port=port,
            stages=stages,
            default_stage=stages[0] if stages and len(stages) == 1 else None,
            ready=lambda address: say(f"serving {opened.folder} on {address}"),
        )
    say("seamark: stopped")
    raise typer.Exit(ExitCode.INTERRUPTED if received == signal.SIGINT else ExitCode.WORKED)


def require_service_packages(what: str) -> None:
    """See that what serving needs is installed.

    Raises:
        MissingExtraError: it isn't.
    """
    from importlib.util import find_spec

    from seamark.errors import MissingExtraError

    for package in ("fastapi", "uvicorn", "uvloop", "httptools", "prometheus_client"):
        if find_spec(package) is None:
            raise MissingExtraError(what, package=package, extra="server")
