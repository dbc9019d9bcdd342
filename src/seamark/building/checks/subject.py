"""What the checks look at, and how two predictions are compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from seamark.building.data.documents import LabelledDocument
from seamark.extraction.bundle import RecordedPrediction
from seamark.extraction.extractor import Extractor
from seamark.extraction.result import Prediction
from seamark.settings import ChecksSettings
from seamark.taxonomy import Skill, Taxonomy, normalise_title

CONFIDENCE_TOLERANCE = 0.001
"""How far a confidence may move with batch shape and precision."""

_SHOWN = 60


@dataclass(frozen=True)
class Subject:
    """A candidate with all that its checks need.

    Attributes:
        extractor: the candidate, opened.
        release: the taxonomy release that it must keep to.
        previous: the release before; None: every skill counts as new.
        samples: texts to try it on.
        documents: labelled documents of the workspace; may be empty.
        recorded: what the bundle predicted when it was written; may be empty.
        settings: the budgets and shares.
        opened_mb: memory in use before the candidate was opened; 0 where it was open already.
    """

    extractor: Extractor
    release: Taxonomy
    previous: Taxonomy | None
    samples: tuple[str, ...]
    documents: tuple[LabelledDocument, ...]
    recorded: tuple[RecordedPrediction, ...]
    settings: ChecksSettings
    opened_mb: float = 0.0

    @cached_property
    def predicted(self) -> list[dict[str, float]]:
        """What :meth:`predict` says of the samples, asked once."""
        return self.predict(self.samples)

    def predict(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """The predicted skills of each text with their confidences."""
        return [get_confidences(prediction) for prediction in self.extractor.extract_many(texts)]


def get_confidences(prediction: Prediction) -> dict[str, float]:
    """Predicted id → confidence."""
    return {skill.skill_id: skill.confidence for skill in prediction.skills}


def find_differences(
    one: Mapping[str, float], other: Mapping[str, float], *, threshold: float, same_confidence: bool = True
) -> list[str]:
    """Ids on which two predictions differ.

    A skill that only one of them has differs, unless its confidence is within
    :data:`CONFIDENCE_TOLERANCE` of the threshold, where the last digits decide.

    Args:
        one: id → confidence.
        other: likewise.
        threshold: below which nothing is predicted.
        same_confidence: whether confidences that are further apart than the tolerance differ too.
    """
    slack = CONFIDENCE_TOLERANCE + 1e-9
    differing = []
    for skill_id in sorted({*one, *other}):
        first, second = one.get(skill_id), other.get(skill_id)
        if first is None or second is None:
            differs = max(first or 0.0, second or 0.0) > threshold + slack
        else:
            differs = same_confidence and abs(first - second) > slack
        if differs:
            differing.append(skill_id)
    return differing


def index_titles(taxonomy: Taxonomy) -> dict[str, set[str]]:
    """Normalised title → ids of the active skills of that title."""
    index: dict[str, set[str]] = {}
    for skill in taxonomy.active:
        index.setdefault(normalise_title(skill.title), set()).add(skill.skill_id)
    return index


def spread(skills: Collection[Skill], size: int) -> list[Skill]:
    """At most ``size`` of the skills, evenly spread in the order of their ids: the same ones every time."""
    ordered = sorted(skills, key=lambda skill: skill.skill_id)
    if len(ordered) <= size:
        return ordered
    return [ordered[i * len(ordered) // size] for i in range(size)]


def shorten(text: str) -> str:
    """The text's beginning on one line."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1].rstrip()}…"


def name_skills(taxonomy: Taxonomy, ids: Collection[str]) -> str:
    """The titles of the skills, at most three, for an example."""
    titles = [skill.title if (skill := taxonomy.get(skill_id)) else skill_id for skill_id in sorted(ids)]
    return ", ".join(titles[:3]) + (f" and {len(titles) - 3} more" if len(titles) > 3 else "")
