from __future__ import annotations

import numpy as np
import pytest
from champion_fakes import make_document, make_scores
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.building.champion import resampling
from seamark.building.champion.resampling import CountTable, bootstrap

LETTERS = st.sets(st.sampled_from("abcd")).map("".join)
CONFIDENCES = st.dictionaries(st.sampled_from("abcd"), st.floats(0, 1))
RANK = st.none() | st.floats(0, 1)
ROWS = st.lists(st.tuples(LETTERS, CONFIDENCES, CONFIDENCES, RANK), min_size=1, max_size=12)


@given(ROWS)
def test_weighing_each_document_once_gives_the_measures_themselves(rows) -> None:
    documents = [make_document(i, gold, found, rank=rank) for i, (gold, found, _, rank) in enumerate(rows)]
    measured = CountTable(documents).measure(np.ones((1, len(documents))))
    metrics = make_scores(documents).metrics
    for name, (value,) in measured.items():
        assert value == pytest.approx(
            np.nan if metrics[name] is None else metrics[name], nan_ok=True, abs=1e-9
        )


@given(ROWS, st.data())
def test_a_weight_of_two_is_the_document_twice(rows, data) -> None:
    documents = [make_document(i, gold, found, rank=rank) for i, (gold, found, _, rank) in enumerate(rows)]
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)).filter(any))
    repeated = [document for document, times in zip(documents, weights, strict=True) for _ in range(times)]
    measured = CountTable(documents).measure(np.array([weights], dtype=float))
    for name, (value,) in measured.items():
        expected = make_scores(repeated).metrics[name]
        assert value == pytest.approx(np.nan if expected is None else expected, nan_ok=True, abs=1e-9)


def make_pair(n: int = 60):
    before = [make_document(i, "ab", "a" if i % 3 else "c", seconds=0.010) for i in range(n)]
    after = [make_document(i, "ab", "ab" if i % 2 else "c", seconds=0.020) for i in range(n)]
    return before, after


def test_the_interval_holds_the_difference_and_narrows_with_more_documents() -> None:
    widths = []
    for n in (30, 300):
        before, after = make_pair(n)
        interval = bootstrap(before, after, resamples=500, seed=1)["jaccard"]
        difference = make_scores(after).metrics["jaccard"] - make_scores(before).metrics["jaccard"]
        assert interval.low <= difference <= interval.high
        widths.append(interval.high - interval.low)
    assert widths[1] < widths[0] / 2


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    pair = make_pair()
    first, again, other = (bootstrap(*pair, resamples=200, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_draws_that_are_made_some_at_a_time_are_as_many(monkeypatch) -> None:
    monkeypatch.setattr(resampling, "_AT_A_TIME", 100)
    before, after = make_pair(30)
    interval = bootstrap(before, after, resamples=201, seed=1)["jaccard"]
    assert 0 < interval.better <= 1
    assert (interval.better * 201) % 1 == pytest.approx(0, abs=1e-6)


def test_less_time_and_less_calibration_error_are_better() -> None:
    before, after = make_pair()
    latency = bootstrap(before, after, resamples=200, seed=1)["latency_p95_ms"]
    assert (latency.low, latency.high, latency.better) == (pytest.approx(10), pytest.approx(10), 0.0)
    turned = bootstrap(after, before, resamples=200, seed=1)["latency_p95_ms"]
    assert turned.better == 1.0
    sure = [make_document(i, "a", {"a": 1.0}) for i in range(9)]
    unsure = [make_document(i, "a", {"a": 0.2}) for i in range(9)]
    ece = bootstrap(unsure, sure, resamples=100, seed=1)["ece"]
    assert (ece.low, ece.better) == (pytest.approx(-0.8), 1.0)


def test_what_cannot_be_measured_has_no_interval() -> None:
    silent = [make_document(i, "a", "") for i in range(5)]
    found = bootstrap(silent, silent, resamples=100, seed=1)
    assert not {"ece", "mrr", "latency_p50_ms"} & set(found)
    assert bootstrap([], [], resamples=100, seed=1) == {}


@settings(max_examples=25)
@given(ROWS)
def test_a_model_against_itself_differs_by_nothing(rows) -> None:
    documents = [make_document(i, gold, found, rank=rank) for i, (gold, found, _, rank) in enumerate(rows)]
    for interval in bootstrap(documents, documents, resamples=100, seed=3).values():
        assert (interval.low, interval.high, interval.better) == (0.0, 0.0, 0.0)
