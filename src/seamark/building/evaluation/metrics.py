"""The measures, as pure functions over ids, counts and confidences.

Every measure lies in 0-1. A choice that runs through all of them: where there is nothing to find
and nothing was found, the answer is perfect (1); where only one of the two is empty, it is 0.
Sums are taken with :func:`math.fsum`, so that no order of the items moves a digit.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """Precision, recall and their harmonic mean.

    Attributes:
        precision: the share of what was predicted that is right, 0-1.
        recall: the share of what is right that was predicted, 0-1.
        f1: 2 · precision · recall / (precision + recall), 0-1.
    """

    precision: float
    recall: float
    f1: float


def score_counts(hits: int, *, predicted: int, gold: int) -> PrecisionRecall:
    """Precision ``hits / predicted``, recall ``hits / gold`` and F1 ``2 · hits / (predicted + gold)``.

    The balanced F-measure of van Rijsbergen, *Information Retrieval* (2nd ed. 1979), chapter 7.
    With nothing predicted and nothing to find all three are 1; a lone zero denominator gives 0.

    Raises:
        ValueError: a count is negative, or there are more hits than predictions or gold items.
    """
    if not 0 <= hits <= min(predicted, gold):
        raise ValueError(f"{hits} hits of {predicted} predicted and {gold} gold items")
    if predicted == gold == 0:
        return PrecisionRecall(1.0, 1.0, 1.0)
    return PrecisionRecall(
        precision=hits / predicted if predicted else 0.0,
        recall=hits / gold if gold else 0.0,
        f1=2 * hits / (predicted + gold),
    )


def score_sets(predicted: Collection[str], gold: Collection[str]) -> PrecisionRecall:
    """Precision, recall and F1 of one document's predicted ids against its gold ids, as sets."""
    found, wanted = set(predicted), set(gold)
    return score_counts(len(found & wanted), predicted=len(found), gold=len(wanted))


def score_micro(pairs: Iterable[tuple[Collection[str], Collection[str]]]) -> PrecisionRecall:
    """Micro-averaged precision, recall and F1 over (predicted, gold) pairs.

    Hits, predictions and gold ids are summed over all documents before dividing, so a document
    weighs as much as it has skills. Its near relative, the document average, gives each the same.
    """
    hits = predicted = gold = 0
    for some, wanted in pairs:
        hits += len(set(some) & set(wanted))
        predicted += len(set(some))
        gold += len(set(wanted))
    return score_counts(hits, predicted=predicted, gold=gold)


def compute_jaccard(predicted: Collection[str], gold: Collection[str]) -> float:
    """|predicted ∩ gold| / |predicted ∪ gold|, 0-1; 1 when both are empty.

    Jaccard, *Bulletin de la Société Vaudoise des Sciences Naturelles* 37 (1901). It is F1 / (2 - F1)
    of the same document.
    """
    found, wanted = set(predicted), set(gold)
    union = found | wanted
    return len(found & wanted) / len(union) if union else 1.0


def compute_rp_at(ranking: Sequence[str], gold: Collection[str], k: int) -> float:
    """Hits among the first ``k`` over ``min(k, number of gold ids)``, 0-1: R-precision at k.

    RP@K of Chalkidis et al., *Large-Scale Multi-Label Text Classification on EU Legislation* (ACL
    2019), section 5. Unlike precision at k it reaches 1 for a query with fewer than k gold ids. An id
    ranked twice hits once.

    Raises:
        ValueError: ``k`` is below 1, or there is no gold id.
    """
    if k < 1:
        raise ValueError(f"k={k}, expected 1 or more")
    wanted = _require_gold(gold)
    return len(set(ranking[:k]) & wanted) / min(k, len(wanted))


def compute_reciprocal_rank(ranking: Sequence[str], gold: Collection[str]) -> float:
    """1 / rank of the first hit, 0-1; 0 when the ranking holds no gold id.

    Averaged over queries it is the mean reciprocal rank (Voorhees, *The TREC-8 Question Answering
    Track Report*, 1999).

    Raises:
        ValueError: there is no gold id.
    """
    wanted = _require_gold(gold)
    ranks = (rank for rank, skill_id in enumerate(ranking, start=1) if skill_id in wanted)
    return 1 / next(ranks, math.inf)


def _require_gold(gold: Collection[str]) -> set[str]:
    if not gold:
        raise ValueError("no gold id, expected 1 or more")
    return set(gold)


def compute_mean(values: Sequence[float]) -> float:
    """The arithmetic mean, exact to the last digit whatever the order.

    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("no value, expected 1 or more")
    return math.fsum(values) / len(values)


def compute_calibration_error(
    confidences: Sequence[float], outcomes: Sequence[bool], *, bins: int = 10
) -> float:
    """The expected calibration error (ECE), 0-1: how far confidence is from the share that is right.

    ``Σ_b (n_b / n) · |share right in b - mean confidence in b|`` over ``bins`` bins of equal width
    ([0, 0.1), …, [0.9, 1.0] for 10), empty bins weighing nothing (Naeini, Cooper and Hauskrecht,
    *Obtaining Well Calibrated Probabilities Using Bayesian Binning*, AAAI 2015; Guo et al., *On
    Calibration of Modern Neural Networks*, ICML 2017, section 2). Bins of equal mass and the maximum
    calibration error are its relatives.

    Raises:
        ValueError: nothing to measure, lengths that differ, a confidence outside 0-1, or no bin.
    """
    _check_calibration(confidences, outcomes, bins)
    members: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for confidence, outcome in zip(confidences, outcomes, strict=True):
        members[min(int(confidence * bins), bins - 1)].append((confidence, outcome))
    return min(1.0, math.fsum(_measure_gap(member) for member in members) / len(confidences))


def _measure_gap(member: Sequence[tuple[float, bool]]) -> float:
    return abs(sum(outcome for _, outcome in member) - math.fsum(confidence for confidence, _ in member))


def _check_calibration(confidences: Sequence[float], outcomes: Sequence[bool], bins: int) -> None:
    if bins < 1:
        raise ValueError(f"bins={bins}, expected 1 or more")
    if not confidences or len(confidences) != len(outcomes):
        raise ValueError(f"{len(confidences)} confidences and {len(outcomes)} outcomes")
    for confidence in confidences:
        if not 0 <= confidence <= 1:
            raise ValueError(f"confidence {confidence}, expected 0-1")
