from __future__ import annotations

import os
from dataclasses import replace

import pytest

from seamark.errors import CandidateError, StorageError, WeightsError
from seamark.extraction.bundle import open_bundle
from seamark.extraction.result import ExtractedSkill, Span, make_prediction
from seamark.registry.bundles import locate_version
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


def test_a_model_answers_from_files_that_nobody_else_can_reach(workspace):
    loading = workspace.cache / "loading"
    (loading / "of a killed process").mkdir(parents=True)
    os.utime(loading / "of a killed process", (0, 0))
    (loading / "of another process").mkdir()
    model = load_model(workspace, "1.0.0", "")
    assert [left.name for left in loading.iterdir()] == ["of another process"]
    assert model.extractor.extract("teach Python").skills


def test_what_is_said_of_a_damaged_version_names_no_folder_of_the_server(workspace):
    path = workspace.store.local_path(f"{locate_version('1.0.0')}ranker/ranker.json")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(
        WeightsError, match=r"the bundle of 1\.0\.0 is damaged: ranker/ranker\.json"
    ) as caught:
        load_model(workspace, "1.0.0", "")
    assert str(workspace.folder) not in str(caught.value)
    with pytest.raises(WeightsError, match=r"the bundle of 1\.0\.1") as caught:
        load_model(workspace, "1.0.1", "0" * 64)
    assert str(workspace.folder) not in str(caught.value)


def test_a_cache_that_cannot_be_written_is_no_fault_of_the_version(workspace):
    workspace.cache.mkdir(exist_ok=True)
    (workspace.cache / "loading").write_text("a file")
    with pytest.raises(StorageError, match=r"loading can't be written"):
        load_model(workspace, "1.0.0", "")


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
