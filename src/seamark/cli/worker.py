"""`seamark worker`: work on queued runs."""

from __future__ import annotations

import signal
import threading
from typing import Annotated, Any

import typer

from seamark.cli._workspace import WorkspaceOption, open_from


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("worker")(worker)


def worker(
    once: Annotated[bool, typer.Option("--once", help="Stop when nothing waits any more.")] = False,
    schedule: Annotated[
        str,
        typer.Option("--schedule", metavar="CRON", help="When to retrain, in UTC. [default: the settings']"),
    ] = "",
    workspace: WorkspaceOption = None,
) -> None:
    """Work on the workspace's pipeline runs, one at a time, until stopped.

    Ctrl-C or SIGTERM stops it; the run at work goes on at the next start, whoever starts it.
    """
    from seamark.cli._watching import leave_now, watch_runs
    from seamark.cli.output import say
    from seamark.errors import ExitCode
    from seamark.pipelines.worker import run_worker

    stop = threading.Event()
    received = _catch_signals(stop)
    with open_from(workspace) as opened:
        say(f"working on {opened.folder}" + ("" if once else "; Ctrl-C stops"))
        with watch_runs(opened, tell_end=True) as printer:
            run_worker(opened, once=once, schedule=schedule, stop=stop, watch=printer)
    if received:
        say("seamark: stopped; what was at work goes on at the next start")
        leave_now(ExitCode.INTERRUPTED if received[0] == signal.SIGINT else ExitCode.WORKED)


def _catch_signals(stop: threading.Event) -> list[int]:
    """Let the first Ctrl-C or SIGTERM set ``stop``, and a second one end the process; what was received."""
    from seamark.cli._watching import leave_now
    from seamark.errors import ExitCode

    received: list[int] = []

    def ask(number: int, _frame: Any) -> None:
        if received:
            leave_now(ExitCode.INTERRUPTED)
        received.append(number)
        stop.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, ask)
    return received
