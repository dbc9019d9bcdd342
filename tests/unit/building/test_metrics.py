from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.building.evaluation.metrics import (
    PrecisionRecall,
    compute_calibration_error,
    compute_jaccard,
    compute_mean,
    compute_reciprocal_rank,
    compute_rp_at,
    score_counts,
    score_micro,
    score_sets,
)

_ids = st.sampled_from([f"s{number}" for number in range(12)])
_id_sets = st.frozensets(_ids)
_rankings = st.lists(_ids, unique=True)
_predictions = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)
few = settings(max_examples=60, deadline=None)


class TestRPrecision:
    def test_divides_by_the_number_of_gold_ids_when_it_is_below_k(self) -> None:
        assert compute_rp_at(["a", "x", "b", "y", "z"], {"a", "b"}, 5) == 1.0

    def test_divides_by_k_when_there_are_more_gold_ids(self) -> None:
        assert compute_rp_at(["a", "x"], {"a", "b", "c"}, 2) == 0.5

    def test_counts_nothing_below_k(self) -> None:
        assert compute_rp_at(["x", "a"], {"a"}, 1) == 0.0

    def test_counts_an_id_ranked_twice_once(self) -> None:
        assert compute_rp_at(["a", "a"], {"a", "b"}, 2) == 0.5

    def test_is_zero_for_an_empty_ranking(self) -> None:
        assert compute_rp_at([], {"a"}, 5) == 0.0

    @pytest.mark.parametrize(("gold", "k"), [(set(), 1), ({"a"}, 0)])
    def test_refuses_no_gold_and_k_below_one(self, gold: set[str], k: int) -> None:
        with pytest.raises(ValueError, match="expected 1 or more"):
            compute_rp_at(["a"], gold, k)

    @few
    @given(_rankings, _id_sets.filter(bool), st.integers(1, 15))
    def test_lies_in_0_1_and_is_1_when_the_gold_ids_come_first(
        self, ranking: list[str], gold: frozenset[str], k: int
    ) -> None:
        rest = [skill_id for skill_id in ranking if skill_id not in gold]
        assert 0 <= compute_rp_at(ranking, gold, k) <= 1
        assert compute_rp_at([*sorted(gold), *rest], gold, k) == 1
        assert compute_rp_at(rest, gold, k) == 0

    @few
    @given(st.permutations(["a", "b", "c", "d"]), st.permutations(["w", "x", "y", "z"]))
    def test_minds_no_order_within_the_first_k(self, first: list[str], rest: list[str]) -> None:
        assert compute_rp_at([*first, *rest], {"b", "d", "x"}, 4) == pytest.approx(2 / 3)


class TestReciprocalRank:
    @pytest.mark.parametrize(
        ("ranking", "value"), [(["a", "x"], 1), (["x", "b", "a"], 1 / 2), (["x", "y"], 0), ([], 0)]
    )
    def test_is_one_over_the_rank_of_the_first_hit(self, ranking: list[str], value: float) -> None:
        assert compute_reciprocal_rank(ranking, {"a", "b"}) == value

    def test_refuses_no_gold(self) -> None:
        with pytest.raises(ValueError, match="no gold id"):
            compute_reciprocal_rank(["a"], set())

    @few
    @given(_rankings, _id_sets.filter(bool))
    def test_is_at_least_rp_at_1_and_never_grows_with_a_miss_in_front(
        self, ranking: list[str], gold: frozenset[str]
    ) -> None:
        value = compute_reciprocal_rank(ranking, gold)
        assert compute_rp_at(ranking, gold, 1) <= value <= 1
        later = compute_reciprocal_rank(["other", *ranking], gold)
        assert later < value or value == later == 0


class TestJaccard:
    @pytest.mark.parametrize(
        ("predicted", "gold", "value"),
        [(set(), set(), 1), ({"a"}, set(), 0), (set(), {"a"}, 0), ({"a", "b"}, {"b", "c"}, 1 / 3)],
    )
    def test_is_the_shared_part_of_the_union(self, predicted: set[str], gold: set[str], value: float) -> None:
        assert compute_jaccard(predicted, gold) == value

    @few
    @given(_id_sets, _id_sets)
    def test_is_symmetric_bounded_and_tied_to_f1(self, one: frozenset[str], two: frozenset[str]) -> None:
        value = compute_jaccard(one, two)
        f1 = score_sets(one, two).f1
        assert 0 <= value <= 1
        assert value == compute_jaccard(two, one)
        assert value == pytest.approx(f1 / (2 - f1))
        assert (value == 1) == (one == two)


