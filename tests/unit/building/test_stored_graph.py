"""Graphs over a safetensors file: the vectors of the model that wrote the file, in either engine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from transformers import MPNetConfig, MPNetModel

from seamark.building.graph import build_embedder, build_stored_embedder
from seamark.building.parts import read_sizes
from seamark.building.stored import rewrite_tensors
from seamark.errors import WeightsError
from seamark.extraction.encoder import pad_batch
from seamark.extraction.engines import ENGINES, open_engine
from seamark.extraction.merging import merge_weights, write_weights
from seamark.extraction.shipped import read_tensors

IDS = [[2, 5, 6, 7, 3], [2, 9, 3], [2, *range(4, 34), 3]]


@pytest.fixture(scope="module")
def mpnet_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny MPNet as transformers saves it."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("mpnet")
    config = MPNetConfig(
        vocab_size=60, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64, attn_implementation="eager",
    )  # fmt: skip
    MPNetModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(params=["tiny_base", "mpnet_base"])
def base(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def write_stored(base: Path, folder: Path) -> Path:
    stored = rewrite_tensors(base / "model.safetensors", folder / "model.safetensors")
    (folder / "model.onnx").write_bytes(build_stored_embedder(read_sizes(base), stored))
    return folder


def write_merged(base: Path, folder: Path) -> Path:
    graph, layout = build_embedder(read_sizes(base))
    (folder / "model.onnx").write_bytes(graph)
    with (folder / "weights.bin").open("wb") as file:
        write_weights(file, merge_weights(read_tensors(base / "model.safetensors")), layout)
    return folder


@pytest.mark.parametrize("engine", ENGINES)
def test_it_gives_the_vectors_of_the_graph_with_merged_weights(base, engine, tmp_path):
    for name in ("stored", "merged"):
        (tmp_path / name).mkdir()
    found = open_engine(engine, write_stored(base, tmp_path / "stored")).run(pad_batch(IDS))
    other = open_engine(engine, write_merged(base, tmp_path / "merged")).run(pad_batch(IDS))
    assert (found * other).sum(1).min() > 0.9999


def test_it_gives_the_vectors_of_torch(mpnet_base, tmp_path):
    found = open_engine("onnxruntime", write_stored(mpnet_base, tmp_path)).run(pad_batch(IDS))
    model = MPNetModel.from_pretrained(mpnet_base, attn_implementation="eager").eval()
    for ids, vector in zip(IDS, found, strict=True):
        with torch.inference_mode():
            states = model(torch.tensor([ids])).last_hidden_state
        mean = torch.nn.functional.normalize(states.mean(1), dim=-1)[0].numpy()
        assert float(mean @ vector) > 0.9999


def test_the_rewritten_file_holds_the_same_tensors_where_it_says(base, tmp_path):
    stored = rewrite_tensors(base / "model.safetensors", tmp_path / "model.safetensors")
    before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "model.safetensors")
    assert after.keys() == stored.tensors.keys() == {name for name in before if "position_ids" not in name}
    content = (tmp_path / "model.safetensors").read_bytes()
    for name, (start, shape) in stored.tensors.items():
        assert start % 64 == 0 or before[name].nbytes % 64
        np.testing.assert_array_equal(after[name], before[name])
        raw = content[start : start + after[name].nbytes]
        np.testing.assert_array_equal(np.frombuffer(raw, "<f4").reshape(shape), before[name])


def test_tensors_of_half_precision_and_of_any_order_are_written_alike(tmp_path):
    tensors = {"b": np.ones((3, 2), dtype=np.float16), "a": np.zeros(4, dtype=np.float16)}
    extra = {"x.position_ids": np.arange(3)}
    save_file({**tensors, **extra}, tmp_path / "one.safetensors")
    save_file(dict(reversed(tensors.items())), tmp_path / "two.safetensors")
    for name in ("one", "two"):
        rewrite_tensors(tmp_path / f"{name}.safetensors", tmp_path / f"{name}.out")
    assert (tmp_path / "one.out").read_bytes() == (tmp_path / "two.out").read_bytes()
    assert load_file(tmp_path / "one.out")["b"].dtype == np.float32


def test_weights_that_do_not_fit_their_config_are_refused(tiny_base, tmp_path):
    (tmp_path / "base").mkdir()
    config = json.loads((tiny_base / "config.json").read_text())
    stored = rewrite_tensors(tiny_base / "model.safetensors", tmp_path / "model.safetensors")
    for changed, message in (
        ({"num_hidden_layers": 3}, "no tensor"),
        ({"intermediate_size": 65}, "of shape"),
    ):
        (tmp_path / "base" / "config.json").write_text(json.dumps({**config, **changed}))
        with pytest.raises(WeightsError, match=message):
            build_stored_embedder(read_sizes(tmp_path / "base"), stored)
