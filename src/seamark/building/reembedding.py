"""Vectors of a changed taxonomy: what was embedded before is kept bit by bit, the rest is embedded now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from seamark.extraction.encoder import Encoder
from seamark.extraction.matching import SkillVectors, embed_skills
from seamark.taxonomy import Skill


@dataclass(frozen=True, slots=True)
class UpdateFigures:
    """What a skills update embedded, in skills unless it says otherwise.

    Attributes:
        embedded: new ones, and those with another title or other alternative titles, their order apart.
        kept: those whose vectors were taken over.
        removed: active before, and no longer.
        names_embedded: titles and alternative titles of the embedded ones.
        seconds: that the whole update took.
    """

    embedded: int
    kept: int
    removed: int
    names_embedded: int
    seconds: float = 0.0


def update_vectors(
    skills: Sequence[Skill],
    encoder: Encoder,
    *,
    known: Sequence[Skill],
    vectors: SkillVectors,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[SkillVectors, UpdateFigures]:
    """The vectors of ``skills``, in their order, and what was done for them.

    Args:
        skills: the active skills of the new release.
        encoder: that made ``vectors``.
        known: the active skills of the release before.
        vectors: of ``known``, in its order.
        on_progress: told how many of how many names are encoded.
    """
    places = {skill.skill_id: place for place, skill in enumerate(known)}
    source = [_find_same(skill, places, known) for skill in skills]
    changed = [skill for skill, place in zip(skills, source, strict=True) if place is None]
    made = embed_skills(changed, encoder, on_progress=on_progress)
    gone = places.keys() - {skill.skill_id for skill in skills}
    figures = UpdateFigures(
        embedded=len(changed),
        kept=len(skills) - len(changed),
        removed=len(gone),
        names_embedded=sum(len({skill.title, *skill.alternative_titles}) for skill in changed),
    )
    return _join(source, vectors, made), figures


def _find_same(skill: Skill, places: dict[str, int], known: Sequence[Skill]) -> int | None:
    place = places.get(skill.skill_id)
    return place if place is not None and _get_names(known[place]) == _get_names(skill) else None


def _get_names(skill: Skill) -> tuple[str, frozenset[str]]:
    """What a skill is found by. Releases shuffle alternative titles, whose order says nothing."""
    return skill.title, frozenset(skill.alternative_titles)


def _join(source: Sequence[int | None], kept: SkillVectors, made: SkillVectors) -> SkillVectors:
    """Rows of ``kept`` where ``source`` names one of its skills, else those of the next skill of ``made``."""
    both = (*kept.names, *made.names)
    starts = np.concatenate([kept.starts, made.starts + len(kept.names)])
    ends = np.append(starts[1:], len(both))
    ends[len(kept.starts) - 1 : len(kept.starts)] = len(kept.names)
    new = iter(range(len(kept.starts), len(starts)))
    chosen = np.array([next(new) if place is None else place for place in source], dtype=np.int64)
    lengths = ends[chosen] - starts[chosen]
    first = np.cumsum(lengths) - lengths
    rows = np.repeat(starts[chosen] - first, lengths) + np.arange(lengths.sum())
    vectors = np.concatenate([kept.vectors, made.vectors])[rows]
    return SkillVectors(vectors, first, tuple(both[row] for row in rows.tolist()))
