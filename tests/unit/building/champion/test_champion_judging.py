from __future__ import annotations

import json
from dataclasses import replace

import pytest
from champion_fakes import make_document, make_scores
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.building.champion.judging import judge
from seamark.building.champion.measures import COMPARED
from seamark.errors import UsageError
from seamark.settings import METRICS, ChampionSettings

RULE = ChampionSettings(resamples=100)


def rule(**changes) -> ChampionSettings:
    return replace(RULE, **changes)


def make(*rows, version="1.0.0", digest="x", **fields):
    documents = [make_document(i, gold, found, **fields) for i, (gold, found) in enumerate(rows)]
    return make_scores(documents, version, digest)


WORSE = [("ab", "a")] * 10
BETTER = [("ab", "ab")] * 10


def test_a_contender_that_rises_wins_and_says_why() -> None:
    decision = judge(make(*WORSE), make(*BETTER, version="exp-1"), RULE)
    assert decision.won
    assert decision.reasons[0].startswith(
        "jaccard rose by 0.500, from 0.500 to 1.000 (95% interval +0.500 to +0.500"
    )
    assert "No guard fell past its tolerance" in decision.reasons[1]
    assert (decision.champion_version, decision.contender_version, decision.n) == ("1.0.0", "exp-1", 10)
    assert decision.intervals["jaccard"].better == 1.0


def test_the_same_scores_lose_because_nothing_rose() -> None:
    decision = judge(make(*WORSE), make(*WORSE), RULE)
    assert not decision.won
    assert decision.reasons == ("jaccard did not rise: 0.500 in both.",)


def test_without_a_champion_the_contender_wins() -> None:
    decision = judge(None, make(*WORSE), RULE)
    assert decision.won
    assert decision.reasons == ("There is no champion yet.",)
    assert decision.primary.champion is decision.primary.difference is None
    assert decision.champion_version is None
    assert decision.slices == ()


@pytest.mark.parametrize(("min_gain", "won"), [(0.0, True), (0.049, True), (0.05, False), (0.06, False)])
def test_the_primary_must_rise_by_more_than_the_least_gain(min_gain, won) -> None:
    before = make(*[("ab", "a")] * 10)
    after = make(*[("ab", "a")] * 9, ("ab", "ab"))  # 0.50 → 0.55
    decision = judge(before, after, rule(min_gain=min_gain))
    assert decision.won is won
    if not won:
        assert "more than" in decision.reasons[0]


@pytest.mark.parametrize(("tolerance", "won"), [(0.0, False), (0.24, False), (0.25, True), (0.3, True)])
def test_a_guard_may_fall_by_its_tolerance_and_no_further(tolerance, won) -> None:
    before = make(("abcd", "a"), ("abcd", "a"))
    after = make(("abcd", "abcd"), ("a", "ab"))
    after = make_scores([after.documents[0], replace(after.documents[1], gold=("a", "b", "c", "d"), jaccard=0.5,
                                                     precision=0.5)])  # fmt: skip
    decision = judge(before, after, rule(guards={"precision": tolerance}))
    assert decision.guards[0].difference == pytest.approx(-0.25)
    assert decision.won is won
    assert (
        any("precision fell by 0.250, from 1.000 to 0.750" in reason for reason in decision.reasons)
        is not won
    )


def test_a_calibration_error_that_rises_past_its_tolerance_loses() -> None:
    before = make(*[("ab", {"a": 1.0})] * 5)
    after = make(*[("ab", {"a": 0.5, "b": 0.5})] * 5)
    decision = judge(before, after, rule(guards={"ece": 0.4}))
    assert not decision.won
    assert decision.guards[0].gain == pytest.approx(-0.5)
    assert "ece rose, which is worse, by 0.500" in decision.reasons[0], "what it lost by comes first"
    assert decision.reasons[1].startswith("jaccard rose")
    assert judge(before, after, rule(guards={"ece": 0.5})).won


def test_a_guard_that_cannot_be_measured_is_not_asked_and_noted() -> None:
    decision = judge(make(*WORSE), make(*BETTER), rule(guards={"rp@5": 0.0}))
    assert decision.won
    assert any("Not measurable here, so not asked: rp@5" in note for note in decision.notes)


def test_a_primary_that_cannot_be_measured_loses() -> None:
    decision = judge(make(*WORSE), make(*BETTER), rule(primary="mrr"))
    assert not decision.won
    assert decision.reasons[0] == "mrr can't be measured on these documents."


def test_a_primary_of_which_less_is_better_must_fall() -> None:
    slow, fast = make(*WORSE, seconds=0.2), make(*WORSE, seconds=0.1)
    settings_ = rule(primary="latency_p95_ms", guards={})
    decision = judge(slow, fast, settings_)
    assert decision.won
    assert decision.reasons[0].startswith("latency_p95_ms fell by 100.0 ms, from 200.0 ms to 100.0 ms")
    assert not judge(fast, slow, settings_).won


def make_sliced(found: str, *, of: int, elsewhere: str):
    documents = [make_document(i, "ab", found, sector="Health", kind="course") for i in range(of)]
    documents += [make_document(i, "ab", elsewhere, sector="IT") for i in range(of, of + 60)]
    return make_scores(documents)


