"""A tiny MPNet checkpoint, and one thread."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

HIDDEN, LAYERS, HEADS, WIDE, POSITIONS = 32, 2, 4, 64, 64


@pytest.fixture(autouse=True, scope="package")
def _one_thread() -> Iterator[None]:
    """Tiny models gain nothing from more threads, and lose much where other work holds the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny_mpnet(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of an MPNet model of random weights, with the tokenizer of ``tiny_base``."""
    chance = np.random.default_rng(3)

    def draw(*shape: int) -> np.ndarray:
        return chance.normal(0, 0.2, shape).astype(np.float32)

    folder = tmp_path_factory.mktemp("tiny-mpnet")
    shutil.copy(tiny_base / "tokenizer.json", folder)
    # MPNet's padding is token 1, whatever its config says
    tokenizer = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[UNK]", "unk_token": "[UNK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    vocabulary = json.loads((tiny_base / "config.json").read_text())["vocab_size"]
    tensors = {
        "embeddings.word_embeddings.weight": draw(vocabulary, HIDDEN),
        "embeddings.position_embeddings.weight": draw(POSITIONS, HIDDEN),
        "embeddings.LayerNorm.weight": 1 + draw(HIDDEN),
        "embeddings.LayerNorm.bias": draw(HIDDEN),
        "encoder.relative_attention_bias.weight": draw(32, HEADS),
    }
    linears = {f"attention.attn.{name}": (HIDDEN, HIDDEN) for name in "qkvo"}
    linears |= {"intermediate.dense": (WIDE, HIDDEN), "output.dense": (HIDDEN, WIDE)}
    for i in range(LAYERS):
        prefix = f"encoder.layer.{i}."
        for name, shape in linears.items():
            tensors[f"{prefix}{name}.weight"], tensors[f"{prefix}{name}.bias"] = draw(*shape), draw(shape[0])
        for name in ("attention.LayerNorm", "output.LayerNorm"):
            tensors[f"{prefix}{name}.weight"] = 1 + draw(HIDDEN)
            tensors[f"{prefix}{name}.bias"] = draw(HIDDEN)
    save_file(tensors, folder / "model.safetensors")
    config = {
        "model_type": "mpnet",
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "hidden_size": HIDDEN,
        "intermediate_size": WIDE,
        "layer_norm_eps": 1e-12,
        "vocab_size": vocabulary,
        "max_position_embeddings": POSITIONS,
        "relative_attention_num_buckets": 32,
        "pad_token_id": 1,
        "bos_token_id": 2,
        "eos_token_id": 3,
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder
