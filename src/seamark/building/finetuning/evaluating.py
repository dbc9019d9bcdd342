"""How well an encoder tells the right titles of held-out texts from wrong ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seamark.building.encoder.pairs import Pair
from seamark.building.finetuning.vectors import open_model

FIGURES = (
    "cosine_accuracy",
    "cosine_accuracy_threshold",
    "cosine_f1",
    "cosine_f1_threshold",
    "cosine_ap",
)
"""Of sentence-transformers' ``BinaryClassificationEvaluator``: the best accuracy and F1 over all thresholds on the
cosine, the thresholds at which they are reached, and the average precision."""


def measure_pairs(folder: Path, pairs: Sequence[Pair]) -> dict[str, float]:
    """The :data:`FIGURES` of the encoder in ``folder`` on ``pairs``; empty where there is only one class.

    Args:
        folder: a sentence-transformers folder.
        pairs: held-out pairs with their negatives; a pair's title is right, its negatives are wrong.

    Raises:
        WeightsError: the folder can't be opened.
    """
    from sentence_transformers.sentence_transformer.evaluation import BinaryClassificationEvaluator

    rows = _list_rows(pairs)
    if len({label for _, _, label in rows}) < 2:
        return {}
    texts, titles, labels = (list(column) for column in zip(*rows, strict=True))
    evaluator = BinaryClassificationEvaluator(
        texts, titles, labels, similarity_fn_names=["cosine"], show_progress_bar=False, write_csv=False
    )
    found = evaluator(open_model(folder))
    return {name: float(found[name]) for name in FIGURES}


def _list_rows(pairs: Sequence[Pair]) -> list[tuple[str, str, int]]:
    """Each (text, title, right or not) once."""
    rows = {(pair.text, title): 1 for pair in pairs for title in (pair.title,)}
    for pair in pairs:
        for title in pair.negatives:
            rows.setdefault((pair.text, title), 0)
    return [(text, title, label) for (text, title), label in rows.items()]
