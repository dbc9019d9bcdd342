"""Vectors of a changed taxonomy: for any change the same as embedding all of it, and only the changed embedded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seamark.building.reembedding import update_vectors
from seamark.extraction.matching import embed_skills
from seamark.taxonomy import Skill, Taxonomy

NAMES = st.sampled_from([f"name {i}" for i in range(12)])


class CountingEncoder:
    """A vector for each name that depends on nothing else; remembers what it was asked."""

    dimensions = 4

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts):
        self.asked += texts
        rows = [np.random.default_rng(int(text.split()[1])).normal(size=4) for text in texts]
        vectors = np.array(rows, dtype=np.float32).reshape(-1, 4)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@st.composite
def releases(draw):
    ids = draw(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8))
    return [Skill(i, draw(NAMES), alternative_titles=tuple(draw(st.lists(NAMES, max_size=3)))) for i in ids]


@given(known=releases(), skills=releases())
def test_an_update_is_as_good_as_embedding_everything(known, skills):
    encoder = CountingEncoder()
    before = embed_skills(known, encoder)
    encoder.asked.clear()
    found, figures = update_vectors(skills, encoder, known=known, vectors=before)
    asked = set(encoder.asked)
    names = {skill.skill_id: (skill.title, frozenset(skill.alternative_titles)) for skill in known}
    changed = [s for s in skills if names.get(s.skill_id) != (s.title, frozenset(s.alternative_titles))]
    assert asked == {name for skill in changed for name in (skill.title, *skill.alternative_titles)}
    assert figures.embedded == len(changed)
    assert figures.embedded + figures.kept == len(skills)
    assert figures.removed == len(names.keys() - {skill.skill_id for skill in skills})

    assert len(found.starts) == len(skills)
    assert len(found.vectors) == len(found.names)
    ends = [*found.starts.tolist(), len(found.names)][1:]
    for skill, start, end in zip(skills, found.starts.tolist(), ends, strict=True):
        own = found.names[start:end]
        assert own[0] == skill.title
        assert set(own) <= {skill.title, *skill.alternative_titles}
        np.testing.assert_array_equal(found.vectors[start:end], encoder.encode(own))


@given(skills=releases())
def test_an_order_of_alternative_titles_is_no_change(skills):
    encoder = CountingEncoder()
    before = embed_skills(skills, encoder)
    turned = [
        Skill(s.skill_id, s.title, alternative_titles=s.alternative_titles[::-1]) for s in reversed(skills)
    ]
    found, figures = update_vectors(turned, encoder, known=skills, vectors=before)
    assert (figures.embedded, figures.kept, figures.names_embedded) == (0, len(skills), 0)
    assert sorted(found.names) == sorted(before.names)


@pytest.mark.data
def test_from_esco_1_1_0_to_1_1_1_only_a_handful_of_skills_is_embedded(data_dir):
    class Constant(CountingEncoder):
        def encode(self, texts):
            self.asked += texts
            return np.ones((len(texts), 4), dtype=np.float32) / 2

    known, skills = (Taxonomy.load(data_dir / "esco" / name).active for name in ("v1.1.0", "v1.1.1"))
    encoder = Constant()
    before = embed_skills(known, encoder)
    encoder.asked.clear()
    _, figures = update_vectors(skills, encoder, known=known, vectors=before)
    assert (figures.embedded, figures.kept, figures.removed) == (9, 13_887, 0)
    assert figures.names_embedded == len(encoder.asked) == 62
