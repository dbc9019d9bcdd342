"""Training pairs of a fine-tuning."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seamark.building.data.documents import LabelledDocument, LabelledPhrase
from seamark.building.encoder.pairs import Pair
from seamark.building.finetuning.pairs import (
    gather_document_pairs,
    gather_warm_start_pairs,
    share_accepted,
)
from seamark.taxonomy import Skill, Taxonomy

TAXONOMY = Taxonomy(
    "tiny",
    (
        Skill("1", "SQL", "a language for data", alternative_titles=("queries",)),
        Skill("2", "teach adults", alternative_titles=("queries", "adult teaching")),
        Skill("3", "care for patients"),
        Skill("4", "old skill", "gone", status="retired", alternative_titles=("relic",)),
    ),
)
LONG = "We are a hospital in the north of the town. " * 6 + "You write SQL. " + "You care for patients. "


def embed(texts):
    """Bags of the letters a text holds: equal words, equal directions."""
    vectors = np.array(
        [[text.casefold().count(chr(97 + i)) for i in range(26)] for text in texts], dtype=np.float32
    )
    return vectors.reshape(len(texts), 26) / np.maximum(
        np.linalg.norm(vectors.reshape(-1, 26), axis=1, keepdims=True), 1e-6
    )


def gather(*documents):
    return gather_document_pairs(documents, TAXONOMY, embed=embed)


def test_a_phrase_pairs_with_its_title_and_keeps_what_was_rejected():
    phrases = (LabelledPhrase("queries", "1", True), LabelledPhrase("queries", "3", False))
    doc = LabelledDocument("a", "You write queries.", frozenset("1"), frozenset("23"), phrases)
    (pair,) = gather(doc)
    assert pair == Pair(
        "queries", "SQL", frozenset(("SQL",)), "phrase", ("care for patients", "teach adults")
    )


def test_a_short_text_is_an_anchor_for_every_skill_without_a_phrase():
    doc = LabelledDocument("a", "Teach\n SQL.", frozenset("12"), frozenset("3"))
    pairs = gather(doc)
    assert [(pair.text, pair.title, pair.source) for pair in pairs] == [
        ("Teach SQL.", "SQL", "text"),
        ("Teach SQL.", "teach adults", "text"),
    ]
    assert all(pair.accepted == {"SQL", "teach adults"} for pair in pairs)
    assert all(pair.negatives == ("care for patients",) for pair in pairs)


def test_a_long_text_gives_the_sentence_nearest_to_the_title():
    pairs = gather(LabelledDocument("a", LONG, frozenset("13")))
    assert [(pair.text, pair.title, pair.source) for pair in pairs] == [
        ("You write SQL.", "SQL", "sentence"),
        ("You care for patients.", "care for patients", "sentence"),
    ]


def test_a_skill_with_a_phrase_does_not_take_the_text_as_well():
    doc = LabelledDocument("a", LONG, frozenset("1"), phrases=(LabelledPhrase("write SQL", "1", True),))
    assert [pair.source for pair in gather(doc)] == ["phrase"]


def test_a_document_of_phrases_alone_gives_its_phrases():
    phrases = (LabelledPhrase("write SQL", "1", True), LabelledPhrase(" ", "2", True))
    assert [pair.text for pair in gather(LabelledDocument("a", "", frozenset("12"), phrases=phrases))] == [
        "write SQL"
    ]


def test_nothing_is_learned_from_rejections_alone_or_skills_that_are_gone():
    assert gather(LabelledDocument("a", "SQL", frozenset(), frozenset("1"))) == []
    assert gather(LabelledDocument("a", "relic", frozenset(("4", "99")))) == []
    assert gather() == []


def test_what_is_right_for_a_phrase_anywhere_is_its_negative_nowhere():
    one = LabelledDocument("a", "", frozenset("1"), frozenset("2"), (LabelledPhrase("Queries", "1", True),))
    two = LabelledDocument("b", "", frozenset("2"), frozenset(), (LabelledPhrase("queries", "2", True),))
    pairs = gather(one, two)
    assert [pair.negatives for pair in pairs] == [(), ()]
    assert all(pair.accepted == {"SQL", "teach adults"} for pair in pairs)


def test_a_taxonomys_shared_name_accepts_both_titles_and_retired_skills_are_left_out():
    pairs = gather_warm_start_pairs(TAXONOMY)
    assert {pair.text for pair in pairs} == {"queries", "a language for data", "adult teaching"}
    assert {pair.accepted for pair in pairs if pair.text == "queries"} == {frozenset(("SQL", "teach adults"))}


@given(
    st.lists(
        st.builds(
            lambda text, title, negatives: Pair(text, title, frozenset((title,)), "phrase", tuple(negatives)),
            st.sampled_from(["x", "X ", "y"]),
            st.sampled_from("abc"),
            st.sets(st.sampled_from("abc")),
        )
    )
)
def test_no_accepted_title_is_a_negative_and_equal_texts_accept_the_same(pairs):
    shared = share_accepted(pairs)
    assert [(pair.text, pair.title) for pair in shared] == [(pair.text, pair.title) for pair in pairs]
    for pair in shared:
        assert pair.title in pair.accepted
        assert not pair.accepted & set(pair.negatives)
        alike = [other for other in pairs if other.text.strip().casefold() == pair.text.strip().casefold()]
        assert pair.accepted == {other.title for other in alike}
