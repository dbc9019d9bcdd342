from __future__ import annotations

import json

import pytest
from champion_fakes import ScriptedExtractor, make_document, make_scores
from hypothesis import given
from hypothesis import strategies as st

from seamark.building.champion.measures import COMPARED, restrict
from seamark.building.champion.scoring import TIMED_DOCUMENTS, Scores, get_text, score_documents
from seamark.building.data.documents import LabelledDocument, LabelledPhrase
from seamark.errors import InputError


def label(name: str, text: str, relevant: str, rejected: str = "", **fields) -> LabelledDocument:
    return LabelledDocument(name, text, frozenset(relevant), frozenset(rejected), **fields)


def test_each_document_is_scored_on_its_own_and_all_together() -> None:
    extractor = ScriptedExtractor({"one": "ab", "two": "c"})
    heard = []
    scores = score_documents(
        extractor,
        [label("y", "two", "cd", kind="course", sector="Health"), label("x", "one", "a", "b")],
        on_progress=lambda done, total: heard.append((done, total)),
    )
    first, second = scores.documents
    assert [first.document_id, second.document_id] == ["x", "y"]
    assert first.predicted == {"a": 0.8, "b": 0.8}
    assert (first.gold, first.rejected) == (("a",), ("b",))
    assert (first.jaccard, first.precision, first.recall) == (0.5, 0.5, 1.0)
    assert (second.kind, second.sector, second.recall, second.rp_at_1, second.rp_at_5) == (
        "course",
        "Health",
        0.5,
        1.0,
        0.5,
    )
    assert scores.metrics["jaccard"] == 0.5
    assert scores.metrics["micro_f1"] == pytest.approx(2 * 2 / (3 + 3))
    assert scores.metrics["ece"] == pytest.approx(0.8 - 2 / 3)
    assert (scores.metrics["n"], scores.metrics["predictions"]) == (2, 3)
    assert (scores.version, scores.taxonomy) == ("9.9.9", "mine@1.0.0")
    assert scores.skills["d"].title == "Title d"
    assert heard[-1] == (2, 2)


def test_the_measures_are_those_that_are_compared() -> None:
    metrics = score_documents(ScriptedExtractor({"one": "a"}), [label("x", "one", "a")]).metrics
    assert list(metrics) == [*COMPARED, "n", "predictions"]


def test_a_gold_skill_outside_the_taxonomy_is_missed_and_named() -> None:
    (document,) = score_documents(
        ScriptedExtractor({"one": "a"}), [label("x", "one", ["a", "old"])]
    ).documents
    assert document.unknown == ("old",)
    assert (document.recall, document.jaccard) == (0.5, 0.5)


def test_a_document_of_phrases_is_read_as_its_phrases() -> None:
    phrases = tuple(LabelledPhrase(text, "a", relevant=True) for text in ("SQL", "Python", "SQL"))
    document = label("x", "", "a", phrases=phrases)
    assert get_text(document) == "SQL\nPython"
    assert score_documents(ScriptedExtractor({"SQL\nPython": "a"}), [document]).metrics["jaccard"] == 1.0


def test_nobody_is_asked_about_a_blank_document() -> None:
    (document,) = score_documents(ScriptedExtractor({}), [label("x", " \n", "a")]).documents
    assert document.predicted == {}
    assert document.recall == 0.0
    assert document.seconds is None


def test_a_document_that_calls_for_nothing_has_no_ranking_measure() -> None:
    scores = score_documents(ScriptedExtractor({}), [label("x", "one", "", "a")])
    assert scores.documents[0].jaccard == 1.0
    assert scores.metrics["mrr"] is None
    assert scores.metrics["ece"] is None


def test_time_is_taken_alone_before_anything_is_remembered_and_of_some_documents_only() -> None:
    extractor = ScriptedExtractor({})
    documents = [label(str(i), f"text {i}", "a") for i in range(TIMED_DOCUMENTS + 5)]
    scores = score_documents(extractor, documents)
    timed = [document for document in scores.documents if document.seconds is not None]
    assert len(timed) == TIMED_DOCUMENTS
    alone = extractor.asked[1 : TIMED_DOCUMENTS + 1]
    assert all(len(texts) == 1 for texts in alone)
    assert len({texts[0] for texts in alone}) == TIMED_DOCUMENTS
    assert scores.metrics["latency_p95_ms"] >= scores.metrics["latency_p50_ms"] >= 0


def test_the_order_of_the_documents_changes_nothing() -> None:
    documents = [label(str(i), f"text {i}", "ab"[i % 2]) for i in range(9)]
    extractor = ScriptedExtractor({f"text {i}": "a" for i in range(9)})
    first, second = (score_documents(extractor, order) for order in (documents, documents[::-1]))
    assert [one.document_id for one in first.documents] == [one.document_id for one in second.documents]
    assert first.metrics["jaccard"] == second.metrics["jaccard"]


def test_no_document_and_a_document_twice_are_refused() -> None:
    with pytest.raises(InputError, match="no document to score"):
        score_documents(ScriptedExtractor({}), [])
    with pytest.raises(InputError, match="'x' stands twice"):
        score_documents(ScriptedExtractor({}), [label("x", "one", "a"), label("x", "two", "a")])


def test_the_scores_can_be_named() -> None:
    assert (
        score_documents(ScriptedExtractor({}), [label("x", "one", "a")], version="exp-1").version == "exp-1"
    )


LETTERS = st.sets(st.sampled_from("abcd"))


@given(st.lists(st.tuples(LETTERS, LETTERS, st.none() | st.floats(0, 1)), min_size=1, max_size=8))
def test_scores_are_read_back_as_they_were_written(rows) -> None:
    documents = [
        make_document(i, "".join(gold), "".join(found), rank=rank)
        for i, (gold, found, rank) in enumerate(rows)
    ]
    scores = make_scores(documents)
    assert Scores.from_dict(json.loads(json.dumps(scores.to_dict()))) == scores


@pytest.mark.parametrize(
    "record", [{}, {"documents": 3}, {"documents": [{}]}, {"documents": [3], "skills": {}}]
)
def test_something_else_is_not_read_as_scores(record) -> None:
    with pytest.raises(InputError, match="can't be read"):
        Scores.from_dict(record)


def test_a_document_restricted_to_some_skills() -> None:
    restricted = restrict(make_document(1, "ac", "abd", rank=0.5, seconds=1.0), lambda key: key in "ab")
    assert restricted.gold == ("a",)
    assert list(restricted.predicted) == ["a", "b"]
    assert restricted.jaccard == 0.5
    assert restricted.rp_at_5 is restricted.seconds is None
