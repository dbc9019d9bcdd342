"""The measures that two models are compared by, and what a rise of each means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from seamark.building.evaluation.metrics import (
    compute_calibration_error,
    compute_jaccard,
    compute_mean,
    score_micro,
    score_sets,
)

if TYPE_CHECKING:
    from seamark.building.champion.scoring import DocumentScore

Measures = Mapping[str, float | None]
"""Value by name; None where it can't be measured."""

AVERAGES = {
    "jaccard": "jaccard",
    "precision": "precision",
    "recall": "recall",
    "f1": "f1",
    "mrr": "reciprocal_rank",
    "rp@1": "rp_at_1",
    "rp@5": "rp_at_5",
    "rp@10": "rp_at_10",
}
"""Measures that are a mean over documents, with the field of a document's score that is averaged."""

MICRO = ("micro_precision", "micro_recall", "micro_f1")
"""Measures of all (document, skill) pairs pooled."""

LATENCIES = {"latency_p50_ms": 50, "latency_p95_ms": 95}
"""Percentiles of the milliseconds that one document alone takes."""

COMPARED = (
    *("jaccard", "precision", "recall", "f1"),
    *MICRO,
    "ece",
    *("mrr", "rp@1", "rp@5", "rp@10"),
    *LATENCIES,
)
"""The measures that are compared, in the order in which they are shown."""

LOWER_IS_BETTER = frozenset(("ece", *LATENCIES))
"""Measures of which less is better; of the others more is."""

UNRANKED = frozenset(COMPARED) - frozenset(("mrr", "rp@1", "rp@5", "rp@10", *LATENCIES))
"""Measures that can be restricted to skills of one type: those of the predicted and gold skills alone."""

BINS = 10
"""Bins of the calibration error."""


def summarise(documents: Sequence[DocumentScore]) -> dict[str, float | None]:
    """Every measure of ``documents`` by name, then ``n`` and ``predictions``, their counts."""
    micro = score_micro((document.predicted, document.gold) for document in documents)
    made: dict[str, float | None] = {
        name: _average(documents, attribute) for name, attribute in AVERAGES.items()
    }
    made |= dict(zip(MICRO, (micro.precision, micro.recall, micro.f1), strict=True))
    made["ece"] = _measure_calibration(documents)
    made |= _measure_latency(documents)
    ordered: dict[str, float | None] = {name: made[name] for name in COMPARED}
    return ordered | {
        "n": float(len(documents)),
        "predictions": float(sum(len(document.predicted) for document in documents)),
    }


def restrict(document: DocumentScore, keep: Callable[[str], bool]) -> DocumentScore:
    """The document's score if only the skills that ``keep`` accepts were asked for; its ranking is left out."""
    gold = tuple(filter(keep, document.gold))
    predicted = {skill_id: value for skill_id, value in document.predicted.items() if keep(skill_id)}
    scored = score_sets(predicted, gold)
    return replace(
        document,
        gold=gold,
        rejected=tuple(filter(keep, document.rejected)),
        unknown=tuple(filter(keep, document.unknown)),
        predicted=predicted,
        jaccard=compute_jaccard(predicted, gold),
        precision=scored.precision,
        recall=scored.recall,
        f1=scored.f1,
        reciprocal_rank=None,
        rp_at_1=None,
        rp_at_5=None,
        rp_at_10=None,
        seconds=None,
    )


def _average(documents: Sequence[DocumentScore], attribute: str) -> float | None:
    values = [value for document in documents if (value := getattr(document, attribute)) is not None]
    return compute_mean(values) if values else None


def _measure_calibration(documents: Sequence[DocumentScore]) -> float | None:
    outcomes = [
        (confidence, skill_id in document.gold)
        for document in documents
        for skill_id, confidence in document.predicted.items()
    ]
    if not outcomes:
        return None
    values, right = zip(*outcomes, strict=True)
    return compute_calibration_error(values, right, bins=BINS)


def _measure_latency(documents: Sequence[DocumentScore]) -> dict[str, float | None]:
    seconds = [document.seconds for document in documents if document.seconds is not None]
    if not seconds:
        return dict.fromkeys(LATENCIES)
    return {name: float(np.percentile(seconds, percentile)) * 1000 for name, percentile in LATENCIES.items()}
