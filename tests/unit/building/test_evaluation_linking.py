from __future__ import annotations

from collections.abc import Sequence

import pytest

from seamark.building.evaluation.gold import LinkingRow
from seamark.building.evaluation.labels import LabelResolver
from seamark.building.evaluation.linking import evaluate_linking, make_linking_queries
from seamark.errors import InputError
from seamark.taxonomy.skill import Skill

SKILLS = tuple(Skill(f"s{number}", f"Skill {number}") for number in range(120))


class ScriptedRanker:
    """Ranks what it was told to, and remembers what it was asked."""

    def __init__(self, answers: dict[str, list[str]], taxonomy: Sequence[Skill] = SKILLS) -> None:
        self.taxonomy = taxonomy
        self.answers = answers
        self.asked: list[tuple[str, str]] = []

    def rank_many(self, texts: Sequence[str], *, depth: int = 100) -> list[list[tuple[str, float]]]:
        self.asked += [(text, "") for text in texts]
        return [self._rank(text, depth) for text in texts]

    def rank_phrases(
        self, phrases: Sequence[str], *, contexts: Sequence[str] | None = None, depth: int = 100
    ) -> list[list[tuple[str, float]]]:
        assert contexts is not None
        self.asked += list(zip(contexts, phrases, strict=True))
        return [self._rank(phrase, depth) for phrase in phrases]

    def _rank(self, text: str, depth: int) -> list[tuple[str, float]]:
        ids = self.answers.get(text, [skill.skill_id for skill in self.taxonomy])
        return [(skill_id, 1 / rank) for rank, skill_id in enumerate(ids[:depth], start=1)]


def row(sentence: str, label: str, phrase: str = "") -> LinkingRow:
    return LinkingRow(sentence, phrase, label)


def test_each_distinct_sentence_is_one_query_with_the_set_of_its_labels() -> None:
    ranker = ScriptedRanker({"A": ["s1", "s9", "s2"], "B": ["s9", "s3"]})
    rows = [row("A", "Skill 1"), row("B", "Skill 3"), row("A", "skill  2"), row("A", "Skill 1")]
    report = evaluate_linking(ranker, rows)
    assert ranker.asked == [("A", ""), ("B", "")]
    assert report.n == 2
    assert report.mrr == pytest.approx((1 + 1 / 2) / 2)
    assert report.rp_at_1 == pytest.approx((1 + 0) / 2)
    assert report.rp_at_5 == 1.0
    assert report.rp_at_10 == 1.0


def test_each_distinct_span_is_one_query_with_its_sentence_as_context() -> None:
    ranker = ScriptedRanker({"p": ["s1", "s2"], "q": ["s5"]})
    rows = [
        row("A", "Skill 1", "p"),
        row("A", "Skill 2", "p"),
        row("A", "Skill 3", "q"),
        row("B", "Skill 1", "p"),
        row("B", "Skill 1", ""),
    ]
    report = evaluate_linking(ranker, rows, level="span")
    assert ranker.asked == [("A", "p"), ("A", "q"), ("B", "p")]
    assert report.n == 3
    assert report.rp_at_1 == pytest.approx(2 / 3)
    assert report.dropped == {"(no span)": 1}


def test_useless_labels_are_dropped_and_unknown_ones_listed() -> None:
    rows = [
        row("A", "LABEL NOT PRESENT"),
        row("A", "UNDERSPECIFIED"),
        row("B", "UNK"),
        row("B", ""),
        row("C", "Knitting"),
        row("C", "Knitting"),
        row("D", "Skill 0"),
        row("D", "Weaving"),
        row(" ", "Skill 0"),
    ]
    report = evaluate_linking(ScriptedRanker({}), rows)
    assert report.n == 1
    assert report.unresolved == {"Knitting": 2, "Weaving": 1}
    assert report.dropped == {
        "(empty)": 1,
        "(no sentence)": 1,
        "LABEL NOT PRESENT": 1,
        "UNDERSPECIFIED": 1,
        "UNK": 1,
    }
    assert report.rp_at_1 == 1.0


def test_sentences_known_from_elsewhere_are_left_out() -> None:
    rows = [row("Uses  SQL", "Skill 1"), row("Uses  SQL", "Skill 2"), row("B", "Skill 0")]
    report = evaluate_linking(ScriptedRanker({}), rows, known={"uses sql"})
    assert (report.n, report.excluded) == (1, 1)


def test_a_first_hit_below_the_depth_counts_as_none() -> None:
    rows = [row("A", "Skill 100")]
    assert evaluate_linking(ScriptedRanker({}), rows).mrr == 0.0
    assert evaluate_linking(ScriptedRanker({}), rows, depth=101).mrr == pytest.approx(1 / 101)
    assert evaluate_linking(ScriptedRanker({}), [row("A", "Skill 99")]).mrr == pytest.approx(1 / 100)


def test_skills_that_share_a_title_count_as_one() -> None:
    twins = (Skill("b", "Twin"), Skill("a", "Twin"), Skill("c", "Other"), Skill("x", "Miss"))
    ranker = ScriptedRanker({"A": ["b", "a", "c"], "B": ["x", "b"]}, twins)
    report = evaluate_linking(ranker, [row("A", "Twin"), row("A", "Other"), row("B", "Twin")])
    assert report.mrr == pytest.approx((1 + 1 / 2) / 2)
    assert report.rp_at_5 == 1.0
    queries = make_linking_queries([row("A", "Twin"), row("A", "Other")], LabelResolver(twins)).queries
    assert queries[0].gold == {"a", "c"}


def test_batches_change_nothing_and_progress_reaches_the_end() -> None:
    rows = [row(f"sentence {number}", f"Skill {number % 7}") for number in range(150)]
    heard: list[tuple[int, int]] = []
    report = evaluate_linking(
        ScriptedRanker({}), rows, on_progress=lambda done, total: heard.append((done, total))
    )
    assert report.n == 150
    assert report.mrr == pytest.approx(sum(1 / (number % 7 + 1) for number in range(150)) / 150)
    assert heard[-1] == (150, 150)
    assert heard == sorted(heard)


def test_no_usable_label_is_an_error_that_names_examples() -> None:
    with pytest.raises(InputError, match=r"1 unknown to the taxonomy, 1 dropped, 0 .*'Knitting'"):
        evaluate_linking(ScriptedRanker({}), [row("A", "Knitting"), row("A", "UNK")])


def test_a_ranker_that_loses_an_answer_is_not_scored() -> None:
    class Loser(ScriptedRanker):
        def rank_many(self, texts: Sequence[str], *, depth: int = 100) -> list[list[tuple[str, float]]]:
            return super().rank_many(texts, depth=depth)[1:]

    with pytest.raises(ValueError, match="zip"):
        evaluate_linking(Loser({}), [row("A", "Skill 1"), row("B", "Skill 1")])


def test_the_report_has_the_contracts_names() -> None:
    report = evaluate_linking(ScriptedRanker({}), [row("A", "Skill 1")]).to_dict()
    assert report == {
        "level": "sentence",
        "n": 1,
        "mrr": 0.5,
        "rp@1": 0.0,
        "rp@5": 1.0,
        "rp@10": 1.0,
        "dropped": {},
        "unresolved": {},
        "excluded": 0,
    }
