from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seamark.building.evaluation.gold import SpanGold, TaggedSentence
from seamark.building.evaluation.spans import evaluate_spans
from seamark.extraction.result import Span, SpanLabel


class ScriptedFinder:
    def __init__(self, answers: dict[str, list[tuple[int, int, SpanLabel]]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def extract_spans(self, sentences: Sequence[str]) -> list[list[Span]]:
        assert sentences
        self.asked += sentences
        return [
            [
                Span(start, end, text[start:end], label, 0.5)
                for start, end, label in self.answers.get(text, [])
            ]
            for text in sentences
        ]


def tag(
    text: str, *, skill: set[tuple[int, int]], knowledge: set[tuple[int, int]] | None = None
) -> TaggedSentence:
    spans: dict[SpanLabel, frozenset[tuple[int, int]]] = {"skill": frozenset(skill)}
    if knowledge is not None:
        spans["knowledge"] = frozenset(knowledge)
    return TaggedSentence(text, spans)


def test_only_the_same_start_end_and_label_is_a_hit() -> None:
    gold = SpanGold(
        ("skill", "knowledge"),
        (
            tag("writes SQL", skill={(0, 10)}, knowledge={(7, 10)}),
            tag("cooks", skill={(0, 5)}, knowledge=set()),
        ),
    )
    finder = ScriptedFinder(
        {"writes SQL": [(0, 6, "skill"), (7, 10, "skill"), (7, 10, "knowledge")], "cooks": [(0, 5, "skill")]}
    )
    report = evaluate_spans(finder, gold)
    assert report.n == 2
    skill = report.heads["skill"]
    assert (skill.scores.precision, skill.scores.recall, skill.support) == (pytest.approx(1 / 3), 0.5, 2)
    assert report.heads["knowledge"].to_dict() == {"precision": 1, "recall": 1, "f1": 1, "support": 1}


def test_a_head_that_the_gold_lacks_is_not_scored() -> None:
    gold = SpanGold(("skill",), (tag("writes SQL", skill={(0, 6)}),))
    finder = ScriptedFinder({"writes SQL": [(0, 6, "skill"), (7, 10, "knowledge")]})
    assert evaluate_spans(finder, gold).to_dict() == {
        "n": 1,
        "skill": {"precision": 1, "recall": 1, "f1": 1, "support": 1},
    }


def test_a_span_found_twice_counts_once() -> None:
    gold = SpanGold(("skill",), (tag("cooks", skill={(0, 5)}),))
    finder = ScriptedFinder({"cooks": [(0, 5, "skill"), (0, 5, "skill")]})
    assert evaluate_spans(finder, gold).heads["skill"].scores.precision == 1.0


def test_blank_sentences_count_but_are_not_asked_about() -> None:
    gold = SpanGold(("skill",), (tag("", skill=set()), tag("cooks", skill={(0, 5)}), tag(" ", skill=set())))
    finder = ScriptedFinder({"cooks": [(0, 5, "skill")]})
    report = evaluate_spans(finder, gold)
    assert (report.n, finder.asked, report.heads["skill"].scores.f1) == (3, ["cooks"], 1.0)
    assert evaluate_spans(finder, SpanGold(("skill",), gold.sentences[:1])).n == 1


def test_spans_keep_to_their_sentence_over_batches() -> None:
    texts = [f"word{number}" for number in range(300)]
    gold = SpanGold(("skill",), tuple(tag(text, skill={(0, len(text))}) for text in texts))
    heard: list[tuple[int, int]] = []
    report = evaluate_spans(
        ScriptedFinder({text: [(0, len(text), "skill")] for text in texts}),
        gold,
        on_progress=lambda done, total: heard.append((done, total)),
    )
    assert report.heads["skill"].scores.f1 == 1.0
    assert report.heads["skill"].support == 300
    assert heard[-1] == (300, 300)


_offsets = st.frozensets(st.sampled_from([(0, 2), (0, 5), (3, 5), (6, 9)]))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(_offsets, _offsets), min_size=1, max_size=6))
def test_scores_lie_in_0_1_and_the_gold_itself_is_perfect(pairs: list[tuple[frozenset, frozenset]]) -> None:
    sentences = tuple(tag(f"sentence {i}", skill=set(gold)) for i, (gold, _) in enumerate(pairs))
    gold = SpanGold(("skill",), sentences)
    guesses = {f"sentence {i}": [(*span, "skill") for span in some] for i, (_, some) in enumerate(pairs)}
    perfect = {s.text: [(*span, "skill") for span in s.spans["skill"]] for s in sentences}
    scores = evaluate_spans(ScriptedFinder(guesses), gold).heads["skill"].scores
    assert all(0 <= value <= 1 for value in (scores.precision, scores.recall, scores.f1))
    assert evaluate_spans(ScriptedFinder(perfect), gold).heads["skill"].scores.f1 == 1.0
