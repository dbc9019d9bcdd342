"""Hard negatives."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.building.encoder.pairs import Pair
from seamark.building.finetuning.negatives import MOST_REJECTED, add_negatives

TITLES = [f"t{angle}" for angle in range(0, 90, 10)]


def embed(texts):
    """A text's vector lies at the angle that its name says, in degrees."""
    angles = np.radians([float(text[1:]) for text in texts])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def make_pair(title: str = "t10", *, accepted: tuple[str, ...] = (), negatives: tuple[str, ...] = ()) -> Pair:
    return Pair("a0", title, frozenset((title, *accepted)), "phrase", negatives)


def add(pair: Pair, *, count: int = 2, margin: float = 0.0) -> tuple[str, ...]:
    (made,) = add_negatives([pair], TITLES, embed=embed, count=count, margin=margin)
    return made.negatives


def test_the_nearest_titles_behind_the_right_one_are_mined():
    assert add(make_pair()) == ("t20", "t30")


def test_a_title_nearer_than_the_right_one_may_be_right_too():
    assert add(make_pair("t30")) == ("t40", "t50")


def test_what_is_within_the_margin_is_left_out():
    # cosines of 10, 20 and 30 degrees: 0.985, 0.940, 0.866
    assert add(make_pair(), margin=0.1) == ("t30", "t40")


def test_accepted_titles_are_never_negatives():
    assert add(make_pair(accepted=("t20", "t40"))) == ("t30", "t50")


def test_rejected_titles_go_first_and_leave_room_for_fewer():
    assert add(make_pair(negatives=("t80",))) == ("t80", "t20")
    assert add(make_pair(negatives=("t80", "t20", "t0"))) == ("t0", "t20", "t80")


def test_a_rejected_title_counts_even_where_the_taxonomy_lost_it():
    assert add(make_pair(negatives=("t85",))) == ("t85", "t20")


def test_many_rejected_titles_keep_the_nearest():
    rejected = tuple(f"t{angle}" for angle in range(89, 60, -2))
    assert add(make_pair(negatives=rejected)) == tuple(sorted(rejected)[:MOST_REJECTED])


def test_no_title_is_left_to_mine():
    assert add(make_pair("t80")) == ()
    assert add(make_pair(), count=0) == ()
    assert add_negatives([], TITLES, embed=embed, count=2, margin=0.1) == []


@settings(max_examples=40)
@given(
    st.sampled_from(TITLES),
    st.sets(st.sampled_from(TITLES), max_size=4),
    st.integers(0, 12),
    st.floats(0, 0.5),
)
def test_mined_titles_are_known_not_accepted_and_behind_the_margin(title, accepted, count, margin):
    pair = make_pair(title, accepted=tuple(accepted))
    mined = add(pair, count=count, margin=margin)
    assert len(mined) == len(set(mined)) <= count
    assert not set(mined) & pair.accepted
    (text, *vectors) = embed(["a0", title, *mined])
    assert all(text @ vector <= text @ vectors[0] - margin + 1e-6 for vector in vectors[1:])
