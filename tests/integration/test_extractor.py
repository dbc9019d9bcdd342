"""The extractor with the real weights and the starter taxonomy: what holds for every text."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seamark import Document, Extractor, Prediction, Taxonomy
from seamark.errors import InputError
from seamark.extraction.models import make_extractor
from seamark.settings import Settings
from seamark.taxonomy.samples import read_samples

pytestmark = pytest.mark.weights

CALLING = "You will write SQL queries, build dashboards and teach colleagues Python programming."
TEXTS = [sample.text for sample in read_samples()]
SILENT = [
    "We offer 25 days of paid leave, a pension, free fruit and a bicycle scheme.",
    "We are an equal opportunity employer and welcome everyone, whatever their age, faith or origin.",
    "Please send your papers by the last Friday of the month; we answer within two weeks.",
    "The salary is 3,200 to 3,900 a month, paid on the 25th, with a bonus in December.",
    "Our office is five minutes from the central station, on the third floor.",
    "By applying you agree that we keep your details for six months. See our privacy notice.",
]


@pytest.fixture(scope="module")
def extractor(home) -> Extractor:
    return make_extractor("starter", settings=Settings(home=home))


def check(prediction: Prediction, extractor: Extractor) -> None:
    """What holds for every prediction."""
    text = prediction.original_input
    ids = [skill.skill_id for skill in prediction.skills]
    assert len(ids) == len(set(ids))
    assert set(ids) <= {skill.skill_id for skill in extractor.taxonomy.active}
    keys = [(-round(skill.confidence, 4), skill.skill_id) for skill in prediction.skills]
    assert keys == sorted(keys)
    for skill in prediction.skills:
        assert round(skill.confidence, 4) >= extractor.threshold
        assert skill.occurrence >= 1
        assert list(skill.evidence) == sorted(skill.evidence, key=lambda span: (span.start, span.end))
        for span in skill.evidence:
            assert text[span.start : span.end] == span.text != ""
            assert 0.0 <= span.score <= 1.0


def assert_same(first: Prediction, second: Prediction) -> None:
    assert [skill.skill_id for skill in first.skills] == [skill.skill_id for skill in second.skills]
    for one, other in zip(first.skills, second.skills, strict=True):
        assert one.confidence == pytest.approx(other.confidence, abs=1e-3)


@pytest.fixture(scope="module")
def alone(extractor) -> list[Prediction]:
    return [extractor.extract(text) for text in TEXTS]


def test_it_works_without_any_workspace(home, monkeypatch):
    monkeypatch.setenv("SEAMARK_HOME", str(home))
    assert Extractor.load().extract(CALLING).skills


def test_every_sample_keeps_the_promises(alone, extractor):
    for prediction in alone:
        check(prediction, extractor)
    assert any(skill.evidence for prediction in alone for skill in prediction.skills)


def test_most_samples_are_found_a_skill_that_a_reader_found(alone):
    hits = [
        bool({skill.skill_id for skill in found.skills} & set(sample.expected))
        for found, sample in zip(alone, read_samples(), strict=True)
    ]
    assert sum(hits) >= 0.8 * len(hits)


def test_a_batch_gives_what_each_text_gives_alone(alone, extractor):
    for one, other in zip(alone, extractor.extract_many(TEXTS), strict=True):
        assert_same(one, other)


def test_the_order_of_a_batch_changes_nothing(alone, extractor):
    order = list(range(len(TEXTS)))
    random.Random(3).shuffle(order)
    for number, found in zip(order, extractor.extract_many([TEXTS[i] for i in order]), strict=True):
        assert_same(alone[number], found)


def test_a_fresh_extractor_with_tiny_chunks_gives_the_same(alone, home):
    fresh = make_extractor("starter", settings=Settings(home=home))
    fresh.chunk_size = 1
    for one, other in zip(alone, fresh.extract_many(TEXTS), strict=True):
        assert_same(one, other)


def test_eight_threads_give_the_same(alone, extractor):
    with ThreadPoolExecutor(8) as pool:
        for one, other in zip(alone * 2, pool.map(extractor.extract, TEXTS * 2), strict=True):
            assert_same(one, other)


def test_a_generator_is_read_once_and_in_order(extractor):
    found = extractor.extract_many(text for text in TEXTS[:3])
    assert [prediction.original_input for prediction in found] == TEXTS[:3]


def test_no_texts_give_no_predictions(extractor):
    assert extractor.extract_many([]) == []


@pytest.mark.parametrize("text", ["", " ", "\n\t \r\n", "\u00a0\u200b", "x", "7", "!", "é", "🙂", "\x00"])
def test_a_text_that_says_nothing_calls_for_nothing(text, extractor):
    assert extractor.extract(text).skills == ()


@pytest.mark.parametrize("text", SILENT)
def test_boilerplate_calls_for_nothing(text, extractor):
    assert [skill.title for skill in extractor.extract(text).skills] == []


def test_blank_texts_in_a_batch_keep_their_places(extractor):
    found = extractor.extract_many(["", CALLING, " "])
    assert [bool(prediction.skills) for prediction in found] == [False, True, False]


def test_a_document_is_read_like_its_text(extractor):
    assert_same(extractor.extract(Document(CALLING, "a", "posting")), extractor.extract(CALLING))


@pytest.mark.parametrize("wrong", [None, 3, b"SQL", ["SQL"], float("nan")])
def test_what_is_no_text_is_refused(wrong, extractor):
    with pytest.raises(InputError):
        extractor.extract(wrong)


def test_a_text_beyond_the_limit_is_refused(extractor):
    with pytest.raises(InputError, match="1,000,000"):
        extractor.extract("x" * 1_000_001)


@pytest.mark.slow
def test_a_megabyte_is_finished(extractor):
    text = (CALLING + "\n") * (1_000_000 // (len(CALLING) + 1))
    found = extractor.extract(text)
    check(found, extractor)
    assert found.skills


def test_pasted_html_keeps_offsets_into_what_was_pasted(extractor):
    text = f"<div class='x'><p>{CALLING}</p><ul><li>Use <b>SQL</b> &amp; Python</li></ul></div>"
    found = extractor.extract(text)
    check(found, extractor)
    assert found.skills


@pytest.mark.parametrize("noise", ["🙂 ", "é\u0301 ", "\u202eabc\u202c ", "数据 ", "\ud800 "])
def test_unicode_before_a_phrase_does_not_move_its_offsets(noise, extractor):
    check(extractor.extract(noise * 5 + CALLING), extractor)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=120), where=st.integers(0, 120))
def test_promises_hold_for_any_text(extractor, text, where):
    check(extractor.extract(text[:where] + " " + CALLING + " " + text[where:]), extractor)


def test_retired_skills_are_never_predicted(home, extractor):
    ids = {skill.skill_id for skill in extractor.extract(CALLING).skills}
    skills = tuple(
        replace(skill, status="retired") if skill.skill_id in ids else skill for skill in Taxonomy.starter()
    )
    fewer = make_extractor(Taxonomy("fewer", skills), settings=Settings(home=home), threshold=0.0)
    assert ids
    assert not ids & {skill.skill_id for skill in fewer.extract(CALLING).skills}


def test_a_taxonomy_of_retired_skills_predicts_nothing(home):
    skills = tuple(replace(skill, status="retired") for skill in Taxonomy.starter())
    none = make_extractor(Taxonomy("none", skills), settings=Settings(home=home))
    assert none.extract(CALLING).skills == ()


def test_a_taxonomy_of_one_skill_works(home):
    (skill,) = Taxonomy.starter().find_title(next(iter(Taxonomy.starter())).title)[:1]
    one = make_extractor(Taxonomy("one", (skill,)), settings=Settings(home=home), threshold=0.0)
    assert [found.skill_id for found in one.extract(CALLING).skills] == [skill.skill_id]


def test_top_keeps_the_most_certain(home):
    every, two = (
        make_extractor("starter", settings=Settings(home=home), threshold=0.0, top=top)
        .extract(CALLING)
        .skills
        for top in (0, 2)
    )
    assert len(every) > 2
    assert [skill.skill_id for skill in two] == [skill.skill_id for skill in every[:2]]


def test_a_higher_threshold_only_leaves_out(home):
    found = {}
    for threshold in (0.0, 0.3, 0.6, 1.0):
        made = make_extractor("starter", settings=Settings(home=home), threshold=threshold)
        found[threshold] = [skill.skill_id for skill in made.extract(CALLING).skills]
    assert found[0.0][: len(found[0.3])] == found[0.3]
    assert found[0.3][: len(found[0.6])] == found[0.6]
    assert len(found[0.0]) > len(found[1.0])


def test_every_request_has_its_own_id(extractor):
    ids = [prediction.request_id for prediction in extractor.extract_many([CALLING] * 20)]
    assert len(set(ids)) == 20


def test_spans_stand_where_they_say(extractor):
    for text in TEXTS[:4]:
        spans = extractor.find_spans(text)
        assert spans
        assert all(text[span.start : span.end] == span.text for span in spans)


def test_rankings_are_as_deep_as_asked_and_in_order(extractor):
    for ranking in extractor.rank_many([CALLING, SILENT[0]], depth=10):
        assert len(ranking) == 10
        confidences = [confidence for _, confidence in ranking]
        assert confidences == sorted(confidences, reverse=True)


def test_a_title_as_a_phrase_ranks_its_skill_first(extractor):
    titles = [skill.title for skill in list(extractor.taxonomy.active)[:20]]
    first = [ranking[0][0] for ranking in extractor.rank_phrases(titles)]
    expected = [skill.skill_id for skill in list(extractor.taxonomy.active)[:20]]
    assert sum(a == b for a, b in zip(first, expected, strict=True)) >= 18


def test_a_folder_of_parts_is_a_model_of_its_own(home, tmp_path, extractor):
    entry = {
        "version": "7.8.9",
        "encoder": "skills-encoder-v1",
        "spans": "span-tagger-v1",
        "ranker": "ranker-v1",
        "threshold": 0.9,
    }
    (tmp_path / "model.json").write_text(json.dumps(entry), encoding="utf-8")
    own = make_extractor("starter", model=tmp_path, settings=Settings(home=home))
    prediction = own.extract(CALLING)
    assert prediction.model_version == "7.8.9"
    expected = [skill.skill_id for skill in extractor.extract(CALLING).skills if skill.confidence >= 0.9]
    assert [skill.skill_id for skill in prediction.skills] == expected


def test_the_punctuation_behind_a_phrase_is_no_part_of_it(extractor):
    prediction = extractor.extract("You know Python; SQL; and Docker.")
    texts = {span.text for skill in prediction.skills for span in skill.evidence}
    assert texts
    assert not any(text.endswith((";", ",", ".")) for text in texts)


def test_the_samples_own_gold_is_mostly_found_and_seldom_contradicted(extractor):
    hits = found = gold = 0
    for sample, prediction in zip(read_samples(), extractor.extract_many(TEXTS), strict=True):
        ids = {skill.skill_id for skill in prediction.skills}
        hits += len(ids & set(sample.expected))
        found += len(ids)
        gold += len(sample.expected)
    assert hits / found > 0.7
    assert hits / gold > 0.4
