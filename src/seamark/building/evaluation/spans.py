"""How well the spans that name skills and knowledge are found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from seamark.building.evaluation.gold import SpanGold, TaggedSentence
from seamark.building.evaluation.metrics import PrecisionRecall, score_counts
from seamark.building.evaluation.protocols import ProgressListener, SpanFinder, ignore_progress
from seamark.extraction.result import Span, SpanLabel

_BATCH = 128


@dataclass(frozen=True, slots=True)
class SpanScore:
    """Strict span scores of one head.

    Attributes:
        scores: precision, recall and F1, 0-1.
        support: gold spans.
    """

    scores: PrecisionRecall
    support: int

    def to_dict(self) -> dict[str, Any]:
        """The scores as ``seamark evaluate spans --json`` prints them."""
        return {
            "precision": self.scores.precision,
            "recall": self.scores.recall,
            "f1": self.scores.f1,
            "support": self.support,
        }


@dataclass(frozen=True, slots=True)
class SpanReport:
    """Strict span scores of each head that the gold file has tags for.

    Attributes:
        n: sentences.
        heads: ``skill``, ``knowledge`` or both → its scores.
    """

    n: int
    heads: dict[SpanLabel, SpanScore]

    def to_dict(self) -> dict[str, Any]:
        """The report as ``seamark evaluate spans --json`` prints it."""
        return {"n": self.n, **{head: score.to_dict() for head, score in self.heads.items()}}


def evaluate_spans(
    span_extractor: SpanFinder, gold: SpanGold, *, on_progress: ProgressListener = ignore_progress
) -> SpanReport:
    """Strict precision, recall and F1 of the spans that ``span_extractor`` finds.

    Strict: start, end and label must all be those of a gold span. Spans are pooled over all sentences
    (micro average), as SkillSpan (Zhang et al., NAACL 2022) reports them.

    Args:
        span_extractor: what is measured.
        gold: as :func:`~seamark.building.evaluation.gold.read_span_gold` gives it.
        on_progress: hears how many sentences are done.
    """
    found = list(_find_all(span_extractor, gold.sentences, on_progress))
    heads = {head: _score_head(head, gold.sentences, found) for head in gold.heads}
    return SpanReport(len(gold.sentences), heads)


def _find_all(
    span_extractor: SpanFinder, sentences: Sequence[TaggedSentence], on_progress: ProgressListener
) -> Iterator[Sequence[Span]]:
    for start in range(0, len(sentences), _BATCH):
        texts = [sentence.text for sentence in sentences[start : start + _BATCH]]
        yield from _find(span_extractor, texts)
        on_progress(start + len(texts), len(sentences))


def _find(span_extractor: SpanFinder, texts: Sequence[str]) -> list[Sequence[Span]]:
    found: list[Sequence[Span]] = [() for _ in texts]
    # A blank text has no span; asking about one is an error elsewhere.
    asked = [index for index, text in enumerate(texts) if text.strip()]
    if asked:
        answers = span_extractor.extract_spans([texts[index] for index in asked])
        for index, spans in zip(asked, answers, strict=True):
            found[index] = spans
    return found


def _score_head(
    head: SpanLabel, sentences: Sequence[TaggedSentence], found: Sequence[Sequence[Span]]
) -> SpanScore:
    hits = predicted = support = 0
    for sentence, spans in zip(sentences, found, strict=True):
        offsets = {(span.start, span.end) for span in spans if span.label == head}
        hits += len(offsets & sentence.spans[head])
        predicted += len(offsets)
        support += len(sentence.spans[head])
    return SpanScore(score_counts(hits, predicted=predicted, gold=support), support)
