"""Fitting and calibrating a ranker."""

from __future__ import annotations

import numpy as np
import pytest

from seamark.building.ranker.examples import LabelledPairs, LabelledSentence, make_texts
from seamark.building.ranker.fitting import RankerRecipe, fit_platt, fit_ranker
from seamark.building.ranker.recipe import score_ranker
from seamark.extraction.ranking import FEATURES


def make_pairs(n: int, seed: int) -> LabelledPairs:
    """Pairs that are right with the logistic probability of their first feature times three."""
    chance = np.random.default_rng(seed)
    features = chance.normal(size=(n, len(FEATURES))).astype(np.float32)
    odds = 3 * features[:, 0]
    return LabelledPairs(features, (chance.random(n) < 1 / (1 + np.exp(-odds))).astype(np.float32))


def test_a_fitted_ranker_is_calibrated_on_pairs_it_has_not_seen():
    ranker = fit_ranker(make_pairs(4000, 1), make_pairs(2000, 2), RankerRecipe(hidden=8, steps=200))
    scores = score_ranker(ranker, make_pairs(4000, 3), threshold=0.5)
    assert scores["ece"] < 0.05
    assert scores["precision"] > 0.8


def test_fitting_repeats_with_its_seed():
    recipe = RankerRecipe(hidden=4, steps=30)
    one, two = (fit_ranker(make_pairs(300, 1), make_pairs(300, 2), recipe) for _ in range(2))
    np.testing.assert_array_equal(one.hidden_weight, two.hidden_weight)
    assert (one.slope, one.shift) == (two.slope, two.shift)


def test_platt_scaling_finds_the_curve_that_made_the_answers():
    chance = np.random.default_rng(0)
    scores = chance.normal(size=60_000).astype(np.float32)
    right = (chance.random(60_000) < 1 / (1 + np.exp(-(1.7 * scores - 0.6)))).astype(np.float32)
    slope, shift = fit_platt(scores, right)
    assert slope == pytest.approx(1.7, abs=0.06)
    assert shift == pytest.approx(-0.6, abs=0.06)


def test_texts_hold_every_sentence_once():
    sentences = [LabelledSentence(str(i), frozenset()) for i in range(41)]
    texts = make_texts(sentences, seed=1)
    assert sorted(int(s.text) for text in texts for s in text) == list(range(41))
    assert any(len(text) == 1 for text in texts)
    assert any(len(text) > 1 for text in texts)


def test_no_sentences_make_no_texts():
    assert make_texts([], seed=1) == []
