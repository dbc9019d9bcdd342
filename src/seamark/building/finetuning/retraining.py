"""One retraining of the embedding model: the taxonomy first where that is wanted, then the labelled documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seamark.building.data.documents import Dataset, LabelledDocument
from seamark.building.encoder.pairs import Pair
from seamark.building.finetuning.evaluating import measure_pairs
from seamark.building.finetuning.negatives import add_negatives
from seamark.building.finetuning.pairs import gather_document_pairs, gather_warm_start_pairs
from seamark.building.finetuning.recipe import FineTuneRecipe
from seamark.building.finetuning.training import TrainingOutcome, fine_tune
from seamark.building.finetuning.vectors import open_embedder
from seamark.settings import TrainingSettings
from seamark.taxonomy import Taxonomy

_MEASURED_NEGATIVES = 2
"""Mined wrong titles for each held-out pair, besides those that reviewers rejected."""


@dataclass(frozen=True, slots=True)
class Retraining:
    """What a retraining did.

    Attributes:
        recipe: the settings.
        stages: what was trained, in order: name → pairs, steps, seconds and the last loss.
        losses: of every step of every stage, in nats.
        cosine: how well the model tells right titles from wrong ones on held-out documents, as
            sentence-transformers' BinaryClassificationEvaluator says; empty without such documents.
    """

    recipe: FineTuneRecipe
    stages: dict[str, dict[str, Any]]
    losses: dict[str, tuple[float, ...]] = field(default_factory=dict)
    cosine: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The retraining as a manifest holds it."""
        return {"recipe": self.recipe.to_dict(), "stages": self.stages}

    def to_log(self) -> dict[str, Any]:
        """The same with every step's loss."""
        losses = {name: [round(loss, 4) for loss in values] for name, values in self.losses.items()}
        return self.to_dict() | {"losses": losses, "cosine": self.cosine}


@dataclass(frozen=True, slots=True)
class _Work:
    """What all stages share."""

    folder: Path
    training: TrainingSettings
    on_progress: Callable[[str, int, int], None] | None
    should_stop: Callable[[], bool] | None


def retrain(
    output: Path,
    *,
    start: Path,
    taxonomy: Taxonomy,
    dataset: Dataset | None,
    training: TrainingSettings,
    warm_start: bool,
    work: Path,
    on_progress: Callable[[str, int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Retraining:
    """Train an encoder and write it to ``output`` as a sentence-transformers folder; goes on where it was stopped.

    Args:
        output: the folder; what lies there is replaced.
        start: the sentence-transformers folder that training starts from.
        taxonomy: gives titles, and what the warm start learns.
        dataset: labelled documents; None for a warm start alone.
        training: the settings.
        warm_start: whether the taxonomy's alternative titles and descriptions are learned first.
        work: a folder for checkpoints and what lies between the stages.
        on_progress: told what is done and how far it is.
        should_stop: asked after every step.

    Raises:
        InputError: there is nothing to train on.
        TrainingStoppedError: ``should_stop`` said so.
        StorageError: something can't be written.
    """
    recipe = FineTuneRecipe.from_settings(training)
    shared = _Work(work, training, on_progress, should_stop)
    outcomes: dict[str, tuple[int, TrainingOutcome]] = {}
    begin = start
    if warm_start:
        pairs = gather_warm_start_pairs(taxonomy)
        begin = output if dataset is None else work / "warm"
        outcomes["warm start"] = (
            len(pairs),
            _train(begin, start, pairs, recipe.for_warm_start(), "warm start", shared),
        )
    if dataset is not None:
        pairs = _gather(dataset.train, taxonomy, begin, recipe.hard_negatives, recipe.negative_margin)
        outcomes["documents"] = len(pairs), _train(output, begin, pairs, recipe, "documents", shared)
    held = dataset.test if dataset else ()
    return Retraining(
        recipe,
        {name: _describe(*outcome) for name, outcome in outcomes.items()},
        {name: outcome.losses for name, (_, outcome) in outcomes.items()},
        _measure(output, start, held, taxonomy, recipe) if held else {},
    )


def _train(
    output: Path, start: Path, pairs: Sequence[Pair], recipe: FineTuneRecipe, name: str, work: _Work
) -> TrainingOutcome:
    told = work.on_progress
    return fine_tune(
        output,
        start=start,
        pairs=pairs,
        recipe=recipe,
        checkpoints=work.folder / f"checkpoints-{name.replace(' ', '-')}",
        checkpoint_steps=work.training.checkpoint_steps,
        on_step=(lambda step, steps, loss: told(f"{name}: loss {loss:.3f}", step, steps)) if told else None,
        should_stop=work.should_stop,
    )


def _gather(
    documents: Sequence[LabelledDocument], taxonomy: Taxonomy, start: Path, count: int, margin: float
) -> list[Pair]:
    """The documents' pairs with hard negatives, as the encoder in ``start`` sees them."""
    embed = open_embedder(start)
    pairs = gather_document_pairs(documents, taxonomy, embed=embed)
    titles = [skill.title for skill in taxonomy.active]
    return add_negatives(pairs, titles, embed=embed, count=count, margin=margin)


def _measure(
    folder: Path,
    start: Path,
    documents: Sequence[LabelledDocument],
    taxonomy: Taxonomy,
    recipe: FineTuneRecipe,
) -> dict[str, float]:
    """The cosine figures on held-out pairs, whose wrong titles the start chose: the same whatever was trained."""
    return measure_pairs(
        folder, _gather(documents, taxonomy, start, _MEASURED_NEGATIVES, recipe.negative_margin)
    )


def _describe(n_pairs: int, outcome: TrainingOutcome) -> dict[str, Any]:
    last = outcome.losses[-50:]
    return {
        "pairs": n_pairs,
        "steps": outcome.steps,
        "seconds": round(outcome.seconds, 1),
        "loss": round(sum(last) / len(last), 4),
    }
