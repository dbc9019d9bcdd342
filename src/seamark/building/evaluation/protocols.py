"""What the evaluation asks of the things that it measures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from seamark.extraction.result import Prediction, Span
from seamark.taxonomy.skill import Skill

Ranking = Sequence[tuple[str, float]]
"""Skill ids with their scores, best first."""


class SkillRanker(Protocol):
    """Ranks the skills of its taxonomy for a text or a phrase."""

    @property
    def taxonomy(self) -> Iterable[Skill]:
        """The skills that may be ranked."""

    def rank_many(self, texts: Sequence[str], *, depth: int = 100) -> Sequence[Ranking]:
        """The ``depth`` best skills for each text, by the whole pipeline."""

    def rank_phrases(
        self, phrases: Sequence[str], *, contexts: Sequence[str] | None = None, depth: int = 100
    ) -> Sequence[Ranking]:
        """The ``depth`` best skills for each phrase, which stands in the sentence ``contexts[i]``."""


class SkillExtractor(Protocol):
    """Predicts the skills of whole documents."""

    @property
    def taxonomy(self) -> Iterable[Skill]:
        """The skills that may be predicted."""

    def extract_many(self, texts: Sequence[str]) -> Sequence[Prediction]:
        """A prediction for each text."""


class SpanFinder(Protocol):
    """Finds the spans that name skills and knowledge."""

    def extract_spans(self, sentences: Sequence[str]) -> Sequence[Sequence[Span]]:
        """The spans of each sentence, with offsets within that sentence."""


class ProgressListener(Protocol):
    """Hears how far an evaluation is."""

    def __call__(self, done: int, total: int) -> None:
        """``done`` of ``total`` items are finished."""


def ignore_progress(done: int, total: int) -> None:
    """A listener for when nobody watches."""
