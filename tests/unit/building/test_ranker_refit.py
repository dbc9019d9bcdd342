"""Refitting the ranker on labelled documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from seamark.building.data.documents import Dataset, LabelledDocument, LabelledPhrase
from seamark.building.ranker.refit import RefitRecipe, refit_ranker
from seamark.extraction.candidates import Candidates, Unit
from seamark.extraction.extractor import Place, Weighed
from seamark.extraction.ranking import FEATURES, Pairs, Ranker
from seamark.extraction.sentences import split_sentences
from seamark.taxonomy import Skill, Taxonomy

IDS = [str(i) for i in range(12)]
TAXONOMY = Taxonomy("tiny", tuple(Skill(skill_id, f"skill {skill_id}") for skill_id in IDS))


class FakeExtractor:
    """Gives every sentence every skill as a candidate.

    The first feature is 1 where the sentence holds the skill's id as a word and 0 elsewhere, the second the same turned
    around by half, both with noise: what decides is the first.
    """

    taxonomy = TAXONOMY
    threshold = 0.5

    def weigh(
        self, texts: Sequence[str], *, sentence_depth: int, all_sentences: bool = True
    ) -> Iterator[tuple[Sequence[str], Weighed]]:
        for start in range(0, len(texts), 3):
            batch = texts[start : start + 3]
            places = [
                Place(doc, sentence) for doc, text in enumerate(batch) for sentence in split_sentences(text)
            ]
            if places:
                yield batch, self._weigh(places)

    def _weigh(self, places: list[Place]) -> Weighed:
        units = [Unit(place.doc, place.sentence.text) for place in places]
        numbers = [(unit, skill) for unit in range(len(units)) for skill in range(len(IDS))]
        features = np.zeros((len(numbers), len(FEATURES)), dtype=np.float32)
        for row, (unit, skill) in enumerate(numbers):
            chance = np.random.default_rng([skill, *units[unit].text.encode()])
            features[row, :2] = chance.normal(0, 0.2, 2)
            features[row, 0] += IDS[skill] in units[unit].text.replace(".", "").split()
        sentences, skills = (np.array(column) for column in zip(*numbers, strict=True))
        pairs = Pairs(sentences, skills, np.full(len(numbers), -1), features)
        return Weighed(units, places, Candidates(pairs, np.zeros((0, 3), dtype=np.int64)), features[:, 0])


def make_documents(n: int, *, seed: int, sentences: int = 3) -> tuple[LabelledDocument, ...]:
    """Documents that name two skills, each in a sentence of its own."""
    chance = np.random.default_rng(seed)
    docs = []
    for i in range(n):
        named = chance.choice(IDS, 2, replace=False).tolist()
        lines = [f"We want {skill} of you, document {seed} x{i}." for skill in named]
        lines += [f"This is filler y{line} of document {seed} x{i}." for line in range(sentences - 2)]
        docs.append(LabelledDocument(f"d{i}", "\n".join(lines), frozenset(named)))
    return tuple(docs)


def make_start(*, first: float = 0.0, second: float = 1.0, slope: float = 1.0, shift: float = -1.0) -> Ranker:
    """A ranker that looks at the first two features alone, with so much weight."""
    n, hidden = len(FEATURES), np.zeros((len(FEATURES), 4), dtype=np.float32)
    hidden[0, 0] = hidden[1, 1] = 1.0
    out = np.array([first, second, 0.0, 0.0], dtype=np.float32)
    zeros, ones = np.zeros(n, dtype=np.float32), np.ones(n, dtype=np.float32)
    return Ranker(zeros, ones, hidden, np.zeros(4, dtype=np.float32), out, 0.0, slope, shift)


def make_dataset(train: Sequence[LabelledDocument], validation: Sequence[LabelledDocument] = ()) -> Dataset:
    return Dataset(tuple(train), tuple(validation), (), "1", "0" * 64, 1)


def refit(dataset: Dataset, *, start: Ranker | None = None, **options):
    return refit_ranker(FakeExtractor(), dataset, start=start or make_start(), **options)


@pytest.fixture(scope="module")
def plenty() -> Dataset:
    return make_dataset(make_documents(80, seed=1), make_documents(40, seed=2))


def test_documents_teach_what_start_did_not_look_at(plenty):
    outcome = refit(plenty, start=make_start(first=0.5, second=1.0))
    before, after = outcome.figures["before"], outcome.figures["after"]
    assert outcome.figures["documents"] == 40
    assert outcome.figures["refitted"]
    assert after["jaccard"] > before["jaccard"] + 0.5
    assert after["ece"] < 0.15
    assert outcome.threshold == after["threshold"]


def test_the_scaling_of_the_features_stays(plenty):
    start = replace(make_start(first=0.5), mean=np.full(len(FEATURES), 0.1, dtype=np.float32))
    outcome = refit(plenty, start=start)
    np.testing.assert_array_equal(outcome.ranker.mean, start.mean)
    np.testing.assert_array_equal(outcome.ranker.deviation, start.deviation)


def test_the_start_is_left_as_it_is(plenty):
    start = make_start(first=0.5)
    refit(plenty, start=start)
    np.testing.assert_array_equal(start.hidden_weight, make_start(first=0.5).hidden_weight)


def test_refitting_repeats(plenty):
    one, two = refit(plenty), refit(plenty)
    assert one.ranker.to_dict() == two.ranker.to_dict()
    assert one.figures == two.figures


def test_few_documents_move_little_and_keep_calibration_and_threshold():
    start = make_start(first=0.5)
    few = refit(make_dataset(make_documents(2, seed=1), make_documents(3, seed=2)), start=start)
    many = refit(make_dataset(make_documents(80, seed=1), make_documents(3, seed=2)), start=start)

    def measure_way(ranker: Ranker) -> float:
        return float(np.abs(ranker.hidden_weight - start.hidden_weight).sum())

    assert 0 < measure_way(few.ranker) < measure_way(many.ranker)
    assert (few.ranker.slope, few.ranker.shift, few.threshold) == (start.slope, start.shift, 0.5)
    assert not few.figures["calibrated"]
    assert not few.figures["threshold_moved"]


def test_a_ranker_that_is_no_better_on_validation_is_dropped(plenty):
    # training documents that call for what they do not name
    turned = [replace(doc, relevant=frozenset(IDS) - doc.relevant) for doc in plenty.train]
    start = make_start(first=8.0, second=0.0, shift=-4.0)
    outcome = refit(make_dataset(turned, plenty.validation), start=start)
    assert not outcome.figures["refitted"]
    np.testing.assert_array_equal(outcome.ranker.hidden_weight, start.hidden_weight)


def test_without_training_documents_only_calibration_and_threshold_move(plenty):
    start = make_start(first=8.0, second=0.0, shift=3.0)
    outcome = refit(make_dataset((), plenty.validation), start=start)
    np.testing.assert_array_equal(outcome.ranker.out_weight, start.out_weight)
    assert outcome.figures["calibrated"]
    assert outcome.figures["after"]["jaccard"] >= outcome.figures["before"]["jaccard"]


def test_without_any_document_nothing_moves():
    start = make_start()
    outcome = refit(make_dataset(()), start=start)
    assert (outcome.ranker, outcome.threshold) == (start, 0.5)
    assert outcome.figures["after"]["jaccard"] == 0.0


def test_blank_documents_are_left_out_and_phrases_stand_for_a_text(plenty):
    blank = LabelledDocument("blank", " ", frozenset("1"))
    phrases = LabelledDocument(
        "p", "", frozenset("3"), phrases=(LabelledPhrase("we want 3 here", "3", True),)
    )
    told: list[tuple[int, int]] = []
    dataset = make_dataset((blank, *plenty.train[:5], phrases), (blank, phrases))
    outcome = refit(dataset, on_progress=lambda *now: told.append(now))
    assert outcome.figures["documents"] == 1
    assert told[-1] == (7, 7)


def test_a_rejected_phrase_is_wrong_even_where_the_document_calls_for_the_skill():
    text = "We want 1 here.\nNot 1 there, really."
    kept = LabelledPhrase("want 1 here", "1", True)
    refused = LabelledPhrase("Not 1 there", "1", False)
    docs = [
        LabelledDocument(f"d{i}", f"{text}\nFiller {i}.", frozenset("1"), phrases=(kept, refused))
        for i in range(30)
    ]
    plain = [replace(doc, phrases=()) for doc in docs]
    start = make_start(first=0.5)
    with_verdicts, without = (refit(make_dataset(made), start=start).ranker for made in (docs, plain))
    row = np.zeros((1, len(FEATURES)), dtype=np.float32)
    row[0, 0] = 1.0
    assert with_verdicts.rank(row)[0] < without.rank(row)[0]


def test_the_recipe_is_recorded():
    assert RefitRecipe(steps=3).to_dict()["steps"] == 3
