"""`seamark evaluate`: how good a model is, against gold files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seamark.cli._models import choose_parts, resolve_model
from seamark.cli._workspace import WorkspaceOption

if TYPE_CHECKING:
    from seamark.building.evaluation.protocols import ProgressListener

_Gold = Annotated[Path, typer.Option("--gold", help="The gold file.", show_default=False)]
_Taxonomy = Annotated[
    str,
    typer.Option("--taxonomy", help="A taxonomy's file, folder or name, or NAME@X.Y.Z.", show_default=False),
]
_Model = Annotated[str, typer.Option("--model", help="The model to measure: a name, a folder, or X.Y.Z.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

evaluate = typer.Typer(
    name="evaluate", help="Measure a model against what people say is right.", no_args_is_help=True
)


class _Level(StrEnum):
    SENTENCE = "sentence"
    SPAN = "span"


def register(app: typer.Typer) -> None:
    """Add `seamark evaluate` to ``app``."""
    app.add_typer(evaluate)


@evaluate.command()
def linking(
    gold: _Gold,
    taxonomy: _Taxonomy,
    level: Annotated[
        _Level, typer.Option("--level", help="Rank skills for whole sentences, or for their spans.")
    ] = _Level.SENTENCE,
    model: _Model = "default",
    workspace: WorkspaceOption = None,
    exclude: Annotated[
        list[Path] | None,
        typer.Option(
            "--exclude", help="Leave out sentences that this SkillSpan file has too; may be given again."
        ),
    ] = None,
    as_json: _Json = False,
) -> None:
    """How well the skills of labelled sentences are ranked: MRR and RP@k.

    The gold file (CSV, TSV, XLSX, JSONL, Parquet) has the columns sentence and label, and maybe
    span and sub_span.
    """
    from seamark.building.evaluation import evaluate_linking, read_known_sentences, read_linking_gold
    from seamark.extraction.models import make_extractor

    rows = read_linking_gold(gold, level=level.value)
    known = read_known_sentences(exclude or [])
    chosen = choose_parts(model, taxonomy, workspace)
    extractor = make_extractor(chosen.taxonomy, model=chosen.model)
    with _watch("Ranking skills") as on_progress:
        report = evaluate_linking(extractor, rows, level=level.value, known=known, on_progress=on_progress)
    _show(f"Linking, {level.value} level", report.to_dict(), as_json=as_json)


@evaluate.command()
def spans(
    gold: _Gold, model: _Model = "default", workspace: WorkspaceOption = None, as_json: _Json = False
) -> None:
    """How well spans are found: strict precision, recall and F1.

    The gold file is in SkillSpan's format, one JSON object a line with tokens, tags_skill and maybe
    tags_knowledge.
    """
    from seamark.building.evaluation import evaluate_spans, read_span_gold
    from seamark.extraction.models import make_span_extractor

    tagged = read_span_gold(gold)
    span_extractor = make_span_extractor(resolve_model(model, workspace))
    with _watch("Finding spans") as on_progress:
        report = evaluate_spans(span_extractor, tagged, on_progress=on_progress)
    if as_json:
        _show("", report.to_dict(), as_json=True)
    else:
        _show_spans(report.to_dict())


@evaluate.command()
def extraction(
    gold: _Gold,
    taxonomy: _Taxonomy,
    text_column: Annotated[
        list[str],
        typer.Option(
            "--text-column", help="A column of texts; given again, they are joined.", show_default=False
        ),
    ],
    labels_column: Annotated[
        str, typer.Option("--labels-column", help="The column of gold labels.", show_default=False)
    ],
    model: _Model = "default",
    workspace: WorkspaceOption = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            min=0.0,
            max=1.0,
            help="The least confidence that counts; by default the model's own.",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Take the first N rows alone.")] = None,
    as_json: _Json = False,
) -> None:
    """How well the skills of documents are predicted: Jaccard, precision, recall, F1, calibration.

    The gold file is CSV, TSV, XLSX, JSONL or Parquet. A labels cell holds several labels, parted by
    line breaks, semicolons or commas, or a list.
    """
    from seamark.building.evaluation import evaluate_extraction, read_extraction_gold
    from seamark.extraction.models import make_extractor

    docs = read_extraction_gold(gold, text_columns=text_column, labels_column=labels_column, limit=limit)
    options: dict[str, Any] = {} if threshold is None else {"threshold": threshold}
    chosen = choose_parts(model, taxonomy, workspace)
    extractor = make_extractor(chosen.taxonomy, model=chosen.model, **options)
    with _watch("Extracting skills") as on_progress:
        report = evaluate_extraction(extractor, docs, on_progress=on_progress)
    _show("Extraction", report.to_dict(), as_json=as_json)


@contextmanager
def _watch(description: str) -> Iterator[ProgressListener]:
    from seamark.cli.output import make_progress

    with make_progress() as progress:
        task = progress.add_task(description, total=None)

        def advance(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield advance


def _show(title: str, report: Mapping[str, Any], *, as_json: bool) -> None:
    from seamark.cli.output import print_json, print_table

    if as_json:
        print_json(report)
        return
    plain = {name: value for name, value in report.items() if not isinstance(value, Mapping)}
    print_table(title, ("measure", "value"), [(name, _format(value)) for name, value in plain.items()])
    for name in ("dropped", "unresolved"):
        _show_counts(name, report.get(name, {}))


def _show_counts(name: str, counts: Mapping[str, int]) -> None:
    from seamark.cli.output import print_table

    if counts:
        print_table(f"Labels {name}", ("label", "times"), list(counts.items()))


def _show_spans(report: Mapping[str, Any]) -> None:
    from seamark.cli.output import print_table

    heads = {name: scores for name, scores in report.items() if isinstance(scores, Mapping)}
    columns = ("precision", "recall", "f1", "support")
    rows = [(name, *(_format(scores[column]) for column in columns)) for name, scores in heads.items()]
    print_table(f"Spans of {report['n']} sentences, strict", ("label", *columns), rows)


def _format(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
