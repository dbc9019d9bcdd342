"""A bundle of the real MiniLM: an ordinary sentence-transformers folder, and the same answers as before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seamark import Skill, Taxonomy
from seamark.building.bundles import update_bundle, write_bundle
from seamark.extraction.bundle import Bundle, open_bundle, open_encoder, read_recorded, verify_bundle
from seamark.extraction.models import make_extractor
from seamark.extraction.ranking import Ranker
from seamark.extraction.shipped import SHIPPED
from seamark.settings import Settings
from seamark.taxonomy.samples import read_samples

pytestmark = pytest.mark.weights

TEXTS = [sample.text for sample in read_samples()][:5]


@pytest.fixture(scope="module")
def bundle(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_bundle(
        tmp_path_factory.mktemp("real") / "bundle",
        encoder=home / "base_models" / "all-MiniLM-L6-v2",
        spans="span-tagger-v1",
        ranker=Ranker.read(SHIPPED / "ranker-v1" / "ranker.json"),
        threshold=0.25,
        taxonomy=Taxonomy("starter", Taxonomy.starter().skills, "1.0.0"),
        recipe={"encoder": {"base_model": "all-MiniLM-L6-v2", "max_tokens": 128}},
        samples=TEXTS,
        settings=Settings(home=home),
    )


def test_it_predicts_what_the_same_parts_predict_unbundled(bundle, home):
    settings = Settings(home=home)
    unbundled = make_extractor("starter", model="all-MiniLM-L6-v2", settings=settings).extract_many(TEXTS)
    bundled = open_bundle(bundle.folder, settings=settings).extract_many(TEXTS)
    for first, second, recorded in zip(unbundled, bundled, read_recorded(bundle), strict=True):
        confidences = {skill.skill_id: skill.confidence for skill in first.skills}
        assert {skill.skill_id: skill.confidence for skill in second.skills} == pytest.approx(
            confidences, abs=1e-3
        )
        assert dict(recorded.skills) == pytest.approx(confidences, abs=1e-3)


def test_sentence_transformers_opens_it_with_the_same_vectors(bundle, home):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(bundle.folder / "embedding_model"), local_files_only=True)
    model.max_seq_length = 128
    texts = [*TEXTS[:3], "sql"]
    expected = np.asarray(model.encode(texts, normalize_embeddings=True))
    for engine, least in (("openvino", 0.999), ("onnxruntime", 0.9999)):  # one may compute in bf16
        found = open_encoder(bundle, Settings(home=home, engine=engine)).encode(texts)
        assert (found * expected).sum(1).min() > least


def test_an_update_predicts_the_new_skill(bundle, home, tmp_path):
    skills = (*Taxonomy.starter().skills, Skill("new", "Underwater basket weaving"))
    made, figures = update_bundle(
        tmp_path / "next", bundle, Taxonomy("starter", skills, "1.1.0"), settings=Settings(home=home)
    )
    assert (figures.embedded, figures.names_embedded, figures.removed) == (1, 1, 0)
    assert verify_bundle(made.folder) == []
    extractor = open_bundle(made.folder, settings=Settings(home=home))
    found = extractor.extract("You will teach underwater basket weaving to our guests.")
    assert "new" in {skill.skill_id for skill in found.skills}
