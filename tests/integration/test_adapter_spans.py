"""Our own span extractor passes the checks of every back-end, and finds what it was trained to find."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from seamark.building.evaluation.gold import read_span_gold
from seamark.building.evaluation.spans import evaluate_spans
from seamark.extraction.models import make_span_extractor
from seamark.settings import Settings


def _load_checks() -> ModuleType:
    path = Path(__file__).parents[1] / "unit" / "extraction" / "span_checks.py"
    spec = importlib.util.spec_from_file_location("span_checks", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SPAN_CHECKS = _load_checks().SPAN_CHECKS

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def spans(home):
    return make_span_extractor(settings=Settings(home=home))


@pytest.mark.parametrize("check", SPAN_CHECKS, ids=lambda check: check.__name__)
def test_the_checks_of_every_back_end_hold(check, spans):
    check(spans)


@pytest.mark.data
def test_strict_spans_on_skillspans_dev_part_are_as_good_as_shipped(spans, data_dir, tmp_path):
    lines = (data_dir / "skillspan" / "dev.json").read_text(encoding="utf-8").splitlines()[:800]
    gold = tmp_path / "dev.json"
    gold.write_text("\n".join(line for line in lines if any(json.loads(line)["tokens"])), encoding="utf-8")
    report = evaluate_spans(spans, read_span_gold(gold)).to_dict()
    assert report["skill"]["f1"] > 0.42
    assert report["knowledge"]["f1"] > 0.5
