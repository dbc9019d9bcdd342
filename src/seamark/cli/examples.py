"""`seamark examples`: import labelled examples, and show what there is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seamark.cli._workspace import WorkspaceOption

if TYPE_CHECKING:
    from seamark.building.data.importing import ExampleReport
    from seamark.storage.workspace import Workspace
    from seamark.taxonomy import Taxonomy

_SHOWN = 20

_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]

app = typer.Typer(help="Import and count labelled examples.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add ``examples`` to the command line."""
    parent.add_typer(app, name="examples")


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="A CSV, TSV, JSONL, Parquet or XLSX file.")],
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="NAME=COLUMN", help="The file's heading for a column; repeatable."),
    ] = None,
    kind: Annotated[
        str, typer.Option(help="posting, course or other, for rows that name no kind.", show_default="other")
    ] = "",
    taxonomy: Annotated[
        str,
        typer.Option(help="NAME or NAME@X.Y.Z, whose skills the labels name.", show_default="the live one"),
    ] = "",
    report: Annotated[
        Path | None, typer.Option(help="Write every rejected or guessed label to this .csv or .json file.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: _Json = False,
) -> None:
    """Import labelled examples, wholly or not at all."""
    from seamark.cli._people import who_asks
    from seamark.cli._workspace import open_from
    from seamark.cli.output import make_progress, print_json, say

    columns = _parse_mapping(mapping or [])
    _check_report_name(report)
    with open_from(workspace) as opened, make_progress() as bar:
        from seamark.building.data.importing import import_examples

        task = bar.add_task("rows", total=None)
        outcome = import_examples(
            opened,
            who_asks(opened),
            file,
            taxonomy=_load_taxonomy(opened, taxonomy),
            columns=columns,
            kind=kind,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if report is not None:
        from seamark.taxonomy.report import write_report

        write_report(outcome.rows, report)
        say(f"the report is in {report}")
    if as_json:
        print_json(outcome.to_dict())
    else:
        _print_import(outcome)


@app.command("show")
def show_command(workspace: WorkspaceOption = None, as_json: _Json = False) -> None:
    """Count the labelled examples, and list the data versions made of them."""
    from seamark.cli._workspace import open_from
    from seamark.cli.output import print_json

    with open_from(workspace) as opened:
        from seamark.building.data.summary import summarise_examples

        summary = summarise_examples(opened)
    if as_json:
        print_json(summary)
    else:
        _print_summary(summary)


def _parse_mapping(pairs: list[str]) -> dict[str, str]:
    from seamark.errors import UsageError

    columns: dict[str, str] = {}
    for pair in pairs:
        name, separator, heading = pair.partition("=")
        if not (separator and name.strip() and heading.strip()):
            raise UsageError(f"--map {pair!r}", expected="NAME=COLUMN, such as text=sentence")
        columns[name.strip()] = heading.strip()
    return columns


def _check_report_name(path: Path | None) -> None:
    from seamark.errors import UsageError

    if path is not None and path.suffix.lower() not in (".csv", ".json"):
        raise UsageError(f"a report can't be written to {path.name}", expected="a .csv or .json file")


def _load_taxonomy(workspace: Workspace, reference: str) -> Taxonomy:
    from seamark.registry.releases import find_release, get_live_release, load_taxonomy

    release = find_release(workspace, reference) if reference else get_live_release(workspace)
    return load_taxonomy(workspace, release.name, release.number)


def _print_import(outcome: ExampleReport) -> None:
    from seamark.cli.output import print_table, say

    rejected, repaired = len(outcome.rows.rejected), len(outcome.rows.repaired)
    facts: list[tuple[str, Any]] = [
        ("taxonomy", outcome.taxonomy),
        ("rows read", f"{outcome.rows.rows_read:,}"),
        ("documents", f"{outcome.documents:,}"),
        *((f"new, for {split}", f"{count:,}") for split, count in outcome.new_documents.items()),
        ("verdicts added", f"{outcome.added:,}"),
        ("there already", f"{outcome.duplicates:,}"),
        ("replaced", f"{outcome.replaced:,}"),
        ("rejected rows and labels", f"{rejected:,}"),
        ("guessed labels", f"{repaired:,}"),
        ("generation", outcome.generation),
    ]
    print_table("", ("what", "value"), facts)
    reasons = Counter((issue.action, issue.reason, issue.value) for issue in outcome.rows.issues)
    if reasons:
        rows = [(*reason, count) for reason, count in reasons.most_common(_SHOWN)]
        print_table("Not used, or guessed", ("action", "reason", "value", "times"), rows)
    if len(reasons) > _SHOWN:
        say(f"the {_SHOWN} most frequent of {len(reasons):,} are listed; --report FILE.csv has them all")


def _print_summary(summary: dict[str, Any]) -> None:
    from seamark.cli.output import print_table, say

    if not summary["documents"]:
        say("the workspace has no labelled examples yet: seamark examples import FILE")
        return
    shares = ", ".join(f"{name} {share:.0%}" for name, share in summary["shares"].items())
    facts = [("documents", f"{summary['documents']:,}"), ("verdicts", f"{summary['verdicts']:,}")]
    print_table("", ("what", "value"), [*facts, ("shares", shares)])
    for name in ("split", "kind", "sector"):
        rows = [(value or "(none)", f"{count:,}") for value, count in summary[f"by_{name}"].items()]
        print_table(f"By {name}", (name, "documents"), rows[:_SHOWN])
    generations = [
        (one["number"], f"{one['documents']:,}", f"{one['verdicts']:,}", _show_minute(one["frozen_at"]))
        for one in summary["generations"]
    ]
    print_table("Generations", ("number", "documents", "verdicts", "frozen"), generations)
    versions = [
        (
            one["data_version"],
            *(f"{one['counts'][split]:,}" for split in ("train", "validation", "test")),
            one["generation"],
            _show_minute(one["created_at"]),
        )
        for one in summary["data_versions"]
    ]
    if versions:
        columns = ("data version", "train", "validation", "test", "generation", "made")
        print_table("Data versions", columns, versions)


def _show_minute(time: str | None) -> str:
    """An ISO time to the minute; ``open`` for none."""
    from datetime import datetime

    from seamark.cli._facts import show_minute

    return show_minute(datetime.fromisoformat(time)) if time else "open"