class TestPrecisionRecall:
    @pytest.mark.parametrize(
        ("hits", "predicted", "gold", "scores"),
        [
            (0, 0, 0, PrecisionRecall(1, 1, 1)),
            (0, 3, 0, PrecisionRecall(0, 0, 0)),
            (0, 0, 3, PrecisionRecall(0, 0, 0)),
            (1, 2, 4, PrecisionRecall(0.5, 0.25, 1 / 3)),
            (2, 2, 2, PrecisionRecall(1, 1, 1)),
        ],
    )
    def test_counts_give_scores(self, hits: int, predicted: int, gold: int, scores: PrecisionRecall) -> None:
        assert score_counts(hits, predicted=predicted, gold=gold) == scores

    @pytest.mark.parametrize("counts", [(2, 1, 3), (2, 3, 1), (-1, 1, 1)])
    def test_refuses_impossible_counts(self, counts: tuple[int, int, int]) -> None:
        hits, predicted, gold = counts
        with pytest.raises(ValueError, match=f"{hits} hits"):
            score_counts(hits, predicted=predicted, gold=gold)

    def test_a_repeated_prediction_counts_once(self) -> None:
        assert score_sets(["a", "a"], ["a"]) == PrecisionRecall(1, 1, 1)

    def test_micro_weighs_documents_by_their_skills(self) -> None:
        pairs = [({"a"}, {"a"}), ({"a", "b", "c"}, {"d"})]
        assert score_micro(pairs) == PrecisionRecall(1 / 4, 1 / 2, 1 / 3)

    def test_micro_of_nothing_is_perfect(self) -> None:
        assert score_micro([(set(), set())]) == PrecisionRecall(1, 1, 1)

    @few
    @given(st.lists(st.tuples(_id_sets, _id_sets), max_size=8), st.randoms())
    def test_micro_minds_no_order_and_lies_between_its_precision_and_recall(self, pairs, random) -> None:  # type: ignore[no-untyped-def]
        scores = score_micro(pairs)
        shuffled = random.sample(pairs, len(pairs))
        assert score_micro(shuffled) == scores
        low, high = sorted((scores.precision, scores.recall))
        assert low - 1e-12 <= scores.f1 <= high + 1e-12


class TestMean:
    def test_refuses_nothing(self) -> None:
        with pytest.raises(ValueError, match="no value"):
            compute_mean([])

    @few
    @given(st.lists(st.floats(0, 1), min_size=1), st.randoms())
    def test_minds_no_order_to_the_last_digit(self, values, random) -> None:  # type: ignore[no-untyped-def]
        assert compute_mean(random.sample(values, len(values))) == compute_mean(values)
        assert 0 <= compute_mean(values) <= 1


class TestCalibrationError:
    def test_is_zero_when_eight_in_ten_at_0_8_are_right(self) -> None:
        assert compute_calibration_error([0.8] * 10, [True] * 8 + [False] * 2) == pytest.approx(0)

    def test_is_the_gap_when_all_confidences_fall_in_one_bin(self) -> None:
        assert compute_calibration_error([0.95, 0.91], [False, False]) == pytest.approx(0.93)

    def test_weighs_bins_by_their_predictions(self) -> None:
        # bin [0.2, 0.3): 3 wrong, gap 0.25; bin [0.7, 0.8): 1 right, gap 0.25 the other way
        assert compute_calibration_error([0.25] * 3 + [0.75], [False] * 3 + [True]) == pytest.approx(0.25)
        # bin [0.9, 1]: 2 wrong, gap 1; bin [0, 0.1): 2 wrong, gap 0
        assert compute_calibration_error([1, 1, 0, 0], [False] * 4) == pytest.approx(0.5)

    def test_does_not_let_bins_cancel_each_other(self) -> None:
        confidences, outcomes = [0.4, 0.6], [True, False]
        assert compute_calibration_error(confidences, outcomes, bins=1) == pytest.approx(0)
        assert compute_calibration_error(confidences, outcomes, bins=10) == pytest.approx(0.6)

    def test_the_edges_of_the_scale_have_a_bin(self) -> None:
        assert compute_calibration_error([0.0, 1.0], [False, True]) == 0

    @pytest.mark.parametrize(
        ("confidences", "outcomes", "bins"),
        [([], [], 10), ([0.5], [], 10), ([1.1], [True], 10), ([math.nan], [True], 10), ([0.5], [True], 0)],
    )
    def test_refuses_what_it_can_not_measure(
        self, confidences: list[float], outcomes: list[bool], bins: int
    ) -> None:
        with pytest.raises(ValueError, match=r"confidence|bins"):
            compute_calibration_error(confidences, outcomes, bins=bins)

    @few
    @given(_predictions, st.integers(1, 20), st.randoms())
    def test_lies_in_0_1_and_minds_no_order(self, predictions, bins, random) -> None:  # type: ignore[no-untyped-def]
        def measure(some: list[tuple[float, bool]]) -> float:
            return compute_calibration_error(
                [value for value, _ in some], [right for _, right in some], bins=bins
            )

        assert 0 <= measure(predictions) <= 1
        assert measure(random.sample(predictions, len(predictions))) == measure(predictions)
        assert measure([(float(right), right) for _, right in predictions]) == 0

    @few
    @given(_predictions, st.integers(2, 20))
    def test_is_1_when_every_sure_answer_is_wrong(
        self, predictions: list[tuple[float, bool]], bins: int
    ) -> None:
        outcomes = [right for _, right in predictions]
        confidences = [float(not right) for right in outcomes]
        assert compute_calibration_error(confidences, outcomes, bins=bins) == 1
