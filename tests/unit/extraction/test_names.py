"""Names of skills as words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seamark.extraction.names import NameIndex, make_key, measure_overlap

NAMES = [
    (0, "Java (computer programming)"),
    (1, "JavaScript"),
    (2, "C++"),
    (3, "data analysis"),
    (4, "ASP.NET"),
    (5, "data"),
    (6, "manage databases"),
    (7, "R"),
]


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("java and JavaScript", ["java", "JavaScript"]),
        ("We use C++, ASP.NET and more.", ["C++", "ASP.NET"]),
        ("Data Analysis of data", ["Data Analysis", "data"]),
        ("You manage database systems", ["manage database"]),
        ("R", []),
        ("", []),
        ("javanese", []),
    ],
)
def test_the_longest_names_are_found_to_the_letter(sentence, found):
    assert [sentence[a:b] for _, a, b in NameIndex(NAMES).find(sentence)] == found


def test_the_first_to_claim_a_name_keeps_it():
    assert NameIndex([(3, "Welding"), (4, "welding")]).find("welding") == [(3, 0, 7)]


def test_a_qualifier_in_brackets_and_the_plural_do_not_count():
    assert make_key("Java (computer programming)") == ("java",)
    assert make_key("databases") == make_key("database")
    assert make_key("business analysis") == ("business", "analysis")


def test_overlap_is_dice_without_empty_words():
    assert measure_overlap(make_key("design of data"), make_key("data design")) == 1.0
    assert measure_overlap(make_key("data design"), make_key("data entry")) == 0.5
    assert measure_overlap(make_key("the"), make_key("of")) == 0.0


@given(st.text(max_size=80))
def test_found_names_lie_in_order_inside_the_sentence(sentence):
    end = 0
    for _, start, stop in NameIndex(NAMES).find(sentence):
        assert end <= start < stop <= len(sentence)
        end = stop
