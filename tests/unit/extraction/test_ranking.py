"""From rows of features to one confidence a skill."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.errors import WeightsError
from seamark.extraction.ranking import FEATURES, Ranker, join_pairs, order_skills

N = len(FEATURES)


def make_ranker(**changes) -> Ranker:
    chance = np.random.default_rng(1)
    values = {
        "mean": chance.normal(size=N).astype(np.float32),
        "deviation": np.ones(N, dtype=np.float32),
        "hidden_weight": chance.normal(size=(N, 5)).astype(np.float32),
        "hidden_bias": np.zeros(5, dtype=np.float32),
        "out_weight": chance.normal(size=5).astype(np.float32),
        "out_bias": -0.5,
    }
    return Ranker(**(values | changes))


def test_confidences_are_probabilities_and_finite():
    found = make_ranker().rank(np.random.default_rng(0).normal(0, 1e4, (50, N)).astype(np.float32))
    assert ((found >= 0) & (found <= 1)).all()


def test_platt_scaling_keeps_the_order():
    features = np.random.default_rng(0).normal(size=(50, N)).astype(np.float32)
    plain, scaled = make_ranker(), make_ranker(slope=0.4, shift=-2.0)
    assert (plain.rank(features).argsort() == scaled.rank(features).argsort()).all()


def test_a_ranker_survives_its_file(tmp_path):
    path = tmp_path / "ranker.json"
    path.write_text(json.dumps(make_ranker().to_dict()))
    features = np.random.default_rng(0).normal(size=(9, N)).astype(np.float32)
    np.testing.assert_allclose(Ranker.read(path).rank(features), make_ranker().rank(features), atol=1e-4)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"features": ["another"]}'])
def test_a_damaged_ranker_is_refused(tmp_path, content):
    path = tmp_path / "ranker.json"
    path.write_text(content)
    with pytest.raises(WeightsError):
        Ranker.read(path)


def test_no_rows_make_no_pairs():
    empty = np.zeros(0, dtype=np.int64)
    pairs = join_pairs(empty, empty, empty, np.zeros((0, N), dtype=np.float32))
    assert len(pairs.skills) == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 4), st.floats(-1, 1, width=32)), min_size=1, max_size=30
    )
)
def test_each_pair_comes_once_with_its_nearest_phrase(rows):
    sentences = np.array([row[0] for row in rows])
    skills = np.array([row[1] for row in rows])
    features = np.zeros((len(rows), N), dtype=np.float32)
    features[:, 2] = [row[2] for row in rows]
    pairs = join_pairs(sentences, skills, np.arange(len(rows)), features)
    found = list(zip(pairs.sentences.tolist(), pairs.skills.tolist(), strict=True))
    assert found == sorted({(row[0], row[1]) for row in rows})
    for (sentence, skill), similarity in zip(found, pairs.features[:, 2].tolist(), strict=True):
        assert similarity == max(np.float32(row[2]) for row in rows if row[:2] == (sentence, skill))


def test_equal_confidences_are_ordered_by_skill_id():
    assert order_skills({0: 0.50001, 1: 0.50004, 2: 0.7}, ["b", "a", "c"]) == [2, 1, 0]
