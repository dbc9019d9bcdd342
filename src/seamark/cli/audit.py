"""`seamark audit`: who did what, whether the trail was changed, and the trail as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seamark.cli._options import JsonOption
from seamark.cli._people import who_asks
from seamark.cli._workspace import WorkspaceOption, open_from

if TYPE_CHECKING:
    from seamark.governance.audit import TrailReport
    from seamark.storage.audit import AuditHead


def register(app: typer.Typer) -> None:
    """Add the group to ``app``."""
    group = typer.Typer(no_args_is_help=True, help="See, verify and export the audit trail.")
    group.command("list")(list_)
    group.command("verify")(verify)
    group.command("export")(export)
    app.add_typer(group, name="audit")


def list_(
    by: Annotated[str | None, typer.Option("--actor", metavar="NAME", help="Only this person's.")] = None,
    action: Annotated[str | None, typer.Option("--action", help="Only these, such as people.add.")] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="Only those done to this.")] = None,
    before: Annotated[
        int | None, typer.Option("--before", min=1, help="Only those with a lower number.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 20,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List what was done and what was refused, the newest first.

    --json, and `seamark audit export`, also tell from where, and what was there before and after.
    """
    from seamark.cli.output import print_json, print_table, say
    from seamark.governance.audit import describe_event, list_events

    with open_from(workspace) as opened:
        events = list_events(
            opened, who_asks(opened), by=by, action=action, subject=subject, before=before, limit=limit
        )
    if as_json:
        print_json([describe_event(event) for event in events])
        return
    if not events:
        say("no such event")
        return
    columns = ("event", "at", "who", "action", "subject", "outcome")
    print_table(
        "",
        columns,
        [
            (
                event.seq,
                f"{event.at:%Y-%m-%dT%H:%M:%S}Z",
                event.actor,
                event.action,
                event.subject,
                f"{event.outcome}: {event.reason}" if event.reason else event.outcome,
            )
            for event in events
        ],
    )


def verify(
    expect: Annotated[
        str | None,
        typer.Option("--expect", metavar="SEQ:DIGEST", help="An event that an earlier verify printed."),
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """See that no event was altered, and that none was removed; exit code 1 where one was."""
    from seamark.cli.output import print_json
    from seamark.errors import ExitCode
    from seamark.governance.audit import parse_head, verify_trail

    known = None if expect is None else parse_head(expect)
    with open_from(workspace) as opened:
        report = verify_trail(opened, who_asks(opened), expect=known)
    if as_json:
        print_json(describe_report(report))
    else:
        _print_report(report)
    if not report.sound:
        raise typer.Exit(ExitCode.FAILED)


def export(
    output: Annotated[
        Path, typer.Option("--output", metavar="FILE", help="Where to: a .jsonl or .csv file.")
    ],
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write the whole trail to a file, the first event first."""
    from seamark.cli.output import print_json, say
    from seamark.governance.audit import export_trail

    with open_from(workspace) as opened:
        count = export_trail(opened, who_asks(opened), output)
    if as_json:
        print_json({"file": str(output), "events": count})
    else:
        say(f"{count} events in {output}")


def describe_report(report: TrailReport) -> dict[str, Any]:
    """A report for ``--json``."""
    return {
        "sound": report.sound,
        "events": report.events,
        "head": _format_head(report.head),
        "anchor": None if report.anchored is None else _format_head(report.anchored),
        "faults": [{"seq": one.seq, "kind": one.kind, "message": one.message} for one in report.faults],
    }


def _print_report(report: TrailReport) -> None:
    from seamark.cli.output import print_table, say

    if report.sound:
        say(f"the trail is whole: {report.events} events")
        if report.anchored is None:
            say("the object store knows no event to hold it against")
        say("to hold it against later, keep this with --expect:")
        typer.echo(_format_head(report.head))
        return
    say(f"the trail was changed; the first event that is wrong: {report.faults[0].seq}")
    print_table(
        "",
        ("event", "found by", "what is wrong"),
        [(one.seq, one.kind, one.message) for one in report.faults],
    )


def _format_head(head: AuditHead) -> str:
    return f"{head.seq}:{head.digest}"
