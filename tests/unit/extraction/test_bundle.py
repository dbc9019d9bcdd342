"""Bundles read: verified to the last byte, opened without a base model."""

from __future__ import annotations

import hashlib
import json
import mmap
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seamark.errors import UsageError, WeightsError
from seamark.extraction.bundle import (
    Bundle,
    check_bundle,
    digest_manifest,
    list_files,
    open_bundle,
    parse_manifest,
    read_bundle,
    read_recorded,
    read_taxonomy,
    read_vectors,
    verify_bundle,
)
from seamark.extraction.models import make_encoder, make_extractor, make_span_extractor
from seamark.settings import Settings
from seamark.taxonomy import Skill, Taxonomy
from tiny_models import TAXONOMY, TEXTS


@pytest.fixture
def copy(tiny_bundle, tmp_path) -> Path:
    """A bundle's folder that a test may damage."""
    shutil.copytree(tiny_bundle.folder, tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture(scope="module")
def victim(tiny_bundle, tmp_path_factory) -> Path:
    """A folder whose every damage is undone by the test that did it."""
    folder = tmp_path_factory.mktemp("victim") / "bundle"
    shutil.copytree(tiny_bundle.folder, folder)
    return folder


def reseal(folder: Path, path: str, content: bytes) -> None:
    """Change a file and have the manifest agree, as only somebody who means it would."""
    (folder / path).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][path] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))


# ---- verifying


def test_a_whole_bundle_has_no_damage(tiny_bundle):
    assert verify_bundle(tiny_bundle.folder, manifest_digest=digest_manifest(tiny_bundle.folder)) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_flipped_bit_in_any_file_is_found(victim, data):
    path = data.draw(st.sampled_from(list_files(victim)))
    original = (victim / path).read_bytes()
    place, bit = data.draw(st.integers(0, len(original) - 1)), data.draw(st.integers(0, 7))
    digest = digest_manifest(victim)
    content = bytearray(original)
    content[place] ^= 1 << bit
    (victim / path).write_bytes(content)
    try:
        assert [damage.path for damage in verify_bundle(victim, manifest_digest=digest)] == [path]
    finally:
        (victim / path).write_bytes(original)


def test_a_missing_file_a_short_one_and_one_too_many_are_found(copy):
    (copy / "ranker/ranker.json").unlink()
    weights = copy / "span_extractor/weights.bin"
    weights.write_bytes(weights.read_bytes()[:-1])
    (copy / "embedding_model/more.txt").touch()
    found = {damage.path: damage.found for damage in verify_bundle(copy)}
    size = weights.stat().st_size
    assert found == {
        "ranker/ranker.json": "no file",
        "span_extractor/weights.bin": f"{size} bytes",
        "embedding_model/more.txt": "a file",
    }


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"format": 1}', b'{"format": 1, "files": {"x": {}}}']
)
def test_a_manifest_that_is_none_is_a_damage(copy, content):
    (copy / "manifest.json").write_bytes(content)
    assert [damage.path for damage in verify_bundle(copy)] == ["manifest.json"]


def test_without_a_manifest_nothing_else_is_looked_at(tmp_path):
    assert [damage.found for damage in verify_bundle(tmp_path)] == ["no file"]
    with pytest.raises(WeightsError, match=r"no readable manifest\.json"):
        read_bundle(tmp_path)


def test_a_manifest_of_a_later_format_says_so(copy):
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "format": 2}))
    with pytest.raises(WeightsError, match="format 2"):
        read_bundle(copy)


# ---- opening


def test_a_bundle_predicts_without_any_base_model(tiny_bundle, tmp_path):
    extractor = open_bundle(tiny_bundle.folder, settings=Settings(home=tmp_path / "empty", offline=True))
    found = extractor.extract_many(list(TEXTS))
    assert extractor.model_version == found[0].model_version == "candidate"
    assert extractor.threshold == 0.3
    assert {skill.skill_id for skill in found[0].skills} <= {skill.skill_id for skill in TAXONOMY.active}
    assert found[0].skills
    assert not (tmp_path / "empty").exists()


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_every_engine_gives_what_was_recorded(engine, tiny_bundle, tmp_path):
    extractor = open_bundle(
        tiny_bundle.folder, settings=Settings(home=tmp_path, engine=engine), threshold=0.0
    )
    for entry, found in zip(read_recorded(tiny_bundle), extractor.extract_many(list(TEXTS)), strict=True):
        confidences = {skill.skill_id: skill.confidence for skill in found.skills}
        for skill, confidence in entry.skills.items():
            assert confidences[skill] == pytest.approx(
                confidence, abs=0.02
            )  # one of them may compute in bf16


def test_a_registered_version_answers_under_its_number(copy, tiny_settings):
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "version": "1.2.3"}))
    assert open_bundle(copy, settings=tiny_settings).model_version == "1.2.3"
    assert read_bundle(copy).version == "1.2.3"


def test_threshold_and_top_may_be_others(tiny_bundle, tiny_settings):
    extractor = open_bundle(tiny_bundle.folder, settings=tiny_settings, threshold=0.0, top=2)
    assert len(extractor.extract(TEXTS[0]).skills) == 2


