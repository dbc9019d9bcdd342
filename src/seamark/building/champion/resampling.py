"""How far a difference between two models may be chance: the paired bootstrap over documents.

Documents are drawn with replacement, as many as there are, and both models are measured on the same draw;
the middle 95% of the differences over many draws is the interval (the percentile interval of Efron and
Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13; pairing as in Koehn, *Statistical
Significance Tests for Machine Translation Evaluation*, EMNLP 2004, section 4).

A draw is a weight for each document, so that all measures of all draws are a few matrix products. What is no
average over documents (the pooled measures, the calibration error) is worked out anew for each draw from
counts of the documents. Percentiles of time are drawn from the timed documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seamark.building.champion.measures import AVERAGES, BINS, LATENCIES, LOWER_IS_BETTER, MICRO

if TYPE_CHECKING:
    from seamark.building.champion.scoring import DocumentScore

Floats = NDArray[np.float64]

_AT_A_TIME = 4_000_000  # weights that are held at once: 32 MB
_NOISE = 1e-9  # differences below are rounding


@dataclass(frozen=True, slots=True)
class Interval:
    """What the bootstrap says of one difference, contender less champion.

    Attributes:
        low: the difference's 2.5th percentile.
        high: its 97.5th.
        better: share of the draws in which the contender is better, 0-1.
    """

    low: float
    high: float
    better: float


class CountTable:
    """One model's documents as arrays, of which any weighting can be measured.

    Args:
        documents: the scores, in an order that both models share.
    """

    def __init__(self, documents: Sequence[DocumentScore]) -> None:
        values = [[getattr(document, name) for name in AVERAGES.values()] for document in documents]
        averaged = np.array(values, dtype=np.float64)  # None becomes NaN
        self._measured = ~np.isnan(averaged)
        self._averaged = np.where(self._measured, averaged, 0.0)
        hits = [len(document.predicted.keys() & set(document.gold)) for document in documents]
        predicted = [len(document.predicted) for document in documents]
        gold = [len(document.gold) for document in documents]
        self._counts = np.array([hits, predicted, gold], dtype=np.float64).T
        self._gaps = np.zeros((len(documents), BINS))
        for row, document in enumerate(documents):
            for skill_id, confidence in document.predicted.items():
                self._gaps[row, min(int(confidence * BINS), BINS - 1)] += confidence - (
                    skill_id in document.gold
                )

    def measure(self, weights: Floats) -> dict[str, Floats]:
        """Each measure but time for each row of ``weights`` ``(draws, documents)``; NaN: not measurable."""
        with np.errstate(divide="ignore", invalid="ignore"):
            means = (weights @ self._averaged) / (weights @ self._measured)
            measured = {name: means[:, column] for column, name in enumerate(AVERAGES)}
            hits, predicted, gold = (weights @ self._counts).T
            micro = (
                _divide(hits, predicted, gold),
                _divide(hits, gold, predicted),
                _divide(2 * hits, predicted + gold, predicted + gold),
            )
            measured |= dict(zip(MICRO, micro, strict=True))
            measured["ece"] = np.abs(weights @ self._gaps).sum(axis=1) / predicted
        return measured


def _divide(part: Floats, whole: Floats, other: Floats) -> Floats:
    """``part / whole``; where there is no whole, 1 if there is nothing on the other side either, else 0."""
    return np.where(whole > 0, part / whole, (other == 0).astype(np.float64))


def bootstrap(
    champion: Sequence[DocumentScore],
    contender: Sequence[DocumentScore],
    *,
    resamples: int,
    seed: int,
) -> dict[str, Interval]:
    """The interval of each measure's difference; a measure without a single measurable draw is left out.

    Args:
        champion: scores by document.
        contender: scores of the same documents in the same order.
        resamples: how many draws.
        seed: of the draws; the same seed and documents give the same intervals.
    """
    if not champion:
        return {}
    tables = CountTable(champion), CountTable(contender)
    drawn: dict[str, list[Floats]] = {}
    for weights in _draw(len(champion), resamples, np.random.default_rng(seed)):
        before, after = (table.measure(weights) for table in tables)
        for name in before:
            drawn.setdefault(name, []).append(after[name] - before[name])
    differences = {name: np.concatenate(parts) for name, parts in drawn.items()}
    differences |= _draw_latencies(champion, contender, resamples, seed)
    made = {name: _summarise(name, values) for name, values in differences.items()}
    return {name: interval for name, interval in made.items() if interval}


def _draw(n: int, resamples: int, chance: np.random.Generator) -> Iterator[Floats]:
    """How often each of ``n`` documents is drawn, some draws at a time."""
    step = max(1, _AT_A_TIME // n)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = chance.integers(0, n, size=(rows, n)) + np.arange(rows)[:, None] * n
        yield np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def _draw_latencies(
    champion: Sequence[DocumentScore], contender: Sequence[DocumentScore], resamples: int, seed: int
) -> dict[str, Floats]:
    pairs = [
        (one.seconds, other.seconds)
        for one, other in zip(champion, contender, strict=True)
        if one.seconds is not None and other.seconds is not None
    ]
    if not pairs:
        return {}
    seconds = np.array(pairs, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(pairs), size=(resamples, len(pairs)))
    before, after = (
        np.percentile(seconds[:, side][drawn], list(LATENCIES.values()), axis=1) for side in (0, 1)
    )
    return {name: (after[row] - before[row]) * 1000 for row, name in enumerate(LATENCIES)}


def _summarise(name: str, differences: Floats) -> Interval | None:
    measured = differences[np.isfinite(differences)]
    if not measured.size:
        return None
    low, high = np.percentile(measured, [2.5, 97.5])
    gains = -measured if name in LOWER_IS_BETTER else measured
    return Interval(_clean(low), _clean(high), float(np.mean(gains > _NOISE)))


def _clean(value: float) -> float:
    return 0.0 if abs(value) < _NOISE else float(value)
