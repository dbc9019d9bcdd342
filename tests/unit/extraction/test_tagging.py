"""Decoding of tags, against the sum and the maximum over every sequence of tags."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.extraction.tagging import BEGIN, INSIDE, OUTSIDE, decode_tags, find_spans

B, I, O = BEGIN, INSIDE, OUTSIDE  # noqa: E741
FORBIDDEN = -1e4


def make_scores(seed: int, *shape: int, scale: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, scale, shape).astype(np.float32)


def score(tags, emissions, transitions, starts) -> float:
    """The score of one sequence, in double precision."""
    total = float(starts[tags[0]]) + sum(float(emissions[t, tag]) for t, tag in enumerate(tags))
    return total + sum(float(transitions[a, b]) for a, b in pairwise(tags))


def score_all(emissions, transitions, starts) -> dict[tuple[int, ...], float]:
    sequences = product(range(3), repeat=len(emissions))
    return {tags: score(tags, emissions, transitions, starts) for tags in sequences}


def sum_named(scores: dict[tuple[int, ...], float]) -> list[float]:
    """Each word's probability of any tag but O, summed over every sequence."""
    top = max(scores.values())
    weights = {tags: np.exp(value - top) for tags, value in scores.items()}
    n_words = len(next(iter(scores)))
    named = [sum(w for tags, w in weights.items() if tags[t] != O) for t in range(n_words)]
    return [value / sum(weights.values()) for value in named]


def decode_one(emissions, transitions, starts):
    tags, named = decode_tags(emissions[None], np.array([len(emissions)]), transitions, starts)
    return tags[0], named[0]


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_the_tags_score_as_much_as_the_best_of_all_sequences(seed, n_words):
    emissions, transitions = make_scores(seed, n_words, 3), make_scores(seed + 1, 3, 3)
    starts = make_scores(seed + 2, 3)
    tags, _ = decode_one(emissions, transitions, starts)
    best = max(score_all(emissions, transitions, starts).values())
    assert score(tuple(tags), emissions, transitions, starts) == pytest.approx(best, abs=1e-4)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_the_probabilities_are_the_sums_over_all_sequences(seed, n_words):
    emissions, transitions = make_scores(seed, n_words, 3), make_scores(seed + 1, 3, 3)
    starts = make_scores(seed + 2, 3)
    _, named = decode_one(emissions, transitions, starts)
    assert named.tolist() == pytest.approx(sum_named(score_all(emissions, transitions, starts)), abs=1e-4)


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 7), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_padding_and_the_texts_beside_change_nothing(seed, lengths):
    transitions, starts = make_scores(seed, 3, 3), make_scores(seed + 1, 3)
    texts = [make_scores(seed + 2 + i, length, 3) for i, length in enumerate(lengths)]
    batch = make_scores(seed + 99, len(texts), max(lengths) + 2, 3, scale=50)
    for row, text in zip(batch, texts, strict=True):
        row[: len(text)] = text
    tags, named = decode_tags(batch, np.array(lengths), transitions, starts)
    for i, text in enumerate(texts):
        own_tags, own_named = decode_one(text, transitions, starts)
        assert tags[i, : len(text)].tolist() == own_tags.tolist()
        assert named[i, : len(text)].tolist() == pytest.approx(own_named.tolist(), abs=1e-5)


def test_without_transitions_each_word_has_its_best_tag_and_softmax():
    emissions = make_scores(3, 6, 3)
    tags, named = decode_one(emissions, np.zeros((3, 3), np.float32), np.zeros(3, np.float32))
    softmax = np.exp(emissions) / np.exp(emissions).sum(-1, keepdims=True)
    assert tags.tolist() == emissions.argmax(-1).tolist()
    assert named.tolist() == pytest.approx((1 - softmax[:, O]).tolist(), abs=1e-5)


def test_a_forbidden_step_is_never_taken():
    transitions = np.zeros((3, 3), dtype=np.float32)
    transitions[O, I] = FORBIDDEN
    starts = np.array([0.0, FORBIDDEN, 0.0], dtype=np.float32)
    for seed in range(20):
        tags, named = decode_one(make_scores(seed, 8, 3, scale=6), transitions, starts)
        assert tags[0] != I
        assert all((a, b) != (O, I) for a, b in pairwise(tags.tolist()))
        assert np.isfinite(named).all()


def test_a_doubtful_word_goes_with_the_path_and_not_with_its_own_score():
    # alone, the middle word would be O by a little; B O I is worth less than B I I
    emissions = np.array([[4.0, 0, 0], [0, 1.0, 1.2], [0, 4.0, 0]], dtype=np.float32)
    transitions = np.zeros((3, 3), dtype=np.float32)
    transitions[O, I] = -3
    tags, _ = decode_one(emissions, transitions, np.zeros(3, np.float32))
    assert tags.tolist() == [B, I, I]


def test_one_word_is_decided_by_its_start_and_its_score():
    emissions, starts = np.array([[1.0, 0, 0]], dtype=np.float32), np.array([0, 0, 3.0], dtype=np.float32)
    tags, named = decode_one(emissions, make_scores(0, 3, 3), starts)
    assert tags.tolist() == [O]
    assert named[0] == pytest.approx((np.e + 1) / (np.e + 1 + np.e**3), abs=1e-6)


def test_probabilities_hold_over_thousands_of_words():
    emissions, transitions, starts = make_scores(1, 3000, 3), make_scores(2, 3, 3), make_scores(3, 3)
    _, named = decode_one(emissions, transitions, starts)
    assert ((named >= 0) & (named <= 1)).all()
    # what is far away no longer matters: a window around a word tells its probability
    for middle in (500, 1500, 2500):
        window = emissions[middle - 40 : middle + 41]
        _, near = decode_one(window, transitions, np.zeros(3, np.float32))
        assert named[middle] == pytest.approx(near[40], abs=2e-3)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_huge_scores_give_no_more_than_certainty(seed):
    emissions = make_scores(seed, 6, 3, scale=1e4)
    _, named = decode_one(emissions, make_scores(seed + 1, 3, 3), make_scores(seed + 2, 3))
    assert np.isfinite(named).all()
    assert ((named >= 0) & (named <= 1)).all()


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ([], []),
        ([O, O], []),
        ([B], [(0, 1)]),
        ([I], [(0, 1)]),
        ([B, I, I, O], [(0, 3)]),
        ([O, B, I], [(1, 3)]),
        ([B, B], [(0, 1), (1, 2)]),
        ([B, I, B, I], [(0, 2), (2, 4)]),
        ([O, I, I, O], [(1, 3)]),
        ([B, O, I], [(0, 1), (2, 3)]),
        ([O, B, O, B, I, O, O], [(1, 2), (3, 5)]),
    ],
)
def test_a_span_is_a_b_and_the_is_behind_it_or_is_behind_an_o(tags, spans):
    assert list(find_spans(np.array(tags, dtype=np.int64))) == spans


@given(st.lists(st.sampled_from([B, I, O]), max_size=30))
@settings(max_examples=100, deadline=None)
def test_spans_cover_just_the_words_that_are_not_o(tags):
    spans = list(find_spans(np.array(tags, dtype=np.int64)))
    assert all(a < b for a, b in spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert [i for a, b in spans for i in range(a, b)] == [i for i, tag in enumerate(tags) if tag != O]
    assert all(B not in tags[a + 1 : b] for a, b in spans)
