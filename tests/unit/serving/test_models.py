from __future__ import annotations

from dataclasses import replace

import pytest

from seamark.errors import CandidateError, WeightsError
from seamark.extraction.bundle import open_bundle
from seamark.extraction.result import ExtractedSkill, Span, make_prediction
from seamark.serving.models import check_prediction, load_model, make_view, try_out
from seamark.settings import StageSettings

TEXT = "You teach Python."


@pytest.fixture(scope="module")
def extractor(tiny_bundle, tiny_settings):
    return open_bundle(tiny_bundle.folder, settings=tiny_settings)


def predict(**changes):
    skill = ExtractedSkill(
        "s2", "teach", "skill", 0.8, "teach", evidence=(Span(4, 9, "teach", "skill", 0.9),)
    )
    return make_prediction(TEXT, (replace(skill, **changes),), model_version="1.0.0", nonce=b"")


def test_a_version_is_loaded_with_what_its_manifest_says(workspace):
    model = load_model(workspace, "1.0.1", "")
    assert (model.version, model.extractor.model_version) == ("1.0.1", "1.0.1")
    assert model.taxonomy["name"] == "tiny"
    assert model.threshold == pytest.approx(0.3)


def test_a_version_whose_manifest_is_another_than_registered_is_refused(workspace):
    with pytest.raises(WeightsError):
        load_model(workspace, "1.0.1", "0" * 64)


def test_a_good_model_passes(extractor):
    try_out(extractor)
    check_prediction(predict(), TEXT, extractor)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"skill_id": "s9"}, "not in its taxonomy"),
        ({"skill_id": "s5"}, "not in its taxonomy"),  # retired
        ({"confidence": float("nan")}, "confidence"),
        ({"confidence": 1.1}, "confidence"),
        ({"confidence": -0.1}, "confidence"),
        ({"evidence": (Span(0, 5, "teach", "skill", 0.9),)}, "not in the text"),
    ],
)
def test_a_prediction_that_is_not_well_formed_is_refused(extractor, changes, says):
    with pytest.raises(CandidateError, match=says):
        check_prediction(predict(**changes), TEXT, extractor)


def test_a_skill_that_is_predicted_twice_is_refused(extractor):
    prediction = predict()
    twice = replace(prediction, skills=prediction.skills * 2)
    with pytest.raises(CandidateError, match="twice"):
        check_prediction(twice, TEXT, extractor)


def test_a_model_whose_numbers_are_broken_is_refused_though_it_predicts_nothing(extractor):
    class Broken:
        taxonomy = extractor.taxonomy

        def extract(self, text):
            return make_prediction(text, (), model_version="1.0.0", nonce=b"")

        def extract_many(self, texts):
            return [self.extract(text) for text in texts]

        def rank_phrases(self, phrases, *, depth):
            return [[("s1", float("nan"))] for _ in phrases]

    with pytest.raises(CandidateError, match="no confidence"):
        try_out(Broken())


def test_stages_see_one_model_with_their_own_threshold(workspace):
    model = load_model(workspace, "1.0.1", "")
    own = make_view(model, StageSettings())
    strict = make_view(model, StageSettings(threshold=0.9, top=1))
    assert own == make_view(model, StageSettings(sampling_percent=5.0))
    assert own != strict
    assert own.extractor.threshold == pytest.approx(0.3)
    assert (strict.extractor.threshold, strict.extractor.top) == (0.9, 1)
    assert strict.extractor._matcher is own.extractor._matcher
