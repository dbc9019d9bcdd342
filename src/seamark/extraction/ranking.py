"""How likely a text calls for a skill: features of a (sentence, skill) pair to one calibrated confidence.

A skill's confidence in a document is the highest over the document's sentences: what one sentence asks
for is asked for, however many others do not mention it.

The ranker is a small network (one hidden layer) whose last scores are calibrated by Platt scaling (Platt 1999);
both are fitted by :mod:`seamark.building.ranker` and shipped as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seamark.errors import WeightsError

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

FEATURES = (
    "sentence similarity",  # cosine of the sentence to the title
    "sentence lag",  # how far behind the sentence's nearest title
    "phrase similarity",  # cosine of the best phrase to the skill; 0 without a phrase
    "phrase lag",  # how far behind the phrase's nearest skill
    "phrase nearest",  # 1 where the skill is the nearest of some phrase
    "has phrase",
    "span score",  # the extractor's confidence in the best phrase
    "span is knowledge",
    "type agrees",  # label and skill type: 1 agree or the taxonomy has none, 0 disagree, 0.5 no phrase
    "word overlap",  # of the phrase and the skill's nearest name
    "exact name",
    "name in sentence",  # a name of the skill stands there to the letter
    "full text similarity",  # cosine of the whole text to the title
    "occurrence",  # log of 1 + the sentence's phrases that call for it
    "phrase words",  # log of 1 + words
    "sentence words",  # log of 1 + words
)
"""What the ranker sees, in the order of its columns."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Candidate skills of sentences; every array has one entry a pair.

    Attributes:
        sentences: numbers of sentences, ascending.
        skills: numbers of skills, each once a sentence.
        phrases: number of the phrase that speaks most for it, -1 without one.
        features: ``(n_pairs, len(FEATURES))``.
    """

    sentences: Indices
    skills: Indices
    phrases: Indices
    features: Floats


@dataclass(frozen=True, slots=True)
class Ranker:
    """Features to confidences.

    Attributes:
        mean, deviation: of each feature where it was fitted ``(n_features,)``.
        hidden_weight, hidden_bias: ``(n_features, n_hidden)`` and ``(n_hidden,)``.
        out_weight, out_bias: ``(n_hidden,)`` and a number.
        slope, shift: of the Platt scaling.
    """

    mean: Floats
    deviation: Floats
    hidden_weight: Floats
    hidden_bias: Floats
    out_weight: Floats
    out_bias: float
    slope: float = 1.0
    shift: float = 0.0

    def score(self, features: Floats) -> Floats:
        """Scores before calibration ``(n_pairs,)``, log odds."""
        x = (features - self.mean) / self.deviation
        hidden = np.maximum(x @ self.hidden_weight + self.hidden_bias, 0.0)
        return np.asarray(hidden @ self.out_weight + self.out_bias, dtype=np.float32)

    def rank(self, features: Floats) -> Floats:
        """Calibrated confidences ``(n_pairs,)``, 0-1."""
        odds = self.slope * self.score(features) + self.shift
        return np.asarray(1.0 / (1.0 + np.exp(-odds.clip(-30, 30))), dtype=np.float32)

    def to_dict(self) -> dict[str, Any]:
        """The ranker as its JSON file holds it."""
        arrays = ("mean", "deviation", "hidden_weight", "hidden_bias", "out_weight")
        numbers = ("out_bias", "slope", "shift")
        return {
            "features": list(FEATURES),
            **{name: np.asarray(getattr(self, name)).round(6).tolist() for name in arrays},
            **{name: float(getattr(self, name)) for name in numbers},
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Ranker:
        """The ranker that a JSON file holds.

        Raises:
            WeightsError: it was fitted for other features.
        """
        if tuple(value.get("features", ())) != FEATURES:
            raise WeightsError("the ranker was fitted for other features", expected=", ".join(FEATURES))
        arrays = ("mean", "deviation", "hidden_weight", "hidden_bias", "out_weight")
        return cls(
            **{name: np.array(value[name], dtype=np.float32) for name in arrays},
            out_bias=float(value["out_bias"]),
            slope=float(value["slope"]),
            shift=float(value["shift"]),
        )

    @classmethod
    def read(cls, path: Path) -> Ranker:
        """The ranker in a JSON file.

        Raises:
            WeightsError: the file is missing, damaged, or of other features.
        """
        try:
            return cls.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise WeightsError(f"the ranker {path} can't be read ({error})") from error


def join_pairs(sentences: Indices, skills: Indices, phrases: Indices, features: Floats) -> Pairs:
    """One pair for each (sentence, skill), from one row for each (phrase, skill).

    The row with the highest phrase similarity stands for the pair; ``phrase nearest``, ``exact name`` and ``name in
    sentence`` hold where they hold for any of its rows; ``occurrence`` counts the rows that are a phrase's
    nearest, at least 1.
    """
    order = np.lexsort((-features[:, 2], skills, sentences))
    sentences, skills, phrases, features = sentences[order], skills[order], phrases[order], features[order]
    opens = np.ones(len(order), dtype=bool)
    opens[1:] = (sentences[1:] != sentences[:-1]) | (skills[1:] != skills[:-1])
    starts = np.flatnonzero(opens)
    best = features[starts].copy()
    for column in ("phrase nearest", "exact name", "name in sentence"):
        i = FEATURES.index(column)
        best[:, i] = np.maximum.reduceat(features[:, i], starts) if len(starts) else 0.0
    if len(starts):
        nearest = np.add.reduceat(features[:, FEATURES.index("phrase nearest")], starts)
        best[:, FEATURES.index("occurrence")] = np.log1p(np.maximum(nearest, 1.0))
    return Pairs(sentences[starts], skills[starts], phrases[starts], best)


def order_skills(confidences: Mapping[int, float], skill_ids: Sequence[str]) -> list[int]:
    """Numbers of skills, most confident first; equal confidences (to 4 decimals) by skill_id."""
    return sorted(confidences, key=lambda skill: (-round(confidences[skill], 4), skill_ids[skill]))
