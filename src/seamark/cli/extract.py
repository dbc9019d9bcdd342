"""`seamark extract`: the skills of one text, or of a few documents."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seamark.cli._models import Choice, choose_parts
from seamark.cli._workspace import WorkspaceOption

if TYPE_CHECKING:
    from seamark.extraction.batch import Source
    from seamark.extraction.extractor import Extractor
    from seamark.extraction.models import Progress
    from seamark.extraction.result import Prediction

_SHOWN_PHRASE = 60

TaxonomyOption = Annotated[
    str | None,
    typer.Option(
        "--taxonomy",
        metavar="FILE|FOLDER|NAME[@X.Y.Z]",
        help="A taxonomy's file, the folder of its files, or the name of an imported one, in a workspace also "
        "one of its releases. [default: a model version's own, else starter]",
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME|FOLDER|X.Y.Z",
        help="The model to predict with: a name, a folder, or a version of the workspace. "
        "[default: the workspace's newest version, else default]",
    ),
]
StageOption = Annotated[
    str | None,
    typer.Option(
        "--stage",
        metavar="dev|uat|prod",
        help="Predict with the version that is on this stage now, as the stage is set. Not with --model.",
    ),
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(
        "--threshold", min=0.0, max=1.0, help="The least confidence, 0-1; by default the model's own."
    ),
]
TopOption = Annotated[
    int | None, typer.Option("--top", min=1, help="The most skills a text; by default all of them.")
]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("extract")(extract)


def extract(
    text: Annotated[
        str, typer.Argument(metavar="TEXT|FILE|-", help="A text, a file of text or JSON, or - for stdin.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the wire format as JSON.")] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write a page: the text with its spans, the skills beside it."
        ),
    ] = None,
    top: TopOption = None,
    threshold: ThresholdOption = None,
    taxonomy: TaxonomyOption = None,
    model: ModelOption = None,
    stage: StageOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Print the skills that a text calls for, the most certain first.

    An argument that names a file is read as that file. A .json or .jsonl file holds objects with
    a "text" (and, if wanted, an "id" and a "kind": posting, course or other).
    """
    from seamark.extraction.batch import read_source

    source = read_source(text, read_stdin=sys.stdin.buffer.read)
    _check_page(html)
    chosen = choose_parts(model, taxonomy, workspace, stage=stage)
    extractor = load_extractor(chosen, threshold=threshold, top=top)
    predictions = extractor.extract_many([doc.text for doc in source.documents])
    _print_predictions(source, predictions, as_json=as_json)
    if html is not None:
        _write_page(html, source, predictions, taxonomy_name=extractor.taxonomy.name)


def load_extractor(chosen: Choice, *, threshold: float | None, top: int | None) -> Extractor:
    """The extractor that the options ask for, with bars on stderr while something is fetched or embedded.

    What isn't given is as the stage is set, where one was named.
    """
    from seamark.extraction import models

    with _watch_loading() as progress:
        return models.make_extractor(
            chosen.taxonomy,
            model=chosen.model,
            threshold=chosen.threshold if threshold is None else threshold,
            top=chosen.top if top is None else top,
            progress=progress,
        )


@contextmanager
def _watch_loading() -> Iterator[Progress]:
    """A progress callback: bars in megabytes for files, in pieces for all other work."""
    from contextlib import ExitStack

    from seamark.cli.base_model import show_fetch
    from seamark.cli.output import make_progress

    with ExitStack() as stack, show_fetch() as tell_fetched:
        tasks: dict[str, Any] = {}

        def tell(what: str, done: int, total: int) -> None:
            if Path(what).suffix:
                tell_fetched(what, done, total)
                return
            if what not in tasks:
                # Made at the first report: most runs have all they need and must not load Rich.
                bars = stack.enter_context(make_progress())
                tasks[what] = (bars, bars.add_task(what))
            bars, task = tasks[what]
            bars.update(task, completed=done, total=total)

        yield tell


def _check_page(html: Path | None) -> None:
    """Refuse what could only fail after the work is done."""
    from seamark.errors import UsageError

    if html is None:
        return
    if html.is_dir():
        raise UsageError(f"{html} is a folder", expected="a file for the page")
    if not html.parent.is_dir():
        raise UsageError(f"there is no folder {html.parent}", hint=f"mkdir -p {html.parent}")


def _write_page(html: Path, source: Source, predictions: Sequence[Prediction], *, taxonomy_name: str) -> None:
    from seamark.cli.output import say
    from seamark.extraction.batch import replace_file
    from seamark.extraction.page import render_page, render_pages

    if len(predictions) == 1:
        title = source.documents[0].doc_id or ("" if source.name in ("text", "stdin") else source.name)
        page = render_page(predictions[0], title=title, taxonomy_name=taxonomy_name)
    else:
        named = list(zip(_name_documents(source), predictions, strict=True))
        page = render_pages(named, taxonomy_name=taxonomy_name)
    replace_file(html, [page])
    say(f"page: {html}")


def _name_documents(source: Source) -> list[str]:
    return [doc.doc_id or f"document {number}" for number, doc in enumerate(source.documents, start=1)]


def _print_predictions(source: Source, predictions: Sequence[Prediction], *, as_json: bool) -> None:
    from seamark.cli.output import print_json

    if as_json:
        wire = [prediction.to_wire() for prediction in predictions]
        print_json(wire if source.is_list else wire[0])
        return
    for name, prediction in zip(_name_documents(source), predictions, strict=True):
        _print_skills(name if source.is_list else "", prediction)


def _print_skills(title: str, prediction: Prediction) -> None:
    from seamark.cli.output import print_table

    if not prediction.skills:
        typer.echo(f"{title}: no skills found" if title else "no skills found")
        return
    rows = [
        (skill.title, skill.type, f"{skill.confidence:.2f}", _shorten(skill.phrase), skill.occurrence)
        for skill in prediction.skills
    ]
    print_table(title, ("skill", "type", "confidence", "phrase", "times"), rows)


def _shorten(phrase: str) -> str:
    flat = " ".join(phrase.split())
    return flat if len(flat) <= _SHOWN_PHRASE else flat[: _SHOWN_PHRASE - 1] + "…"
