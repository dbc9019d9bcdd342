"""Where training starts: folders that sentence-transformers opens and that give our engine's vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from seamark.building.adapted_bert import AdaptedBert
from seamark.building.finetuning.starts import copy_start, merge_adapter, write_encoder_folder, write_start
from seamark.building.finetuning.vectors import open_embedder
from seamark.building.parts import write_encoder_part
from seamark.errors import UsageError, WeightsError
from seamark.extraction.encoder import Encoder
from seamark.extraction.engines import OpenVinoEngine
from seamark.extraction.models import make_encoder
from seamark.extraction.shipped import open_part, prepare_engine, read_tensors
from seamark.settings import Settings

HIDDEN = 32
TEXTS = ["you will teach python", "care for the patients", "SQL and data", "design"]


def open_own(part: Path, base: Path, home: Path, *, max_tokens: int = 16) -> Encoder:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.enable_truncation(max_tokens)
    engine = OpenVinoEngine(prepare_engine(open_part(part.name, root=part.parent), base, home))
    return Encoder(engine, tokenizer, dimensions=HIDDEN, name="own")


@pytest.mark.parametrize("kind", ["bert", "mpnet"])
def test_a_plain_base_gives_the_vectors_of_our_engine(kind, tiny_base, tiny_mpnet, tmp_path):
    base = tiny_base if kind == "bert" else tiny_mpnet
    write_encoder_part(tmp_path / "part", base, base_model="tiny", max_tokens=16)
    own = open_own(tmp_path / "part", base, tmp_path / "home").encode(TEXTS)
    embed = open_embedder(write_encoder_folder(tmp_path / "start", base, max_tokens=16))
    assert np.einsum("ij,ij->i", own, embed(TEXTS)).min() > 0.999


def test_a_merged_adapter_gives_the_vectors_of_our_engine(tiny_base, tmp_path):
    model = AdaptedBert(tiny_base, rank=3)
    chance = np.random.default_rng(1)
    adapter = {
        name: value + chance.normal(0, 0.3, value.shape).astype(np.float32)
        for name, value in model.read_adapter().items()
    }
    adapter["types"] = adapter["types"][:1]
    write_encoder_part(tmp_path / "part", tiny_base, base_model="tiny", max_tokens=16, adapter=adapter)
    own = open_own(tmp_path / "part", tiny_base, tmp_path / "home").encode(TEXTS)
    base = read_tensors(tiny_base / "model.safetensors")
    start = write_encoder_folder(tmp_path / "start", tiny_base, merge_adapter(base, adapter), max_tokens=16)
    assert np.einsum("ij,ij->i", own, open_embedder(start)(TEXTS)).min() > 0.999
    plain = open_embedder(write_encoder_folder(tmp_path / "plain", tiny_base, max_tokens=16))
    assert np.einsum("ij,ij->i", own, plain(TEXTS)).min() < 0.99


def test_merging_nothing_gives_the_base_back(tiny_mpnet):
    base = read_tensors(tiny_mpnet / "model.safetensors")
    merged = merge_adapter(base, {})
    assert merged.keys() == base.keys()
    for name, tensor in merged.items():
        np.testing.assert_array_equal(tensor, base[name])


def test_no_texts_make_no_vectors(tiny_base, tmp_path):
    embed = open_embedder(write_encoder_folder(tmp_path / "start", tiny_base, max_tokens=16))
    assert embed([]).shape == (0, HIDDEN)


def test_a_bundles_folder_is_started_from_without_its_graph(tiny_base, tmp_path):
    model = write_encoder_folder(tmp_path / "embedding_model", tiny_base, max_tokens=16)
    (model / "model.onnx").write_bytes(b"graph")
    (model / "embeddings.npy").write_bytes(b"vectors")
    start = write_start(tmp_path / "start", base=model, settings=Settings(home=tmp_path))
    names = {path.name for path in start.iterdir()}
    assert names == {path.name for path in model.iterdir()} - {"model.onnx", "embeddings.npy"}
    np.testing.assert_array_equal(open_embedder(start)(TEXTS), open_embedder(model)(TEXTS))


@pytest.mark.parametrize("lost", ["config.json", "1_Pooling", "tokenizer.json"])
def test_a_folder_that_lacks_a_file_is_refused(tiny_base, tmp_path, lost):
    model = write_encoder_folder(tmp_path / "model", tiny_base, max_tokens=16)
    (model / lost).rename(tmp_path / "lost")
    with pytest.raises(WeightsError, match=f"has no {lost}"):
        copy_start(tmp_path / "start", model)
    assert not (tmp_path / "start").exists()


def test_a_folder_that_is_there_is_not_written_over(tiny_base, tmp_path):
    (tmp_path / "start").mkdir()
    with pytest.raises(UsageError, match="is there already"):
        write_encoder_folder(tmp_path / "start", tiny_base, max_tokens=16)


def test_an_unknown_base_is_named(tmp_path):
    with pytest.raises(UsageError, match="no-such-model"):
        write_start(tmp_path / "start", base="no-such-model", settings=Settings(home=tmp_path))


def test_a_folder_that_can_not_be_opened_is_named(tmp_path):
    with pytest.raises(WeightsError, match="can't be opened"):
        open_embedder(tmp_path)


@pytest.mark.weights
def test_the_shipped_adapter_gives_its_own_vectors(home, tmp_path):
    settings = Settings(home=home, engine="onnxruntime")
    start = write_start(tmp_path / "start", settings=settings)
    texts = ["You write Python and SQL for hospitals.", "teach", "care for patients with dementia " * 20]
    own = make_encoder(settings=settings).encode(texts)
    assert np.einsum("ij,ij->i", own, open_embedder(start)(texts)).min() > 0.9999
    assert len(load_file(start / "model.safetensors")) > 100
