"""Training pairs of the encoder."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seamark.building.encoder.pairs import (
    Pair,
    pair_sentences,
    pair_taxonomy,
    pair_templates,
)
from seamark.building.encoder.training import EncoderRecipe, make_batches
from seamark.building.spans.sentences import TaggedSentence, find_runs
from seamark.taxonomy.skill import Skill

SQL = Skill(
    "1", "SQL", "A language for data.", "knowledge", alternative_titles=("sql", "structured query language")
)
TEACH = Skill("2", "teach adults", "", "skill/competence", alternative_titles=("adult teaching",))


def test_a_taxonomy_pairs_other_names_and_descriptions_with_the_title():
    found = [(pair.text, pair.title, pair.source) for pair in pair_taxonomy([SQL, TEACH])]
    assert found == [
        ("structured query language", "SQL", "alternative"),
        ("A language for data.", "SQL", "description"),
        ("adult teaching", "teach adults", "alternative"),
    ]


def test_a_sentence_accepts_all_its_titles_and_pairs_with_the_known_ones():
    pairs = list(pair_sentences([("Teach SQL", ["teach adults", "SQL", "UNK"])], {"SQL", "teach adults"}))
    assert [pair.title for pair in pairs] == ["SQL", "teach adults"]
    assert all(pair.accepted == {"SQL", "teach adults"} for pair in pairs)


def test_templates_put_knowledge_where_knowledge_was():
    sentence = TaggedSentence(("Know", "Java", "and", "help"), ("O", "O", "O", "B"), ("O", "B", "O", "O"))
    pairs = list(pair_templates([sentence], [SQL, TEACH], seed=1))
    assert [pair.title for pair in pairs] == ["teach adults", "SQL"]
    assert pairs[0].text.startswith("Know Java and ")
    assert pairs[1].text.endswith(" and help")


def test_templates_repeat_with_their_seed():
    sentence = TaggedSentence(("Know", "Java"), ("O", "B"), None)
    assert list(pair_templates([sentence], [SQL, TEACH], seed=4)) == list(
        pair_templates([sentence], [SQL, TEACH], seed=4)
    )


@given(st.lists(st.sampled_from("BIO"), max_size=20))
def test_runs_cover_exactly_what_is_not_outside(tags):
    covered = [i for start, end in find_runs(tags) for i in range(start, end)]
    assert covered == [i for i, tag in enumerate(tags) if tag != "O"]


@given(st.integers(2, 9), st.integers(0, 40))
def test_batches_hold_one_source_each_and_lose_at_most_lone_pairs(size, n):
    pairs = [Pair(str(i), "t", frozenset("t"), "ab"[i % 2]) for i in range(n)]
    batches = make_batches(pairs, EncoderRecipe(batch_size=size), epoch=0)
    assert all(len({pair.source for pair in batch}) == 1 and 1 < len(batch) <= size for batch in batches)
    assert len({pair.text for batch in batches for pair in batch}) >= n - 2
