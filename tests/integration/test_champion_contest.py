"""Champion-contender and the checks with the real weights and the starter taxonomy."""

from __future__ import annotations

import json
from functools import partial

import pytest

from seamark import Taxonomy
from seamark.building.champion.judging import judge
from seamark.building.champion.report import make_report, render_report
from seamark.building.champion.scoring import Scores, score_documents
from seamark.building.checks import run_checks
from seamark.building.checks.membership import check_known_ids
from seamark.building.checks.subject import Subject
from seamark.building.data.documents import LabelledDocument
from seamark.extraction.models import make_extractor
from seamark.settings import ChampionSettings, ChecksSettings, Settings
from seamark.taxonomy.samples import read_samples

pytestmark = pytest.mark.weights

DOCUMENTS = [
    LabelledDocument(sample.title, sample.text, frozenset(sample.expected), kind=sample.kind)
    for sample in read_samples()[:8]
]
ROOMY = ChecksSettings(latency_p95_ms=60_000, memory_mb=16_000, sample_texts=6)
"""Budgets of time and memory are a machine's, not the model's: other tests share this one."""


def score(home, **options) -> Scores:
    return score_documents(make_extractor("starter", settings=Settings(home=home), **options), DOCUMENTS)


@pytest.fixture(scope="module")
def champion(home) -> Scores:
    return score(home)


def test_the_shipped_model_beats_itself_with_a_threshold_that_is_too_high(home, champion):
    silent = score(home, threshold=0.9)
    rule = ChampionSettings(slice_min_documents=4)
    won = judge(silent, champion, rule)
    lost = judge(champion, silent, rule)
    assert won.primary.gain > 0.1
    assert not lost.won
    assert any("fell" in reason for reason in lost.reasons)
    assert lost.intervals["jaccard"].high < 0
    page = render_report(lost, champion, silent)
    assert "Lost most" in page
    assert json.loads(json.dumps(make_report(lost, champion, silent)))["decision"]["n"] == len(DOCUMENTS)


def test_the_shipped_model_does_not_beat_itself(home, champion):
    again = score(home)
    decision = judge(champion, again, ChampionSettings())
    assert not decision.won
    assert decision.primary.difference == 0


def test_the_shipped_model_ranks_and_predicts_the_samples_well(champion):
    assert champion.metrics["rp@5"] > 0.4
    assert champion.metrics["mrr"] > 0.6
    assert champion.metrics["micro_f1"] > 0.5
    assert champion.metrics["latency_p95_ms"] > 0


def test_the_shipped_model_passes_its_checks_on_the_starter(home):
    open_it = partial(make_extractor, "starter", settings=Settings(home=home))
    report = run_checks(open_it, settings=ROOMY, documents=DOCUMENTS)
    assert report.passed, report.to_rows()


def test_a_release_that_the_candidate_was_not_made_for_is_found_out(home):
    starter = Taxonomy.starter()
    smaller = Taxonomy("smaller", starter.skills[: len(starter) // 2], "2.0.0")
    result = check_known_ids(
        Subject(
            extractor=make_extractor("starter", settings=Settings(home=home)),
            release=smaller,
            previous=None,
            samples=(DOCUMENTS[0].text,),
            documents=(),
            recorded=(),
            settings=ROOMY,
        )
    )
    assert not result.passed
    assert "build it again from the release" in result.hint


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("source", ["sfw", "esco/v1.1.0"])
def test_the_shipped_model_passes_its_checks_on_real_taxonomies(home, data_dir, source):
    taxonomy = Taxonomy.load(data_dir / source)
    report = run_checks(partial(make_extractor, taxonomy, settings=Settings(home=home)), settings=ROOMY)
    assert report.passed, report.to_rows()
