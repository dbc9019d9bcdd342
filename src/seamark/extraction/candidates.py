"""Candidate skills of sentences, with the features by which the ranker judges them.

A candidate comes from a phrase (its nearest skills), from the sentence as a whole (the nearest titles),
or from the whole text, which counts as one more sentence, without phrases.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from seamark.extraction.encoder import Vectors
from seamark.extraction.matching import Matcher, PhraseMatches, find_highest
from seamark.extraction.ranking import FEATURES, Floats, Indices, Pairs, join_pairs
from seamark.extraction.result import Span

_COLUMN = {name: i for i, name in enumerate(FEATURES)}


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase of a sentence.

    Attributes:
        span: its place, offsets within the sentence.
        named: the skill that has this very name, -1 where none has.
        found: whether the span extractor found it; otherwise it is here for its name alone.
    """

    span: Span
    named: int = -1
    found: bool = True


@dataclass(slots=True)
class Unit:
    """A sentence, or a whole text, whose candidates are wanted.

    Attributes:
        doc: number of its document.
        text: the sentence; empty for a whole text.
        phrases: in the order of the sentence.
    """

    doc: int
    text: str
    phrases: list[Phrase] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Candidates:
    """What was found for a list of units.

    Attributes:
        pairs: one for each (unit, skill); ``pairs.sentences`` numbers units, ``pairs.phrases`` numbers phrases over
            all units in order.
        rows: one for each (phrase, skill) of which the phrase is the nearest: ``(n, 3)`` of unit, skill, phrase.
    """

    pairs: Pairs
    rows: Indices


def collect_candidates(
    units: Sequence[Unit],
    vectors: Vectors,
    full_texts: Vectors,
    matcher: Matcher,
    knowledge: Floats,
    *,
    sentence_depth: int,
    phrase_depth: int | None = None,
) -> Candidates:
    """The candidates of ``units`` with their features.

    Args:
        units: the sentences and whole texts.
        vectors: of the units ``(n_units, dimensions)``.
        full_texts: of the units' documents ``(n_units, dimensions)``.
        matcher: over the taxonomy's vectors.
        knowledge: for each skill 1 knowledge, 0 not, 0.5 unknown.
        sentence_depth: how many candidates a unit gives by its own similarity.
        phrase_depth: how many a phrase gives; default: the matcher's own.
    """
    by_title = matcher.match_titles(vectors)
    phrases = [phrase for unit in units for phrase in unit.phrases]
    texts = [phrase.span.text for phrase in phrases if phrase.found]
    found = iter(matcher.match(texts, depth=phrase_depth))
    # a name that no span holds calls for its skill or for none: no vector is needed
    matches = [next(found) if phrase.found else _match_name(phrase.named) for phrase in phrases]
    blocks = [_make_unit_rows(by_title, sentence_depth)]
    blocks += list(_make_phrase_rows(units, matches, knowledge))
    sentences, skills, numbers, features = (np.concatenate(part) for part in zip(*blocks, strict=True))
    _add_sentence_features(features, sentences, skills, units, by_title)
    titles = matcher.titles[skills]
    features[:, _COLUMN["full text similarity"]] = np.einsum("ij,ij->i", full_texts[sentences], titles)
    nearest = features[:, _COLUMN["phrase nearest"]] > 0
    rows = np.stack([sentences[nearest], skills[nearest], numbers[nearest]], axis=1)
    return Candidates(join_pairs(sentences, skills, numbers, features), rows)


_Rows = tuple[Indices, Indices, Indices, Floats]


def _make_unit_rows(by_title: Vectors, depth: int) -> _Rows:
    n_units, n_skills = by_title.shape
    depth = min(depth, n_skills)
    nearest = find_highest(by_title, depth)
    sentences = np.repeat(np.arange(n_units), depth)
    features = np.zeros((len(sentences), len(FEATURES)), dtype=np.float32)
    features[:, _COLUMN["type agrees"]] = 0.5
    return sentences, nearest.ravel(), np.full(len(sentences), -1), features


def _make_phrase_rows(
    units: Sequence[Unit], matches: Sequence[PhraseMatches], knowledge: Floats
) -> Iterator[_Rows]:
    number = 0
    for sentence, unit in enumerate(units):
        for phrase in unit.phrases:
            found = matches[number]
            if phrase.named >= 0 and phrase.named not in found.skills:
                found = _add_named(found, phrase.named)
            features = _describe_phrase(phrase, found, knowledge)
            n = len(found.skills)
            yield np.full(n, sentence), found.skills, np.full(n, number), features
            number += 1


def _match_name(skill: int) -> PhraseMatches:
    one = np.ones(1, dtype=np.float32)
    return PhraseMatches(np.array([skill]), one, one, one)


def _add_named(found: PhraseMatches, skill: int) -> PhraseMatches:
    """``found`` with a skill that the phrase names to the letter, though its vectors lie elsewhere."""
    return PhraseMatches(
        np.append(found.skills, skill),
        np.append(found.similarities, found.similarities[-1]),
        np.append(found.overlaps, np.float32(1.0)),
        np.append(found.exact, np.float32(1.0)),
    )


def _describe_phrase(phrase: Phrase, found: PhraseMatches, knowledge: Floats) -> Floats:
    features = np.zeros((len(found.skills), len(FEATURES)), dtype=np.float32)
    is_knowledge = float(phrase.span.label == "knowledge")
    own = knowledge[found.skills]
    columns = {
        "phrase similarity": found.similarities,
        "phrase lag": found.similarities - found.similarities[0],
        "has phrase": 1.0,
        "span score": phrase.span.score,
        "span is knowledge": is_knowledge,
        "type agrees": np.where(own == 0.5, 1.0, 1.0 - np.abs(own - is_knowledge)),
        "word overlap": found.overlaps,
        "exact name": found.exact,
        "name in sentence": found.skills == phrase.named,
        "phrase words": math.log1p(max(len(phrase.span.text.split()), 1)),
    }
    for name, value in columns.items():
        features[:, _COLUMN[name]] = value
    features[0, _COLUMN["phrase nearest"]] = 1.0
    return features


def _add_sentence_features(
    features: Floats, sentences: Indices, skills: Indices, units: Sequence[Unit], by_title: Vectors
) -> None:
    similarity = by_title[sentences, skills]
    features[:, _COLUMN["sentence similarity"]] = similarity
    features[:, _COLUMN["sentence lag"]] = similarity - by_title.max(axis=1)[sentences]
    words = np.array([math.log1p(max(len(unit.text.split()), 1)) for unit in units], dtype=np.float32)
    features[:, _COLUMN["sentence words"]] = words[sentences]
