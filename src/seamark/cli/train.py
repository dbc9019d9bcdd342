"""`seamark spans train`, `seamark encoder train`, `seamark ranker train`: how the shipped weights are made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

_BASE = "all-MiniLM-L6-v2"

OutputOption = Annotated[Path, typer.Option("--output", metavar="FOLDER", help="Where the weights go.")]
BaseOption = Annotated[str, typer.Option("--base-model", metavar="NAME|FOLDER", help="The base model.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the three groups to ``app``."""
    for name, command, help_ in (
        ("spans", train_spans, "Train a span extractor."),
        ("encoder", train_encoder, "Train an encoder's adapter for skills."),
        ("ranker", train_ranker, "Fit a ranker and its calibration."),
    ):
        group = typer.Typer(no_args_is_help=True, help=help_)
        group.command("train")(command)
        # one command alone would take its group's place
        group.callback()(_keep_group)
        app.add_typer(group, name=name)


def _keep_group() -> None:
    """A group of commands."""


def train_spans(
    train: Annotated[
        Path, typer.Argument(metavar="JSONL", help="Tagged sentences: tokens, tags_skill, tags_knowledge.")
    ],
    output: OutputOption,
    dev: Annotated[
        Path | None, typer.Option("--dev", metavar="JSONL", help="Scored after each epoch, never trained on.")
    ] = None,
    auxiliary: Annotated[
        list[Path] | None,
        typer.Option("--auxiliary", metavar="JSONL", help="Material by another guideline; may be repeated."),
    ] = None,
    base_model: BaseOption = _BASE,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="[default: the recipe's]")] = None,
    rank: Annotated[int | None, typer.Option("--rank", min=1, help="[default: the recipe's]")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="[default: the recipe's]")] = None,
    as_json: JsonOption = False,
) -> None:
    """Train skill and knowledge spans from sentences in SkillSpan's format."""
    _need_torch()
    from seamark.base_models import resolve_base_model
    from seamark.building.spans.recipe import train_span_part
    from seamark.building.spans.training import SpanRecipe
    from seamark.cli.output import make_progress, say
    from seamark.settings import read_settings

    changes = {"epochs": epochs, "rank": rank, "seed": seed}
    recipe = SpanRecipe(**_drop_missing(changes))
    base = resolve_base_model(base_model, read_settings())
    with make_progress() as bars:
        task = bars.add_task("steps", total=None)
        scores = train_span_part(
            output,
            base,
            train,
            base_model=base_model,
            auxiliary=auxiliary or (),
            dev=dev,
            recipe=recipe,
            on_step=lambda step, steps: bars.update(task, completed=step, total=steps),
            on_epoch=lambda epoch, f1: say(f"epoch {epoch}: {_format(f1)}"),
        )
    _show(scores, output, as_json=as_json)


def train_encoder(
    taxonomy: Annotated[str, typer.Argument(metavar="FILE|FOLDER|NAME", help="Whose names are learned.")],
    sentences: Annotated[
        Path,
        typer.Option("--sentences", metavar="CSV", help="Columns sentence and skills (a list of titles)."),
    ],
    templates: Annotated[
        Path, typer.Option("--templates", metavar="JSONL", help="Tagged sentences whose spans are replaced.")
    ],
    output: OutputOption,
    keep_out: Annotated[
        list[Path] | None,
        typer.Option(
            "--keep-out", metavar="CSV", help="Sentences that must not be trained on; may be repeated."
        ),
    ] = None,
    base_model: BaseOption = _BASE,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="[default: the recipe's]")] = None,
    rank: Annotated[int | None, typer.Option("--rank", min=1, help="[default: the recipe's]")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="[default: the recipe's]")] = None,
) -> None:
    """Train an encoder's adapter from a taxonomy's names and annotated sentences."""
    _need_torch()
    from seamark.base_models import resolve_base_model
    from seamark.building.encoder.recipe import train_encoder_part
    from seamark.building.encoder.training import EncoderRecipe
    from seamark.cli.output import make_progress
    from seamark.settings import read_settings
    from seamark.taxonomy import Taxonomy

    settings = read_settings()
    recipe = EncoderRecipe(**_drop_missing({"epochs": epochs, "rank": rank, "seed": seed}))
    with make_progress() as bars:
        task = bars.add_task("steps", total=None)
        train_encoder_part(
            output,
            resolve_base_model(base_model, settings),
            Taxonomy.load(taxonomy, home=settings.home),
            base_model=base_model,
            sentences=sentences,
            templates=templates,
            keep_out=keep_out or (),
            sources=[Path(taxonomy)] if Path(taxonomy).is_file() else (),
            recipe=recipe,
            on_step=lambda step, steps, _: bars.update(task, completed=step, total=steps),
        )
    _show({}, output, as_json=False)


def train_ranker(
    taxonomy: Annotated[
        str, typer.Argument(metavar="FILE|FOLDER|NAME", help="Whose skills label the texts.")
    ],
    labelled: Annotated[
        Path,
        typer.Option("--labelled", metavar="CSV", help="Columns sentence and skills (a list of titles)."),
    ],
    unlabelled: Annotated[
        Path,
        typer.Option(
            "--unlabelled", metavar="JSONL", help="Tagged sentences: those without a span name nothing."
        ),
    ],
    output: OutputOption,
    model: Annotated[
        str, typer.Option("--model", help="Whose encoder and spans the ranker serves.")
    ] = "default",
    as_json: JsonOption = False,
) -> None:
    """Fit the ranker and its calibration on annotated sentences."""
    _need_torch()
    from seamark.building.ranker.fitting import RankerRecipe
    from seamark.building.ranker.recipe import train_ranker_part, withhold_names
    from seamark.cli.output import make_progress
    from seamark.extraction.models import make_extractor
    from seamark.taxonomy import Taxonomy

    recipe = RankerRecipe()
    reduced, withheld = withhold_names(Taxonomy.load(taxonomy), seed=recipe.seed)
    extractor = make_extractor(reduced, model=model)
    with make_progress() as bars:
        task = bars.add_task("texts", total=None)
        scores = train_ranker_part(
            output,
            extractor,
            withheld=withheld,
            labelled=labelled,
            unlabelled=unlabelled,
            recipe=recipe,
            on_progress=lambda done, total: bars.update(task, completed=done, total=total),
        )
    _show(scores, output, as_json=as_json)


def _need_torch() -> None:
    import importlib.util

    from seamark.errors import MissingExtraError

    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError("training", package="torch", extra="train")


def _drop_missing(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _format(scores: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in scores.items()) or "no material to score on"


def _show(scores: dict[str, float], output: Path, *, as_json: bool) -> None:
    from seamark.cli.output import print_json, say

    if as_json:
        print_json({"output": str(output), **scores})
    else:
        say(f"{_format(scores)}; written to {output}" if scores else f"written to {output}")
