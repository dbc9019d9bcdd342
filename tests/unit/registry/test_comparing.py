from __future__ import annotations

import json
import math

import pytest

from seamark.registry.comparing import drop_nan, find_best, find_differences, flatten, line_up_figures


def test_nested_facts_are_named_by_their_place() -> None:
    assert flatten({"a": {"b": 1, "c": {"d": [1, 2]}}, "e": None}) == {"a.b": 1, "a.c.d": [1, 2], "e": None}


def test_only_what_differs_is_a_difference() -> None:
    found = find_differences([{"seed": 13, "loss": "a"}, {"seed": 13, "loss": "b", "scale": 20}])
    assert [(row.name, row.values) for row in found] == [("loss", ("a", "b")), ("scale", (None, 20))]


def test_nothing_differs_between_equal_facts() -> None:
    assert find_differences([{"a": {"b": 1}}, {"a": {"b": 1}}]) == []
    assert find_differences([]) == []


@pytest.mark.parametrize(
    ("name", "values", "best"),
    [
        ("jaccard", [0.4, 0.5], 1),
        ("rp@5", [0.6, 0.5], 0),
        ("ece", [0.03, 0.05], 0),
        ("latency_p95_ms", [30.0, 20.0, 25.0], 1),
        ("slices.sector.health.ece", [0.1, 0.2], 0),
        ("cosine_accuracy_threshold", [0.5, 0.6], None),
        ("documents", [200, 300], None),
        ("jaccard", [0.5, 0.5], None),
        ("jaccard", [0.5, None], None),
        ("jaccard", [None, 0.1, 0.2], 2),
        ("jaccard", [], None),
    ],
)
def test_the_best_figure_is_marked_where_there_is_one(
    name: str, values: list[float | None], best: int | None
) -> None:
    assert find_best(name, values) == best


def test_figures_are_lined_up_and_the_rest_is_left_out() -> None:
    rows = line_up_figures([{"jaccard": 0.4, "note": "x", "flag": True}, {"jaccard": 0.5, "ece": math.nan}])
    assert [(row.name, row.values, row.best) for row in rows] == [("jaccard", (0.4, 0.5), 1)]


def test_a_number_that_json_has_no_word_for_becomes_none() -> None:
    clean = drop_nan({"a": math.nan, "b": [math.inf, 1.5], "c": {"d": -math.inf}, "e": "nan"})
    assert clean == {"a": None, "b": [None, 1.5], "c": {"d": None}, "e": "nan"}
    json.dumps(clean, allow_nan=False)
