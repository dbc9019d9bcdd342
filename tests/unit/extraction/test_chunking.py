from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.errors import UsageError
from seamark.extraction.chunking import iter_chunks, plan_batches


def test_four_items_and_a_chunk_size_of_three_make_three_and_one():
    assert list(iter_chunks("abcd", 3)) == ["abc", "d"]


@pytest.mark.parametrize(
    ("count", "size", "sizes"),
    [(0, 3, []), (1, 1, [1]), (3, 3, [3]), (6, 3, [3, 3]), (2, 100, [2]), (3, 1, [1, 1, 1])],
)
def test_chunks_have_the_size_asked_for_and_the_last_has_the_rest(count, size, sizes):
    assert [len(chunk) for chunk in iter_chunks(list(range(count)), size)] == sizes


@pytest.mark.parametrize("size", [0, -1])
def test_a_chunk_size_below_one_is_refused_before_anything_is_read(size):
    with pytest.raises(UsageError, match=f"chunk_size={size}; expected a whole number of 1 or more"):
        iter_chunks([1], size)


@given(st.lists(st.integers()), st.integers(1, 50))
@settings(max_examples=100, deadline=None)
def test_chunks_put_together_are_the_items(items, size):
    chunks = list(iter_chunks(items, size))
    assert [item for chunk in chunks for item in chunk] == items
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert all(1 <= len(chunk) <= size for chunk in chunks)


def test_no_lengths_make_no_batch():
    assert plan_batches([], max_batch=8, max_tokens=100) == []


def test_like_lengths_go_together_longest_first():
    batches = plan_batches([5, 200, 6, 190], max_batch=8, max_tokens=1000)
    assert batches == [[1, 3], [2, 0]]


def test_equal_lengths_keep_their_order():
    assert plan_batches([7, 7, 7, 7, 7], max_batch=2, max_tokens=1000) == [[0, 1], [2, 3], [4]]


def test_padding_counts_towards_the_tokens_of_a_batch():
    assert [len(batch) for batch in plan_batches([10, 9, 9, 9, 9], max_batch=8, max_tokens=30)] == [3, 2]


def test_an_input_longer_than_a_batch_gets_its_own():
    assert plan_batches([500, 3], max_batch=8, max_tokens=100) == [[0], [1]]


def test_a_few_short_inputs_are_padded_rather_than_given_a_call_of_their_own():
    assert plan_batches([20, 5, 4], max_batch=8, max_tokens=1000) == [[0, 1, 2]]


def test_empty_inputs_have_a_batch_too():
    assert plan_batches([0, 0], max_batch=8, max_tokens=100) == [[0, 1]]


@pytest.mark.parametrize(("name", "limits"), [("max_batch", (0, 10)), ("max_tokens", (10, 0))])
def test_a_limit_below_one_is_refused(name, limits):
    with pytest.raises(UsageError, match=f"{name}=0"):
        plan_batches([1], max_batch=limits[0], max_tokens=limits[1])


@given(st.lists(st.integers(0, 512)), st.integers(1, 70), st.integers(1, 5000))
@settings(max_examples=200, deadline=None)
def test_every_input_is_in_exactly_one_batch_within_the_limits(lengths, max_batch, max_tokens):
    batches = plan_batches(lengths, max_batch=max_batch, max_tokens=max_tokens)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        sizes = [lengths[i] for i in batch]
        assert 1 <= len(batch) <= max_batch
        assert len(batch) == 1 or len(batch) * max(sizes) <= max_tokens
        assert len(batch) * max(sizes) - sum(sizes) <= max(64, sum(sizes) // 4)
    assert batches == plan_batches(lengths, max_batch=max_batch, max_tokens=max_tokens)
