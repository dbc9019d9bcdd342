"""`seamark demo`: the main job on the sample texts, with a page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from seamark.extraction.result import Prediction

_SHOWN = 5


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("demo")(demo)


def demo(
    output: Annotated[Path, typer.Option("--output", metavar="FOLDER", help="Where index.html goes.")] = Path(
        "demo"
    ),
) -> None:
    """Extract the skills of twenty sample texts, and write a page that shows them."""
    from seamark.cli.base_model import show_fetch
    from seamark.cli.output import print_table, say
    from seamark.extraction.models import make_extractor
    from seamark.extraction.page import render_pages
    from seamark.taxonomy.samples import read_samples

    with show_fetch() as progress:
        extractor = make_extractor("starter", progress=progress)
    samples = read_samples()
    predictions = extractor.extract_many([sample.text for sample in samples])
    titled = [(sample.title, found) for sample, found in zip(samples, predictions, strict=True)]
    rows = [(title, len(found.skills), _name_best(found)) for title, found in titled]
    print_table("", ("text", "skills", f"the {_SHOWN} most certain"), rows)
    output.mkdir(parents=True, exist_ok=True)
    page = output / "index.html"
    page.write_text(render_pages(titled, taxonomy_name="starter"), encoding="utf-8")
    say(f"look at {page}")


def _name_best(prediction: Prediction) -> str:
    return ", ".join(f"{skill.title} ({skill.confidence:.2f})" for skill in prediction.skills[:_SHOWN])
