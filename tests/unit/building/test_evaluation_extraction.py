from __future__ import annotations

from collections.abc import Sequence

import pytest

from seamark.building.evaluation.extraction import evaluate_extraction
from seamark.building.evaluation.gold import LabelledText
from seamark.errors import InputError
from seamark.extraction.result import ExtractedSkill, Prediction, make_prediction
from seamark.taxonomy.skill import Skill

SKILLS = (
    Skill("a", "Apples"),
    Skill("b", "Bees, wasps and hornets"),
    Skill("c", "Candles", alternative_titles=("Wax lights",)),
    Skill("t1", "Twin"),
    Skill("t2", "Twin"),
)


class ScriptedExtractor:
    def __init__(self, answers: dict[str, dict[str, float]]) -> None:
        self.taxonomy = SKILLS
        self.answers = answers
        self.asked: list[str] = []

    def extract_many(self, texts: Sequence[str]) -> list[Prediction]:
        assert texts
        self.asked += texts
        return [self._predict(text) for text in texts]

    def _predict(self, text: str) -> Prediction:
        found = self.answers.get(text, {})
        skills = tuple(ExtractedSkill(key, key, "", value, "full text") for key, value in found.items())
        return make_prediction(text, skills, model_version="0.0.0", nonce=b"")


def label(text: str, labels: str | list[str]) -> LabelledText:
    return LabelledText(text, labels, "row 1")


def test_documents_are_averaged_and_pairs_pooled() -> None:
    extractor = ScriptedExtractor({"one": {"a": 1.0}, "two": {"a": 0.9, "b": 0.9, "c": 0.9}})
    gold = [label("one", "Apples"), label("two", "bees, wasps and hornets; Wax lights")]
    report = evaluate_extraction(extractor, gold)
    assert report.n == 2
    assert report.jaccard == pytest.approx((1 + 2 / 3) / 2)
    assert report.documents.precision == pytest.approx((1 + 2 / 3) / 2)
    assert report.documents.recall == 1.0
    assert report.documents.f1 == pytest.approx((1 + 4 / 5) / 2)
    assert report.micro.precision == pytest.approx(3 / 4)
    assert report.micro.recall == 1.0
    assert report.micro.f1 == pytest.approx(6 / 7)
    # one bin [0.9, 1]: 3 of 4 right, mean confidence (1 + 2.7) / 4
    assert report.ece == pytest.approx(3.7 / 4 - 3 / 4)


@pytest.mark.parametrize("cell", ["", "  ", "UNK", "['UNK']", "[]"])
def test_no_label_asks_for_no_skill(cell: str) -> None:
    right = evaluate_extraction(ScriptedExtractor({}), [label("one", cell)])
    assert (right.n, right.jaccard, right.documents.f1, right.micro.f1) == (1, 1.0, 1.0, 1.0)
    wrong = evaluate_extraction(ScriptedExtractor({"one": {"a": 0.5}}), [label("one", cell)])
    assert (wrong.n, wrong.jaccard, wrong.documents.f1, wrong.micro.f1) == (1, 0.0, 0.0, 0.0)


def test_nothing_predicted_has_no_calibration() -> None:
    report = evaluate_extraction(ScriptedExtractor({}), [label("one", "Apples")]).to_dict()
    assert report["ece"] is None
    assert report["predictions"] == 0
    assert (report["jaccard"], report["recall"]) == (0.0, 0.0)


def test_unknown_labels_are_counted_and_documents_of_them_alone_left_out() -> None:
    extractor = ScriptedExtractor({"one": {"a": 1.0}, "two": {"a": 1.0}})
    gold = [label("one", "Apples, Knitting"), label("two", ["Knitting", "Weaving"]), label("three", "UNK")]
    report = evaluate_extraction(extractor, gold)
    assert (report.n, report.left_out) == (2, 1)
    assert report.unresolved == {"Knitting": 2, "Weaving": 1}
    assert report.jaccard == 1.0
    assert extractor.asked == ["one", "three"]


def test_labels_may_be_ids() -> None:
    report = evaluate_extraction(ScriptedExtractor({"one": {"b": 1.0}}), [label("one", ["b"])])
    assert report.jaccard == 1.0


def test_skills_that_share_a_title_count_as_one() -> None:
    extractor = ScriptedExtractor({"one": {"t2": 0.7, "t1": 0.3}, "two": {"t2": 0.7}})
    report = evaluate_extraction(extractor, [label("one", "Twin"), label("two", "t1")])
    assert report.predictions == 2
    assert report.micro.precision == 0.5  # the id t1 names one of the twins alone
    assert report.jaccard == 0.5


def test_blank_documents_count_but_are_not_asked_about() -> None:
    extractor = ScriptedExtractor({"two": {"a": 1.0}})
    gold = [label(" \n", "Apples"), label("two", "Apples"), label("", "")]
    report = evaluate_extraction(extractor, gold)
    assert extractor.asked == ["two"]
    assert report.jaccard == pytest.approx(2 / 3)
    assert evaluate_extraction(ScriptedExtractor({}), [label("", "")]).n == 1


def test_answers_keep_to_their_document_over_batches() -> None:
    extractor = ScriptedExtractor({f"doc {i}": {"abc"[i % 3]: 1.0} for i in range(50)})
    gold = [label(f"doc {i}", "abc"[i % 3]) for i in range(50)]
    heard: list[tuple[int, int]] = []
    report = evaluate_extraction(extractor, gold, on_progress=lambda *step: heard.append(step))
    assert (report.n, report.jaccard, report.ece) == (50, 1.0, 0.0)
    assert heard[-1] == (50, 50)


def test_no_document_left_is_an_error_that_names_labels() -> None:
    with pytest.raises(InputError, match=r"no document to score.*'Knitting'"):
        evaluate_extraction(ScriptedExtractor({}), [label("one", "Knitting")])


def test_the_report_has_the_contracts_names() -> None:
    report = evaluate_extraction(ScriptedExtractor({"one": {"a": 0.9}}), [label("one", "a")]).to_dict()
    assert {"n", "jaccard", "precision", "recall", "f1", "micro_f1", "ece", "unresolved"} <= set(report)
    assert report["ece"] == pytest.approx(0.1)
