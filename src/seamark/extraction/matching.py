"""Phrases and sentences against the vectors of a taxonomy: exact cosine, as matrix products.

A skill has a vector for its title and one for each alternative title that says something new: one whose
cosine to a vector already kept is above :data:`REDUNDANT` would never change a match by more than a
hair, and is left out. A phrase's similarity to a skill is the highest over the skill's vectors.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seamark.extraction.encoder import Encoder, Vectors
from seamark.extraction.names import Key, make_key, measure_overlap
from seamark.taxonomy.skill import Skill

Indices = npt.NDArray[np.int64]

REDUNDANT = 0.9
"""Cosine above which an alternative title adds nothing to the vectors that its skill has."""

_BLOCK = 64
"""Phrases a matrix product: bounds the memory of their similarities to all vectors."""


@dataclass(frozen=True, slots=True)
class SkillVectors:
    """Vectors of a taxonomy's active skills.

    Attributes:
        vectors: unit vectors ``(n_rows, dimensions)``; the rows of a skill follow one another, its title first.
        starts: the first row of each skill ``(n_skills,)``.
        names: the name behind each row.
    """

    vectors: Vectors
    starts: Indices
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PhraseMatches:
    """The skills nearest to a phrase, nearest first; each array ``(k,)``.

    Attributes:
        skills: numbers of skills.
        similarities: cosines.
        overlaps: words shared by the phrase and the nearest name of the skill, 0-1.
        exact: 1 where the phrase is that name to the letter, else 0.
    """

    skills: Indices
    similarities: Vectors
    overlaps: Vectors
    exact: Vectors


def embed_skills(
    skills: Sequence[Skill], encoder: Encoder, *, on_progress: Callable[[int, int], None] | None = None
) -> SkillVectors:
    """The vectors of ``skills``, in their order.

    Args:
        skills: the active skills.
        encoder: makes the vectors.
        on_progress: told how many of how many names are encoded.
    """
    names = [list(dict.fromkeys((skill.title, *skill.alternative_titles))) for skill in skills]
    flat = [name for own in names for name in own]
    vectors = _encode_all(flat, encoder, on_progress)
    kept, starts, first = [], [], 0
    for own in names:
        starts.append(len(kept))
        kept += [first + row for row in _choose_rows(vectors[first : first + len(own)])]
        first += len(own)
    rows = np.array(kept, dtype=np.int64)
    return SkillVectors(vectors[rows], np.array(starts, dtype=np.int64), tuple(flat[row] for row in kept))


def _encode_all(
    names: Sequence[str], encoder: Encoder, on_progress: Callable[[int, int], None] | None
) -> Vectors:
    parts = []
    for start in range(0, len(names), 4096):
        parts.append(encoder.encode(names[start : start + 4096]))
        if on_progress:
            on_progress(min(start + 4096, len(names)), len(names))
    return np.concatenate(parts) if parts else np.zeros((0, encoder.dimensions), dtype=np.float32)


def _choose_rows(vectors: Vectors) -> list[int]:
    if len(vectors) == 1:
        return [0]
    cosines = vectors @ vectors.T
    kept = [0]
    for row in range(1, len(vectors)):
        if cosines[row, kept].max() < REDUNDANT:
            kept.append(row)
    return kept


class Matcher:
    """Finds the nearest skills.

    Args:
        vectors: of the taxonomy's active skills.
        encoder: for phrases.
        depth: how many skills are kept for each phrase.
        cache_size: how many phrases' matches are remembered.
    """

    def __init__(
        self, vectors: SkillVectors, encoder: Encoder, *, depth: int = 16, cache_size: int = 50_000
    ) -> None:
        self.vectors = vectors
        self.titles: Vectors = np.ascontiguousarray(vectors.vectors[vectors.starts])
        self.depth = min(depth, len(vectors.starts))
        self._encoder = encoder
        self._cache: OrderedDict[str, PhraseMatches] = OrderedDict()
        self._cache_size = cache_size
        self._lock = threading.Lock()
        self._keys: dict[int, Key] = {}

    def match(self, phrases: Sequence[str], *, depth: int | None = None) -> list[PhraseMatches]:
        """The nearest skills of each phrase; each distinct phrase is worked out once.

        Args:
            phrases: what to match.
            depth: how many skills; another number than the matcher's own goes past its cache.
        """
        distinct = list(dict.fromkeys(phrases))
        if depth is not None and depth != self.depth:
            deep = dict(zip(distinct, self._find_all_nearest(distinct, depth), strict=True))
            return [deep[phrase] for phrase in phrases]
        with self._lock:
            known = {phrase: self._cache[phrase] for phrase in distinct if phrase in self._cache}
            for phrase in known:
                self._cache.move_to_end(phrase)
        new = [phrase for phrase in distinct if phrase not in known]
        known.update(zip(new, self._find_all_nearest(new, self.depth), strict=True))
        with self._lock:
            self._cache.update((phrase, known[phrase]) for phrase in new)
            while len(self._cache) > self._cache_size:
                self._cache.popitem(last=False)
        return [known[phrase] for phrase in phrases]

    def match_titles(self, texts: Vectors) -> Vectors:
        """Cosines ``(n_texts, n_skills)`` of texts' vectors to the titles."""
        return np.asarray(texts @ self.titles.T, dtype=np.float32)

    def _find_all_nearest(self, phrases: Sequence[str], depth: int) -> list[PhraseMatches]:
        depth = min(depth, len(self.vectors.starts))
        blocks = (phrases[start : start + _BLOCK] for start in range(0, len(phrases), _BLOCK))
        return [found for block in blocks for found in self._find_nearest(block, depth)]

    def _find_nearest(self, phrases: Sequence[str], depth: int) -> list[PhraseMatches]:
        by_row = self._encoder.encode(phrases) @ self.vectors.vectors.T
        by_skill = np.maximum.reduceat(by_row, self.vectors.starts, axis=1)
        nearest = np.argpartition(-by_skill, depth - 1, axis=1)[:, :depth]
        return [
            self._describe(phrase, rows, by_skill[i], np.sort(nearest[i]))
            for i, (phrase, rows) in enumerate(zip(phrases, by_row, strict=True))
        ]

    def _describe(self, phrase: str, by_row: Vectors, by_skill: Vectors, skills: Indices) -> PhraseMatches:
        # sorted by number before, so that equal similarities keep the taxonomy's order
        skills = skills[np.argsort(-by_skill[skills], kind="stable")]
        key = make_key(phrase)
        names = [self._get_key(self._find_row(by_row, skill)) for skill in skills.tolist()]
        return PhraseMatches(
            skills,
            by_skill[skills],
            np.array([measure_overlap(key, name) for name in names], dtype=np.float32),
            np.array([key == name for name in names], dtype=np.float32),
        )

    def _find_row(self, by_row: Vectors, skill: int) -> int:
        starts = self.vectors.starts
        start = int(starts[skill])
        end = int(starts[skill + 1]) if skill + 1 < len(starts) else len(by_row)
        return start + int(by_row[start:end].argmax())

    def _get_key(self, row: int) -> Key:
        if row not in self._keys:
            self._keys[row] = make_key(self.vectors.names[row])
        return self._keys[row]
