"""`seamark extract-batch`: the skills of every row of a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seamark.cli._models import Choice, choose_parts
from seamark.cli._workspace import WorkspaceOption
from seamark.cli.extract import (
    ModelOption,
    StageOption,
    TaxonomyOption,
    ThresholdOption,
    TopOption,
)

if TYPE_CHECKING:
    from seamark.extraction.batch import BatchExtractor, BatchOptions, BatchPlan, BatchReport


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("extract-batch")(extract_batch)


def extract_batch(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="A table: .csv, .tsv, .jsonl, .json (a list) or .parquet.")
    ],
    text_column: Annotated[str, typer.Option("--text-column", help="The column that holds the texts.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="The table: .csv, .tsv, .jsonl or .parquet; by default IN's name with .skills.jsonl, here.",
        ),
    ] = None,
    taxonomy: TaxonomyOption = None,
    model: ModelOption = None,
    stage: StageOption = None,
    workspace: WorkspaceOption = None,
    threshold: ThresholdOption = None,
    top: TopOption = None,
    chunk_size: Annotated[
        int, typer.Option("--chunk-size", min=1, help="Rows predicted, and saved, at a time.")
    ] = 64,
    id_column: Annotated[
        str, typer.Option("--id-column", help="A column that names rows in the quarantine file.")
    ] = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace OUT; drop the unfinished work of another run.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Write a table with the skills of every row of IN.

    After an interruption the same command goes on where it stopped. Rows that can't be processed
    are set aside in OUT.quarantine.jsonl, and the command ends with status 4.
    """
    from seamark.extraction.batch import BatchOptions

    chosen = choose_parts(model, taxonomy, workspace, stage=stage)
    options = BatchOptions(
        text_column=text_column,
        id_column=id_column,
        model=chosen.name,
        threshold=chosen.threshold if threshold is None else threshold,
        top=chosen.top if top is None else top,
        chunk_size=chunk_size,
        overwrite=overwrite,
    )
    report = _run_or_stop(source, output, options, chosen)
    _print_report(report, as_json=as_json)
    if report.quarantined:
        from seamark.errors import ExitCode

        raise typer.Exit(ExitCode.PARTIAL)


def _run_or_stop(source: Path, output: Path | None, options: BatchOptions, chosen: Choice) -> BatchReport:
    """The report, or the documented end of an interrupted run."""
    from seamark.cli.output import say
    from seamark.errors import ExitCode

    try:
        return _run(source, output, options, chosen)
    except KeyboardInterrupt:
        say("stopped; run the same command again to go on")
        raise typer.Exit(ExitCode.INTERRUPTED) from None


def _run(source: Path, output: Path | None, options: BatchOptions, chosen: Choice) -> BatchReport:
    from seamark.cli.extract import load_extractor
    from seamark.cli.output import say
    from seamark.extraction.batch import plan_batch

    plan = plan_batch(source, output, options)
    if output is None:
        say(f"no --output given: writing {plan.output}")
    extractor = load_extractor(chosen, threshold=options.threshold, top=options.top)
    return _run_with_bar(plan, extractor)


def _run_with_bar(plan: BatchPlan, extractor: BatchExtractor) -> BatchReport:
    from seamark.cli.output import make_progress, say
    from seamark.extraction.batch import run_batch

    with make_progress() as bar:
        task = bar.add_task("rows", total=plan.overview.rows)
        return run_batch(
            plan,
            extractor,
            on_progress=lambda done, rows: bar.update(task, completed=done, total=rows),
            on_note=say,
        )


def _print_report(report: BatchReport, *, as_json: bool) -> None:
    from seamark.cli.output import print_json, say

    say(
        f"{report.rows:,} rows: {report.ok:,} ok, {report.empty:,} empty, "
        f"{report.quarantined:,} quarantined; "
        f"{report.skills:,} skills; {report.documents_per_second:,.1f} documents a second"
    )
    for field, name in report.renamed.items():
        say(f"the input has a column {field!r}: ours is named {name!r}")
    say(f"output: {report.output}")
    if report.quarantine:
        say(f"set aside: {report.quarantine}")
    if as_json:
        print_json(report.to_json())
