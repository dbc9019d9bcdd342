"""`seamark runs`: see, cancel and retry pipeline runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seamark.cli._options import JsonOption
from seamark.cli._workspace import WorkspaceOption, open_from

if TYPE_CHECKING:
    from seamark.storage.runs import RunRecord
    from seamark.storage.workspace import Workspace

_WIDEST = 60  # characters

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, as `runs list` shows it.")]


def register(app: typer.Typer) -> None:
    """Add the group to ``app``."""
    group = typer.Typer(no_args_is_help=True, help="See, cancel and retry pipeline runs.")
    group.command("list")(list_)
    group.command("show")(show)
    group.command("cancel")(cancel)
    group.command("retry")(retry)
    app.add_typer(group, name="runs")


def list_(
    status: Annotated[
        str | None,
        typer.Option("--status", help="Only queued, running, succeeded, failed or cancelled ones."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 20,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List runs, the newest first; those that wait with their place in the queue."""
    from seamark.cli.output import print_json, print_table, say
    from seamark.pipelines.runs import describe_run, find_places, list_runs

    with open_from(workspace) as opened:
        runs, places = list_runs(opened, status=status, limit=limit), find_places(opened)
    if as_json:
        print_json([describe_run(run, place=places.get(run.id)) for run in runs])
        return
    if not runs:
        say(f"no run is {status}" if status else "no run yet; `seamark build` starts the first one")
        return
    columns = ("run", "trigger", "status", "took", "so far")
    print_table("", columns, [_make_row(run, places.get(run.id)) for run in runs])


def show(
    run_id: RunArgument,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it has ended.")] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Show one run with its steps."""
    from seamark.cli.output import print_json
    from seamark.pipelines.reporting import read_log
    from seamark.pipelines.runs import describe_run, find_places, get_run

    with open_from(workspace) as opened:
        run = _follow(opened, run_id) if watch else get_run(opened, run_id)
        facts = describe_run(run, place=find_places(opened).get(run.id))
        steps = list_steps(read_log(opened.runs / run.id))
        folder = opened.runs / run.id
    if as_json:
        print_json({**facts, "folder": str(folder), "steps": steps})
    else:
        _print_run({**facts, "folder": str(folder)}, steps)


def cancel(run_id: RunArgument, as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """Cancel a run: at once where it waits, else as soon as its step looks."""
    from seamark.cli._people import who_asks
    from seamark.pipelines.runs import cancel_run

    with open_from(workspace) as opened:
        run = cancel_run(opened, who_asks(opened), run_id)
    _show_changed(
        run, "cancelled" if run.is_over else "asked to stop; `seamark runs show` tells when", as_json
    )


def retry(
    run_id: RunArgument,
    wait: Annotated[bool, typer.Option("--wait", help="Work or watch until the run has ended.")] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Queue a failed or cancelled run again; it goes on at the step that ended it."""
    from seamark.cli._people import who_asks
    from seamark.cli._watching import finish_run, show_end
    from seamark.pipelines.runs import retry_run

    with open_from(workspace) as opened:
        run = retry_run(opened, who_asks(opened), run_id)
        if wait:
            show_end(finish_run(opened, run), as_json=as_json)
        else:
            _show_changed(run, f"queued, attempt {run.attempt}; `seamark worker` works on it", as_json)


def list_steps(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a run's log says of its steps: one entry for each start, with its seconds where it was done."""
    steps: list[dict[str, Any]] = []
    for event in events:
        if event.get("action") == "step-started":
            steps.append(
                {"step": event["step"], "attempt": event["attempt"], "at": event["at"], "seconds": None}
            )
        elif event.get("action") == "step-done" and steps:
            steps[-1]["seconds"] = event["seconds"]
    return steps


def _follow(workspace: Workspace, run_id: str) -> RunRecord:
    from seamark.cli._watching import watch_runs
    from seamark.pipelines.runs import get_run

    with watch_runs(workspace) as printer:
        while not (run := get_run(workspace, run_id)).is_over:
            printer(run)
            time.sleep(workspace.settings.pipelines.poll_seconds)
        printer(run)
    return run


def _show_changed(run: RunRecord, said: str, as_json: bool) -> None:
    from seamark.cli.output import print_json, say
    from seamark.pipelines.runs import describe_run

    if as_json:
        print_json(describe_run(run))
    else:
        say(f"{run.id}: {said}")


def _make_row(run: RunRecord, place: int | None) -> list[str]:
    status = f"{run.status}, place {place}" if place else run.status
    return [run.id, run.trigger, status, _format_length(run), _describe_point(run)]


def _describe_point(run: RunRecord) -> str:
    """Where a run is, or what came of it."""
    if run.status == "succeeded":
        return " ".join(part for part in (run.outcome, run.version) if part)
    if run.error:
        text = f"{run.step}: {run.error}" if run.step else run.error
        return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…"  # `runs show` has all of it
    return f"{run.step} {run.done}/{run.total}" if run.total and not run.is_over else run.step


def _format_length(run: RunRecord) -> str:
    if run.started_at is None or run.finished_at is None:
        return ""
    return f"{(run.finished_at - run.started_at).total_seconds():.0f} s"


def _print_run(facts: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    from seamark.cli.output import print_table

    shown = {name: value for name, value in facts.items() if value not in (None, "", {}, False, 0)}
    print_table("", ("", ""), [(name.replace("_", " "), value) for name, value in shown.items()])
    if steps:
        rows = [
            (one["step"], one["attempt"], "" if one["seconds"] is None else f"{one['seconds']:.1f} s")
            for one in steps
        ]
        print_table("Steps", ("step", "attempt", "took"), rows)
