"""Candidates of sentences, from phrases, sentences and whole texts."""

from __future__ import annotations

import numpy as np
import pytest
from vector_fakes import WordEncoder

from seamark.extraction.candidates import Phrase, Unit, collect_candidates
from seamark.extraction.matching import Matcher, embed_skills
from seamark.extraction.ranking import FEATURES
from seamark.extraction.result import Span
from seamark.taxonomy import Skill

SKILLS = [
    Skill(str(i), title) for i, title in enumerate(("build data", "care patients", "sql", "teach python"))
]
KNOWLEDGE = np.array([0, 0, 1, 0], dtype=np.float32)


@pytest.fixture
def collect():
    encoder = WordEncoder()
    matcher = Matcher(embed_skills(SKILLS, encoder), encoder, depth=2)

    def run(units, **options):
        vectors = encoder.encode([unit.text for unit in units])
        options = {"sentence_depth": 1} | options
        return collect_candidates(units, vectors, vectors, matcher, KNOWLEDGE, **options)

    return run


def make_unit(text: str, *phrases: str, label="skill", named=-1) -> Unit:
    spans = (Span(text.index(p), text.index(p) + len(p), p, label, 0.8) for p in phrases)
    return Unit(0, text, [Phrase(span, named) for span in spans])


def read(candidates, skill: int, feature: str) -> float:
    (pair,) = np.flatnonzero(candidates.pairs.skills == skill)
    return float(candidates.pairs.features[pair, FEATURES.index(feature)])


def test_a_sentence_without_a_phrase_gives_its_nearest_titles(collect):
    found = collect([make_unit("teach python")], sentence_depth=2).pairs
    assert 3 in found.skills
    assert found.phrases.tolist() == [-1, -1]
    assert not found.features[:, FEATURES.index("has phrase")].any()


def test_a_skill_that_sentence_and_phrase_both_give_is_one_candidate(collect):
    found = collect([make_unit("teach python", "teach python")])
    assert found.pairs.skills.tolist().count(3) == 1
    assert read(found, 3, "phrase similarity") == pytest.approx(1.0, abs=1e-5)
    assert read(found, 3, "sentence similarity") == pytest.approx(1.0, abs=1e-5)
    assert read(found, 3, "exact name") == 1.0
    assert read(found, 3, "word overlap") == 1.0
    assert read(found, 3, "span score") == pytest.approx(0.8)


def test_the_nearest_skill_of_each_phrase_is_evidence(collect):
    found = collect([make_unit("sql and teach python", "sql", "teach python")])
    assert {tuple(row) for row in found.rows.tolist()} == {(0, 2, 0), (0, 3, 1)}


def test_phrases_are_numbered_over_all_sentences(collect):
    found = collect(
        [make_unit("sql", "sql"), make_unit("no phrase"), make_unit("care patients", "care patients")]
    )
    assert {tuple(row) for row in found.rows.tolist()} == {(0, 2, 0), (2, 1, 1)}


def test_a_label_agrees_with_the_type_of_the_skill(collect):
    assert read(collect([make_unit("sql", "sql", label="knowledge")]), 2, "type agrees") == 1.0
    assert read(collect([make_unit("sql", "sql", label="skill")]), 2, "type agrees") == 0.0


def test_a_skill_named_to_the_letter_is_a_candidate_however_far_its_vectors_lie(collect):
    far = collect([make_unit("sql", "sql")], phrase_depth=1)
    assert 0 not in far.pairs.skills
    named = collect([make_unit("sql", "sql", named=0)], phrase_depth=1)
    assert read(named, 0, "name in sentence") == 1.0
    assert read(named, 2, "name in sentence") == 0.0


def test_a_phrase_that_comes_twice_counts_twice(collect):
    unit = Unit(
        0, "sql sql", [Phrase(Span(0, 3, "sql", "skill", 0.5)), Phrase(Span(4, 7, "sql", "skill", 0.9))]
    )
    assert read(collect([unit]), 2, "occurrence") == pytest.approx(np.log1p(2))


def test_a_depth_beyond_the_taxonomy_gives_every_skill_once(collect):
    found = collect([make_unit("sql", "sql")], sentence_depth=99, phrase_depth=99).pairs
    assert found.skills.tolist() == [0, 1, 2, 3]


def test_features_are_finite_and_pairs_ordered(collect):
    found = collect(
        [make_unit("sql and java", "sql"), make_unit(""), make_unit("care")], sentence_depth=3
    ).pairs
    assert np.isfinite(found.features).all()
    assert (np.diff(found.sentences) >= 0).all()
