"""Phrases and sentences against the vectors of a taxonomy: exact cosine, as matrix products.

A skill has a vector for its title and one for each alternative title that says something new: one whose
cosine to a vector already kept is above :data:`REDUNDANT` would never change a match by more than a
hair, and is left out. A phrase's similarity to a skill is the highest over the skill's vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seamark.extraction.cache import BoundedCache
from seamark.extraction.encoder import Encoder, Vectors
from seamark.extraction.names import Key, make_key, measure_overlap
from seamark.taxonomy.skill import Skill

Indices = npt.NDArray[np.int64]

REDUNDANT = 0.9
"""Cosine above which an alternative title adds nothing to the vectors that its skill has."""

_ROWS_PER_SKILL = 4
"""Rows looked at for each skill wanted; skills with more near names than that are rare and cost a second look."""

_GROUP = 32
"""Columns a group in :func:`find_highest`."""

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
    kept: list[int] = []
    starts: list[int] = []
    first = 0
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
        lengths = np.diff(np.append(vectors.starts, len(vectors.vectors)))
        self._owners = np.repeat(np.arange(len(vectors.starts)), lengths)
        self._encoder = encoder
        self._cache = BoundedCache[str, PhraseMatches](cache_size)
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
        known = self._cache.recall(distinct)
        missing = [phrase for phrase in distinct if phrase not in known]
        new = dict(zip(missing, self._find_all_nearest(missing, self.depth), strict=True))
        self._cache.keep(new)
        known |= new
        return [known[phrase] for phrase in phrases]

    def match_titles(self, texts: Vectors) -> Vectors:
        """Cosines ``(n_texts, n_skills)`` of texts' vectors to the titles."""
        return np.asarray(texts @ self.titles.T, dtype=np.float32)

    def _find_all_nearest(self, phrases: Sequence[str], depth: int) -> list[PhraseMatches]:
        depth = min(depth, len(self.vectors.starts))
        # all at once: the more phrases, the less padding
        vectors = self._encoder.encode(phrases)
        blocks = (slice(start, start + _BLOCK) for start in range(0, len(phrases), _BLOCK))
        return [
            found for block in blocks for found in self._find_nearest(phrases[block], vectors[block], depth)
        ]

    def _find_nearest(self, phrases: Sequence[str], vectors: Vectors, depth: int) -> list[PhraseMatches]:
        by_row = vectors @ self.vectors.vectors.T
        nearest = find_highest(by_row, _ROWS_PER_SKILL * depth)
        return [
            self._describe(phrase, by_row[i], self._choose_skills(by_row[i], nearest[i], depth))
            for i, phrase in enumerate(phrases)
        ]

    def _choose_skills(self, by_row: Vectors, rows: Indices, depth: int) -> dict[int, int]:
        """The ``depth`` nearest skills, nearest first, each with its nearest row."""
        # by number first, so that equal similarities keep the taxonomy's order
        rows = np.sort(rows)
        rows = rows[np.argsort(-by_row[rows], kind="stable")]
        chosen: dict[int, int] = {}
        for row, skill in zip(rows.tolist(), self._owners[rows].tolist(), strict=True):
            chosen.setdefault(skill, row)
            if len(chosen) == depth:
                return chosen
        # the nearest rows belong to few skills: look at all of them
        return (
            chosen if len(rows) == len(by_row) else self._choose_skills(by_row, np.arange(len(by_row)), depth)
        )

    def _describe(self, phrase: str, by_row: Vectors, chosen: dict[int, int]) -> PhraseMatches:
        key = make_key(phrase)
        names = [self._get_key(row) for row in chosen.values()]
        return PhraseMatches(
            np.array(list(chosen), dtype=np.int64),
            by_row[list(chosen.values())],
            np.array([measure_overlap(key, name) for name in names], dtype=np.float32),
            np.array([key == name for name in names], dtype=np.float32),
        )

    def _get_key(self, row: int) -> Key:
        if row not in self._keys:
            self._keys[row] = make_key(self.vectors.names[row])
        return self._keys[row]


def find_highest(scores: Vectors, k: int) -> Indices:
    """The columns of the ``k`` highest scores of each row ``(n, k)``, in no order.

    As ``np.argpartition``, which takes longer than the matrix product before it: columns are looked at in
    groups, and only in the k groups with the highest maxima, where the k highest must lie.
    """
    n, width = scores.shape
    groups = -(-width // _GROUP)
    if k * 4 >= groups:
        k = min(k, width)
        return (
            np.argpartition(-scores, k - 1, axis=1)[:, :k] if k < width else np.tile(np.arange(width), (n, 1))
        )
    whole = width // _GROUP * _GROUP
    spread = whole // _GROUP
    maxima = scores[:, :whole].reshape(n, _GROUP, spread).max(axis=1)
    best = np.argpartition(-maxima, k - 1, axis=1)[:, :k]
    columns = (best[:, None, :] + spread * np.arange(_GROUP)[None, :, None]).reshape(n, -1)
    rest = np.broadcast_to(np.arange(whole, width), (n, width - whole))
    columns = np.concatenate([columns, rest], axis=1)
    own = np.take_along_axis(scores, columns, axis=1)
    chosen = np.argpartition(-own, k - 1, axis=1)[:, :k]
    return np.take_along_axis(columns, chosen, axis=1)
