"""Tiny but real models: a BERT of 2 layers of 32, an encoder, a span tagger and a bundle made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from seamark.settings import Settings
from seamark.taxonomy import Skill, Taxonomy

HIDDEN, LAYERS, HEADS, WIDE, POSITIONS = 32, 2, 4, 64, 64
WORDS = (
    "build teach write data design python sql java",
    "care for patients and with the in you will",
)


def make_tokenizer() -> Tokenizer:
    """WordPiece over a few words and all ASCII letters, lower-cased, as MiniLM's."""
    letters = [chr(c) for c in range(33, 127) if not chr(c).isupper()]
    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        *" ".join(WORDS).split(),
        *letters,
        *(f"##{letter}" for letter in letters),
    ]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def make_tensors(vocabulary: int, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights under BERT's names."""
    chance = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return chance.normal(0, 0.2, shape).astype(np.float32)

    tensors = {
        "embeddings.word_embeddings.weight": draw(vocabulary, HIDDEN),
        "embeddings.position_embeddings.weight": draw(POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": draw(2, HIDDEN),
        "embeddings.LayerNorm.weight": 1 + draw(HIDDEN),
        "embeddings.LayerNorm.bias": draw(HIDDEN),
    }
    for i in range(LAYERS):
        prefix = f"encoder.layer.{i}."
        for name, n_out, n_in in (
            ("attention.self.query", HIDDEN, HIDDEN),
            ("attention.self.key", HIDDEN, HIDDEN),
            ("attention.self.value", HIDDEN, HIDDEN),
            ("attention.output.dense", HIDDEN, HIDDEN),
            ("intermediate.dense", WIDE, HIDDEN),
            ("output.dense", HIDDEN, WIDE),
        ):
            tensors[f"{prefix}{name}.weight"] = draw(n_out, n_in)
            tensors[f"{prefix}{name}.bias"] = draw(n_out)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            tensors[f"{prefix}{name}.weight"] = 1 + draw(HIDDEN)
            tensors[f"{prefix}{name}.bias"] = draw(HIDDEN)
    return tensors


def write_base(folder: Path, *, seed: int = 0) -> Path:
    """The files of a base model."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file(make_tensors(tokenizer.get_vocab_size(), seed=seed), folder / "model.safetensors")
    config = {
        "model_type": "bert",
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "hidden_size": HIDDEN,
        "intermediate_size": WIDE,
        "layer_norm_eps": 1e-12,
        "vocab_size": tokenizer.get_vocab_size(),
        "max_position_embeddings": POSITIONS,
        "pad_token_id": 0,
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def write_encoder(folder: Path, *, seed: int = 0) -> Path:
    """An encoder as sentence-transformers saves it: mean over tokens, normalised."""
    write_base(folder, seed=seed)
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(kinds.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    pooling = {"word_embedding_dimension": HIDDEN, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 32}))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]"})
    )
    return folder


BASE_NAME = "tiny/bert"
"""The base model's name, as of a repository on the model hub."""

TAXONOMY = Taxonomy(
    "tiny",
    (
        Skill("s1", "build data", alternative_titles=("design data", "python data"), type="skill"),
        Skill("s2", "teach", type="skill"),
        Skill("s3", "Python", alternative_titles=("sql and java",), type="knowledge"),
        Skill("s4", "care for patients", type="skill"),
        Skill("s5", "write sql", type="skill", status="retired"),
    ),
    "1.0.0",
)

TEXTS = ("You will build data and teach Python.", "Care for patients in the design.", "")


def make_settings(home: Path) -> Settings:
    """Settings of a home that has the tiny base model."""
    write_base(home / "base_models" / BASE_NAME)
    return Settings(home=home, offline=True, threads=1)


def write_span_part(folder: Path, base: Path) -> Path:
    """A span tagger's part with random weights; it finds something in nearly every sentence."""
    from seamark.building.parts import write_tagger_part
    from seamark.extraction.words import SHAPES

    chance = np.random.default_rng(5)
    adapter = {
        "types": np.zeros((len(SHAPES), HIDDEN), dtype=np.float32),
        "heads.weight": chance.normal(0, 0.5, (6, HIDDEN)).astype(np.float32),
        "heads.bias": np.array([1, 0, 0, 1, 0, 0], dtype=np.float32),
    }
    write_tagger_part(
        folder,
        base,
        base_model=BASE_NAME,
        max_tokens=32,
        adapter=adapter,
        transitions=np.zeros((2, 3, 3)),
        starts=np.zeros((2, 3)),
    )
    return folder


def make_ranker() -> Any:
    """A ranker that goes by similarity alone."""
    from seamark.extraction.ranking import FEATURES, Ranker

    n = len(FEATURES)
    weight = np.zeros((n, 1), dtype=np.float32)
    weight[[FEATURES.index("phrase similarity"), FEATURES.index("exact name")]] = 1.0
    return Ranker(
        np.zeros(n, dtype=np.float32),
        np.ones(n, dtype=np.float32),
        weight,
        np.zeros(1, dtype=np.float32),
        np.full(1, 4.0, dtype=np.float32),
        -4.0,
    )


RECIPE: dict[str, Any] = {
    "encoder": {"base_model": BASE_NAME, "base_sha256": "", "architecture": "bert", "max_tokens": 32},
    "loss": "",
    "training": None,
    "ranker": {"name": "similarity"},
    "seed": 13,
}


def make_bundle(output: Path, root: Path, settings: Settings, **changes: Any) -> Any:
    """A bundle in ``output``; its parts are made in ``root`` where they are not there yet."""
    from seamark.building.bundles import write_bundle

    encoder, spans = root / "encoder", root / "spans"
    if not encoder.exists():
        write_encoder(encoder)
        write_span_part(spans, settings.home / "base_models" / BASE_NAME)
    given = {
        "encoder": encoder,
        "spans": spans,
        "ranker": make_ranker(),
        "threshold": 0.3,
        "taxonomy": TAXONOMY,
        "recipe": RECIPE,
        "samples": TEXTS,
        "settings": settings,
    }
    return write_bundle(output, **{**given, **changes})
