"""The k highest of each row, by groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.extraction.matching import find_highest


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(1, 1500), st.integers(1, 40), st.integers(0, 999))
def test_it_finds_what_a_full_sort_finds(n, width, k, seed):
    scores = np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)
    found = find_highest(scores, k)
    k = min(k, width)
    assert found.shape == (n, k)
    expected = -np.sort(-scores, axis=1)[:, :k]
    np.testing.assert_array_equal(-np.sort(-np.take_along_axis(scores, found, axis=1), axis=1), expected)
    assert all(len(set(row)) == k for row in found.tolist())


@pytest.mark.parametrize("width", [1, 31, 32, 33, 640, 641])
def test_the_last_columns_are_looked_at_too(width):
    scores = np.zeros((1, width), dtype=np.float32)
    scores[0, -1] = 1.0
    assert find_highest(scores, 1).tolist() == [[width - 1]]
