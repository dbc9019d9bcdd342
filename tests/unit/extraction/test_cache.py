"""The bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seamark.extraction.cache import BoundedCache


def test_what_was_used_longest_ago_is_forgotten_first():
    cache = BoundedCache[str, int](2)
    cache.keep({"a": 1, "b": 2})
    cache.recall(["a"])
    cache.keep({"c": 3})
    assert cache.recall(["a", "b", "c"]) == {"a": 1, "c": 3}


def test_a_cache_of_size_none_keeps_none():
    cache = BoundedCache[str, int](0)
    cache.keep({"a": 1})
    assert cache.recall(["a"]) == {}


@given(st.integers(0, 5), st.lists(st.integers(0, 9)))
def test_it_never_grows_beyond_its_size(size, keys):
    cache = BoundedCache[int, int](size)
    for key in keys:
        cache.keep({key: key})
        assert len(cache) <= size
