"""`seamark capture`: see, delete and archive captured predictions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seamark.cli._options import JsonOption, ReasonOption
from seamark.cli._people import who_asks
from seamark.cli._workspace import WorkspaceOption, open_from

if TYPE_CHECKING:
    from seamark.capture.reading import CaptureStats
    from seamark.capture.record import CapturedPrediction

_WIDEST = 60  # characters
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]

RequestArgument = Annotated[str, typer.Argument(metavar="REQUEST", help="The id of the request.")]


def register(app: typer.Typer) -> None:
    """Add the group to ``app``."""
    group = typer.Typer(no_args_is_help=True, help="See, delete and archive captured predictions.")
    group.command("list")(list_)
    group.command("show")(show)
    group.command("delete")(delete)
    group.command("archive")(archive)
    group.command("stats")(stats)
    app.add_typer(group, name="capture")


def list_(
    stage: Annotated[str | None, typer.Option("--stage", help="Only of dev, uat or prod.")] = None,
    version: Annotated[
        str | None, typer.Option("--version", metavar="X.Y.Z", help="Only of this version.")
    ] = None,
    role: Annotated[
        str | None, typer.Option("--role", help="Only of a champion, a canary or a shadow.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option("--since", formats=_TIMES, help="Only from this time on (UTC).")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", formats=_TIMES, help="Only before this time (UTC).")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 20,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List the captures that the database has, the newest first."""
    from seamark.capture.reading import describe_capture, list_captures
    from seamark.cli.output import print_json, print_table, say

    with open_from(workspace) as opened:
        found = list_captures(
            opened,
            who_asks(opened),
            stage=stage,
            version=version,
            role=role,
            since=_to_utc(since),
            until=_to_utc(until),
            limit=limit,
        )
    if as_json:
        print_json([describe_capture(one) for one in found])
    elif found:
        columns = ("request", "at", "stage", "version", "role", "caller", "skills", "text")
        print_table("", columns, [_make_row(one) for one in found])
    else:
        say("no such capture")


def show(request_id: RequestArgument, as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """Show one capture, from the database or the archive."""
    from seamark.capture.reading import describe_capture, get_capture
    from seamark.cli.output import print_json

    with open_from(workspace) as opened:
        found = get_capture(opened, who_asks(opened), request_id)
    if as_json:
        print_json(describe_capture(found))
    else:
        _print_capture(found)


def delete(
    request_id: RequestArgument,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Delete a request's capture for good, with those of shadows beside it."""
    from seamark.capture.removing import describe_removal, remove_capture
    from seamark.cli.output import print_json, say

    with open_from(workspace) as opened:
        removal = remove_capture(opened, who_asks(opened), request_id, reason=reason)
    if as_json:
        print_json(describe_removal(removal))
    else:
        say(f"captures deleted: {removal.captures}" + ("; the spool's will be dropped" * removal.spooled))


def archive(as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """Archive old captures, and remove those past their time; a worker does so every hour."""
    from seamark.capture.archive import archive_captures, describe_report
    from seamark.cli.output import print_json, say

    with open_from(workspace) as opened:
        report = archive_captures(opened, who_asks(opened))
    if as_json:
        print_json(describe_report(report))
    else:
        say(f"{report.archived} captures archived in {report.parts} parts, {report.removed} removed")


def stats(as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """Count the captures in the database, the archive and the spool."""
    from seamark.capture.reading import describe_stats, read_stats
    from seamark.cli.output import print_json

    with open_from(workspace) as opened:
        found = read_stats(opened, who_asks(opened))
    if as_json:
        print_json(describe_stats(found))
    else:
        _print_stats(found)


def _to_utc(time: datetime | None) -> datetime | None:
    from datetime import UTC

    return None if time is None else time.replace(tzinfo=UTC)


def _make_row(capture: CapturedPrediction) -> tuple[Any, ...]:
    text = " ".join(capture.input.split())
    return (
        capture.request_id,
        f"{capture.at:%Y-%m-%dT%H:%M:%S}Z",
        capture.stage,
        capture.version,
        capture.role,
        capture.caller or "-",
        len(capture.output),
        text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…",
    )


def _print_capture(capture: CapturedPrediction) -> None:
    from seamark.capture.reading import describe_capture
    from seamark.cli.output import print_table

    facts = describe_capture(capture)
    told = [(name.replace("_", " "), value) for name, value in facts.items() if name != "output" and value]
    print_table("", ("", ""), told)
    skills = [
        (
            one.get("skill_id", ""),
            one.get("skillTitle", ""),
            one.get("confidenceScore", ""),
            one.get("phrase", ""),
        )
        for one in capture.output
    ]
    if skills:
        print_table("Skills", ("skill", "title", "confidence", "phrase"), skills)


def _print_stats(found: CaptureStats) -> None:
    from seamark.cli.output import print_table

    if found.counts:
        columns = ("stage", "version", "role", "captures", "first", "last")
        rows = [
            (one.stage, one.version, one.role, one.captures, f"{one.first:%Y-%m-%d}", f"{one.last:%Y-%m-%d}")
            for one in found.counts
        ]
        print_table("Database", columns, rows)
    days = f"{found.first_day} to {found.last_day}" if found.parts else "-"
    archived = [("captures", found.archived), ("parts", found.parts), ("days", days)]
    print_table("Archive", ("", ""), archived)
    print_table("Spool", ("", ""), [("files", found.spool_files), ("bytes", found.spool_bytes)])
