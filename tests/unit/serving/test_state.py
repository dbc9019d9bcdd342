from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seamark.serving.state import draw


@given(st.text())
def test_a_name_is_always_drawn_the_same_number_from_0_to_below_100(name):
    assert 0 <= draw(name, "canary") < 100
    assert draw(name, "canary") == draw(name, "canary")


def test_shares_are_kept_over_many_names_and_purposes_are_independent():
    drawn = [(draw(f"request-{i}", "canary"), draw(f"request-{i}", "shadow")) for i in range(4000)]
    for share in (1, 10, 50, 99):
        assert abs(sum(canary < share for canary, _ in drawn) / 40 - share) < 3
    both = sum(canary < 50 and shadow < 50 for canary, shadow in drawn)
    assert abs(both / 40 - 25) < 3
