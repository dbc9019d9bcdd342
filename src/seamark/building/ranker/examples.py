"""Labelled texts for the ranker, and the features of their candidates."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from seamark.extraction.extractor import Extractor, Weighed
from seamark.extraction.ranking import FEATURES, Floats

_EXACT = FEATURES.index("exact name")
_SPAN_SCORE = FEATURES.index("span score")
_SURE = 0.5
"""Span score above which a span counts as found."""


@dataclass(frozen=True, slots=True)
class LabelledSentence:
    """A sentence and the skills that it calls for.

    Attributes:
        text: one line.
        skill_ids: empty where it calls for none.
        complete: whether the annotators named every skill; where not, a skill whose very name stands in a
            span is neither right nor wrong, and is left out.
    """

    text: str
    skill_ids: frozenset[str]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class LabelledPairs:
    """Candidates and whether each is right.

    Attributes:
        features: ``(n_pairs, n_features)``.
        right: ``(n_pairs,)``, 1.0 or 0.0.
    """

    features: Floats
    right: Floats


def make_texts(
    sentences: Sequence[LabelledSentence], *, seed: int, longest: int = 6
) -> list[list[LabelledSentence]]:
    """The sentences as texts: half of them alone, half in texts of two to ``longest`` lines.

    A posting is long and a query is short; the ranker must weigh both.
    """
    chance = random.Random(seed)
    rest = list(sentences)
    chance.shuffle(rest)
    texts = [[sentence] for sentence in rest[: len(rest) // 2]]
    rest = rest[len(rest) // 2 :]
    while rest:
        n = chance.randint(2, longest)
        texts.append(rest[:n])
        rest = rest[n:]
    return texts


def label_pairs(
    extractor: Extractor,
    texts: Sequence[Sequence[LabelledSentence]],
    *,
    sentence_depth: int = 24,
    on_progress: Callable[[int, int], None] | None = None,
) -> LabelledPairs:
    """The candidates of ``texts`` with their features; a candidate is right where its sentence calls for it.

    Args:
        extractor: finds the candidates; what its ranker says of them is not looked at.
        texts: each a list of lines.
        sentence_depth: how many candidates a sentence gives by its own similarity.
        on_progress: told how many of how many texts are done.
    """
    ids = [skill.skill_id for skill in extractor.taxonomy.active]
    joined = ["\n".join(sentence.text for sentence in text) for text in texts]
    parts, done = [], 0
    for batch, weighed in extractor.weigh(joined, sentence_depth=sentence_depth):
        units = list(_find_labels(weighed, texts[done : done + len(batch)]))
        parts.append(_label(weighed, units, ids))
        done += len(batch)
        if on_progress:
            on_progress(done, len(texts))
    features, answers = zip(*parts, strict=True)
    return LabelledPairs(np.concatenate(features), np.concatenate(answers))


def _label(weighed: Weighed, units: Sequence[LabelledSentence], ids: Sequence[str]) -> tuple[Floats, Floats]:
    pairs = weighed.candidates.pairs
    numbers = list(zip(pairs.sentences.tolist(), pairs.skills.tolist(), strict=True))
    right = np.array([ids[skill] in units[unit].skill_ids for unit, skill in numbers])
    complete = np.array([units[unit].complete for unit, _ in numbers])
    named = (pairs.features[:, _EXACT] > 0) & (pairs.features[:, _SPAN_SCORE] > _SURE)
    known = right | complete | ~named
    return pairs.features[known], right[known].astype(np.float32)


def _find_labels(weighed: Weighed, texts: Sequence[Sequence[LabelledSentence]]) -> Iterator[LabelledSentence]:
    """What each unit calls for: a sentence what its line does, a whole text what any of its lines does."""
    for place in weighed.places:
        lines = texts[place.doc]
        if place.sentence is None:
            ids = frozenset[str]().union(*(line.skill_ids for line in lines))
            yield LabelledSentence("", ids, all(line.complete for line in lines))
        else:
            yield _find_line(lines, place.sentence.start)


def _find_line(lines: Sequence[LabelledSentence], offset: int) -> LabelledSentence:
    end = 0
    for line in lines:
        end += len(line.text) + 1
        if offset < end:
            return line
    return lines[-1]
