"""The nearest skills of phrases, against what a plain search finds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from vector_fakes import WordEncoder

from seamark.extraction.matching import Matcher, embed_skills
from seamark.taxonomy import Skill

WORDS = (
    *("build", "teach", "write", "data", "design", "python", "sql"),
    *("java", "care", "patients", "repair", "engines", "plan", "budgets"),
)
PHRASES = ["build data", "teach python", "repair engines", "care", "plan the budgets", "unheard words"]


def make_skills(n: int = 60) -> list[Skill]:
    chance = np.random.default_rng(4)

    def pick() -> str:
        return " ".join(chance.choice(WORDS, size=int(chance.integers(1, 4)), replace=False))

    return [Skill(f"s{i}", f"{pick()} {i}", alternative_titles=(pick(), pick())) for i in range(n)]


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def matcher(encoder) -> Matcher:
    return Matcher(embed_skills(make_skills(), encoder), encoder, depth=5)


def search_plainly(matcher: Matcher, phrase: str) -> np.ndarray:
    """The similarity of every skill, by a loop."""
    vector = WordEncoder().encode([phrase])[0]
    starts = [*matcher.vectors.starts.tolist(), len(matcher.vectors.vectors)]
    rows = matcher.vectors.vectors
    return np.array([max(float(row @ vector) for row in rows[a:b]) for a, b in itertools.pairwise(starts)])


@pytest.mark.parametrize("depth", [1, 5, 37, 60])
def test_the_nearest_are_those_of_a_plain_search(matcher, depth):
    for phrase, found in zip(PHRASES, matcher.match(PHRASES, depth=depth), strict=True):
        every = search_plainly(matcher, phrase)
        np.testing.assert_allclose(found.similarities, np.sort(every)[::-1][:depth], atol=1e-5)
        np.testing.assert_allclose(every[found.skills], found.similarities, atol=1e-5)
        assert len(set(found.skills.tolist())) == depth


def test_a_depth_beyond_the_taxonomy_gives_every_skill_once(matcher):
    (found,) = matcher.match(["sql"], depth=1000)
    assert sorted(found.skills.tolist()) == list(range(60))


def test_a_deeper_look_begins_with_the_shallow_one(matcher):
    for shallow, deep in zip(matcher.match(PHRASES), matcher.match(PHRASES, depth=20), strict=True):
        assert deep.skills[:5].tolist() == shallow.skills.tolist()


def test_matches_come_in_the_order_of_the_phrases_repeats_included(matcher):
    found = matcher.match(["care", "sql", "care"])
    assert found[0].skills.tolist() == found[2].skills.tolist()
    assert found[1].skills.tolist() == matcher.match(["sql"])[0].skills.tolist()


def test_a_phrase_is_worked_out_once(matcher, encoder):
    encoder.encoded.clear()
    matcher.match(["care", "care", "sql"])
    matcher.match(["sql", "care", "java"])
    assert sorted(encoder.encoded) == ["care", "java", "sql"]


def test_the_cache_is_bounded(encoder):
    matcher = Matcher(embed_skills(make_skills(), encoder), encoder, depth=5, cache_size=2)
    matcher.match(PHRASES)
    assert len(matcher._cache) == 2


def test_no_phrases_give_no_matches(matcher):
    assert matcher.match([]) == []


def test_an_alternative_title_that_says_nothing_new_is_dropped(encoder):
    skills = [
        Skill("1", "build data", alternative_titles=("data build", "repair engines")),
        Skill("2", "care"),
    ]
    vectors = embed_skills(skills, encoder)
    assert vectors.names == ("build data", "repair engines", "care")
    assert vectors.starts.tolist() == [0, 2]


def test_a_skill_is_found_by_its_alternative_title(encoder):
    skills = [Skill("1", "care"), Skill("2", "build data", alternative_titles=("repair engines",))]
    matcher = Matcher(embed_skills(skills, encoder), encoder)
    (found,) = matcher.match(["Repair Engines"])
    assert found.skills.tolist() == [1, 0]
    assert found.similarities[0] == pytest.approx(1.0, abs=1e-5)
    assert found.exact.tolist() == [1.0, 0.0]
    assert found.overlaps.tolist() == [1.0, 0.0]


def test_equal_similarities_keep_the_order_of_the_taxonomy(encoder):
    skills = [Skill(str(i), "build data") for i in range(7)]
    matcher = Matcher(embed_skills(skills, encoder), encoder)
    assert matcher.match(["build data"])[0].skills.tolist() == list(range(7))


def test_titles_alone_answer_for_whole_sentences(matcher):
    own = matcher.match_titles(matcher.titles[:3])
    assert own.shape == (3, 60)
    np.testing.assert_allclose(np.diag(own[:, :3]), 1.0, atol=1e-5)


def test_progress_ends_at_the_number_of_names(encoder):
    told = []
    embed_skills(
        [Skill("1", "care", alternative_titles=("sql",))], encoder, on_progress=lambda *n: told.append(n)
    )
    assert told == [(2, 2)]


def test_no_skills_have_no_vectors(encoder):
    assert embed_skills([], encoder).vectors.shape == (0, encoder.dimensions)