@pytest.mark.parametrize(("option", "value"), [("threshold", 1.5), ("threshold", -0.1), ("top", -1)])
def test_options_out_of_range_are_refused(option, value, tiny_bundle, tiny_settings):
    with pytest.raises(UsageError, match=option):
        open_bundle(tiny_bundle.folder, settings=tiny_settings, **{option: value})


def test_a_damaged_bundle_does_not_answer(copy, tiny_settings):
    path = copy / "embedding_model/embeddings.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"embeddings\.npy") as caught:
        open_bundle(copy, settings=tiny_settings)
    assert "\n" not in str(caught.value)


def test_several_damages_are_counted(copy):
    for path in ("taxonomy.json", "ranker/ranker.json"):
        (copy / path).unlink()
    with pytest.raises(WeightsError, match="1 more"):
        check_bundle(copy)


def test_vectors_are_mapped_not_read(tiny_bundle):
    rows = read_vectors(tiny_bundle, TAXONOMY.active)
    assert type(rows.vectors) is np.ndarray
    owner = rows.vectors
    while isinstance(owner, np.ndarray):
        owner = owner.base
    assert isinstance(owner, mmap.mmap)
    assert rows.names[0] == "build data"


def test_rows_of_a_skill_outside_the_taxonomy_are_refused(copy, tiny_settings):
    document = json.loads((copy / "taxonomy.json").read_text())
    document["skills"] = document["skills"][1:]
    del document["digest"]
    reseal(copy, "taxonomy.json", json.dumps(document).encode())
    with pytest.raises(WeightsError, match="not those of its taxonomy"):
        open_bundle(copy, settings=tiny_settings)


def test_a_taxonomy_of_another_digest_is_refused(copy):
    document = json.loads((copy / "taxonomy.json").read_text())
    document["skills"][0]["title"] = "something else"
    reseal(copy, "taxonomy.json", json.dumps(document).encode())
    with pytest.raises(WeightsError, match="digest"):
        read_taxonomy(read_bundle(copy))


@pytest.mark.parametrize(
    "path",
    [
        "embedding_model/embeddings.npy",
        "embedding_model/skills.parquet",
        "embedding_model/tokenizer.json",
        "embedding_model/model.onnx",
        "ranker/ranker.json",
        "span_extractor/manifest.json",
        "taxonomy.json",
    ],
)
def test_a_file_that_is_no_such_file_is_one_readable_line(path, copy, tiny_settings):
    reseal(copy, path, b"this is something else")
    with pytest.raises(WeightsError) as caught:
        open_bundle(copy, settings=tiny_settings)
    assert "\n" not in str(caught.value)


def test_the_record_of_predictions_may_be_unreadable(copy):
    reseal(copy, "recorded_predictions.json", b"[]")
    with pytest.raises(WeightsError, match="recorded_predictions"):
        read_recorded(read_bundle(copy))


# ---- as the model of an extractor


def test_a_bundles_folder_is_a_model_with_its_own_taxonomy(tiny_bundle, tiny_settings):
    extractor = make_extractor(model=tiny_bundle.folder, settings=tiny_settings)
    assert extractor.taxonomy == TAXONOMY
    assert extractor.model_version == "candidate"


def test_a_bundle_takes_another_taxonomy(tiny_bundle, tiny_settings, tmp_path):
    other = Taxonomy("other", (Skill("o1", "java"), Skill("o2", "build data")))
    extractor = make_extractor(
        other, model=tiny_bundle.folder, settings=replace(tiny_settings, home=tmp_path)
    )
    assert extractor.taxonomy is other
    assert "o2" in {skill.skill_id for skill in extractor.extract("You will build data.").skills}


def test_the_starter_taxonomy_can_be_named_for_a_bundle_too(tiny_bundle, tiny_settings, tmp_path):
    settings = replace(tiny_settings, home=tmp_path)
    assert make_extractor("starter", model=tiny_bundle.folder, settings=settings).taxonomy.name == "starter"


def test_its_own_taxonomy_is_not_embedded_again(tiny_bundle, tiny_settings, tmp_path):
    make_extractor(TAXONOMY, model=tiny_bundle.folder, settings=replace(tiny_settings, home=tmp_path))
    assert not (tmp_path / "embeddings").exists()


def test_encoder_and_spans_of_a_bundle_open_alone(tiny_bundle, tiny_settings):
    name = str(tiny_bundle.folder)
    assert make_encoder(name, settings=tiny_settings).encode(["java"]).shape == (1, 32)
    assert len(make_span_extractor(name, settings=tiny_settings).extract_spans(["build data"])) == 1


def test_the_size_is_that_of_all_files(tiny_bundle):
    total = sum(path.stat().st_size for path in tiny_bundle.folder.rglob("*") if path.is_file())
    assert tiny_bundle.size == total - (tiny_bundle.folder / "manifest.json").stat().st_size
    assert Bundle(tiny_bundle.folder, tiny_bundle.manifest).threshold == 0.3


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "/etc/outside", "..\\outside"])
def test_a_manifest_that_names_files_outside_its_bundle_is_refused(name: str) -> None:
    content = json.dumps({"format": 1, "files": {name: {"size": 0, "sha256": ""}}}).encode()
    with pytest.raises(ValueError, match="outside the bundle"):
        parse_manifest(content)
