"""The whole pipeline on the validation sentences: a change that makes it worse is found here."""

from __future__ import annotations

import pytest

from seamark.building.evaluation.gold import read_known_sentences, read_linking_gold
from seamark.building.evaluation.linking import evaluate_linking
from seamark.extraction.models import make_extractor
from seamark.settings import Settings

pytestmark = [pytest.mark.weights, pytest.mark.data, pytest.mark.slow]


@pytest.fixture(scope="module")
def esco_extractor(home, data_dir):
    return make_extractor(data_dir / "esco" / "v1.1.0" / "skills_en.csv", settings=Settings(home=home))


@pytest.mark.parametrize(("name", "least"), [("tech", 0.65), ("house", 0.58)])
def test_right_skills_stand_among_the_first_five(name, least, esco_extractor, data_dir):
    rows = read_linking_gold(
        data_dir / "gold_validation" / f"{name}_validation_annotations.csv", level="sentence"
    )
    known = read_known_sentences([data_dir / "skillspan" / f"{part}.json" for part in ("train", "dev")])
    report = evaluate_linking(esco_extractor, rows, level="sentence", known=known).to_dict()
    assert report["rp@5"] >= least