@pytest.mark.parametrize(("documents", "won"), [(19, True), (20, False)])
def test_a_slice_that_falls_loses_when_it_has_enough_documents(documents, won) -> None:
    before = make_sliced("ab", of=documents, elsewhere="a")
    after = make_sliced("a", of=documents, elsewhere="ab")
    decision = judge(before, after, rule(guards={}))
    assert decision.primary.gain > 0
    assert decision.won is won
    found = {(part.dimension, part.value): part for part in decision.slices}
    assert found["sector", "Health"].documents == documents
    assert found["sector", "Health"].judged is not won
    assert found["document kind", "course"].comparison.difference == -0.5
    assert (
        any("For sector “Health” (20 documents) jaccard fell by 0.500" in text for text in decision.reasons)
        is not won
    )


def test_a_skill_type_is_judged_by_its_own_skills_and_documents() -> None:
    before = make(*[("ab", "a")] * 30, *[("cd", "cd")] * 20)
    after = make(*[("ab", "ab")] * 30, *[("cd", "c")] * 19, ("cd", "ac"))
    decision = judge(before, after, rule(guards={}))
    found = {part.value: part for part in decision.slices if part.dimension == "skill type"}
    # the stray "a" brings a document into the slice of its type, where nothing is right
    assert found["tsc"].documents == 31
    assert found["tsc"].comparison.contender == pytest.approx(30 / 31)
    assert found["ccs"].documents == 20
    assert found["ccs"].comparison.difference == pytest.approx(-0.5)
    assert not decision.won


def test_a_ranking_measure_has_no_slice_by_skill_type() -> None:
    decision = judge(make(*WORSE, rank=0.2), make(*WORSE, rank=0.4), rule(primary="rp@5", guards={}))
    assert decision.won
    assert {part.dimension for part in decision.slices} == {"document kind"}


def test_other_documents_or_other_gold_are_refused() -> None:
    with pytest.raises(UsageError, match="different test splits: 1 document only the champion met"):
        judge(make(*WORSE), make(*WORSE[:-1]), RULE)
    with pytest.raises(UsageError, match="with other gold skills, such as 'doc-0000'"):
        judge(make(("ab", "a")), make(("ac", "a")), RULE)


@pytest.mark.parametrize("changes", [{"primary": "accuracy"}, {"guards": {"accuracy": 0.1}}])
def test_an_unknown_metric_is_refused_with_those_there_are(changes) -> None:
    with pytest.raises(UsageError, match=r"no metric 'accuracy'.*jaccard"):
        judge(None, make(*WORSE), rule(**changes))


def test_every_metric_that_the_settings_allow_can_be_compared_by() -> None:
    assert {*METRICS, *ChampionSettings().guards} <= set(COMPARED)


def test_few_documents_another_taxonomy_and_unknown_gold_are_noted() -> None:
    before = make(*WORSE)
    document = replace(make_document(0, "ab", "ab"), unknown=("b",))
    after = make_scores([document, *make(*BETTER).documents[1:]], digest="y")
    notes = judge(before, after, RULE).notes
    assert notes[0].startswith("Only 10 documents: the intervals are wide")
    assert any("The two know different skills" in note for note in notes)
    assert any(note.startswith("1 gold skill the contender's taxonomy does not hold") for note in notes)


def test_a_difference_that_may_be_chance_is_noted_and_still_wins() -> None:
    before = make(*[("ab", "a")] * 10, *[("ab", "ab")] * 10)
    after = make(*[("ab", "ab")] * 10, *[("ab", "a")] * 9, ("ab", "ab"))
    decision = judge(before, after, rule(resamples=500))
    assert decision.won
    assert any("includes 0" in note for note in decision.notes)


def test_the_decision_is_ready_for_json() -> None:
    record = json.loads(json.dumps(judge(make(*WORSE), make(*BETTER), RULE).to_dict()))
    assert record["won"] is True
    assert record["primary"]["difference"] == 0.5
    assert record["primary"]["interval"]["low"] == 0.5
    assert record["rule"]["resamples"] == 100


LETTERS = st.sets(st.sampled_from("abcd")).map("".join)
ROWS = st.lists(st.tuples(LETTERS, LETTERS), min_size=1, max_size=30)


@settings(max_examples=30)
@given(ROWS, st.sampled_from(["jaccard", "recall", "f1", "micro_f1", "ece"]))
def test_identical_scores_never_win(rows, primary) -> None:
    assert not judge(make(*rows), make(*rows), rule(primary=primary)).won


@settings(max_examples=30)
@given(ROWS.filter(lambda rows: any(set(gold) != set(found) for gold, found in rows)))
def test_a_contender_that_is_right_everywhere_wins(rows) -> None:
    perfect = make(*[(gold, dict.fromkeys(gold, 1.0)) for gold, _ in rows])
    before = make(*[(gold, dict.fromkeys(found, 1.0)) for gold, found in rows])
    assert judge(before, perfect, RULE).won


@settings(max_examples=20)
@given(ROWS, ROWS, st.randoms())
def test_the_order_of_the_documents_changes_no_digit(rows, others, chance) -> None:
    pairs = list(zip(rows, others, strict=False))
    before = make(*[row for row, _ in pairs])
    after = make(*[(gold, found) for (gold, _), (_, found) in pairs])
    mixed = []
    for scores in (before, after):
        documents = list(scores.documents)
        chance.shuffle(documents)
        mixed.append(make_scores(documents))
    assert judge(before, after, RULE) == judge(*mixed, RULE)
