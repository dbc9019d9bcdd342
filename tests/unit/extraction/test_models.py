"""Wiring: names that are wrong are refused before anything is fetched."""

from __future__ import annotations

import pytest

from seamark.errors import SeamarkError, UsageError, WeightsError
from seamark.extraction.models import list_models, make_encoder, make_extractor, make_span_extractor
from seamark.settings import Settings


@pytest.fixture
def offline(tmp_path) -> Settings:
    return Settings(home=tmp_path / "home", offline=True)


def test_the_models_are_listed_default_first():
    assert list_models()[0] == "default"
    assert {"all-MiniLM-L6-v2", "all-mpnet-base-v2"} < set(list_models())


@pytest.mark.parametrize("make", [make_encoder, make_span_extractor])
def test_an_unknown_model_is_refused_with_the_names_of_the_known(make, offline):
    with pytest.raises(UsageError, match="default, all-MiniLM-L6-v2"):
        make("abacus", settings=offline)


def test_an_unknown_model_of_an_extractor_is_refused(offline):
    with pytest.raises(UsageError, match="abacus"):
        make_extractor(model="abacus", settings=offline)


@pytest.mark.parametrize("threshold", [-0.01, 1.01, float("nan")])
def test_a_threshold_out_of_range_is_refused(threshold, offline):
    with pytest.raises(UsageError, match="from 0 to 1"):
        make_extractor(threshold=threshold, settings=offline)


def test_a_negative_top_is_refused(offline):
    with pytest.raises(UsageError, match="top=-1"):
        make_extractor(top=-1, settings=offline)


def test_an_unknown_taxonomy_is_refused(offline):
    with pytest.raises(SeamarkError, match="no-such-taxonomy"):
        make_extractor("no-such-taxonomy", settings=offline)


@pytest.mark.parametrize("make", [make_encoder, make_span_extractor])
def test_offline_without_weights_says_what_to_do(make, offline):
    with pytest.raises(WeightsError, match="SEAMARK_OFFLINE") as caught:
        make(settings=offline)
    assert caught.value.hint


@pytest.mark.parametrize("names", ["a,", ",", "a,b,c"])
def test_token_classifiers_come_in_twos(names, offline):
    with pytest.raises(UsageError, match="SKILL,KNOWLEDGE"):
        make_span_extractor(names, settings=offline)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "has no model.json"),
        ("{", "can't be read"),
        ("[]", "can't be read"),
        ('{"version": "1.0.0"}', "can't be read"),
    ],
)
def test_a_folder_that_is_no_model_is_refused(tmp_path, offline, content, message):
    if content is not None:
        (tmp_path / "model.json").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        make_encoder(str(tmp_path), settings=offline)
