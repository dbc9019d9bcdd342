"""Texts to unit vectors: batches with little padding, each distinct text once, frequent ones remembered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from seamark.errors import WeightsError
from seamark.extraction.cache import BoundedCache
from seamark.extraction.chunking import plan_batches
from seamark.extraction.engines import Engine

Vectors = npt.NDArray[np.float32]

MAX_BATCH = 64
MAX_BATCH_TOKENS = 3072
"""Bounds of one batch: big enough to fill the matrix units, small enough for the second-level cache."""


class Encoder:
    """Sentence encoder.

    Args:
        engine: runs the graph; its output is one unit vector a text.
        tokenizer: the model's own; cuts at its own limit.
        dimensions: length of a vector.
        name: digest of weights and tokenizer: vectors of equal names may be compared.
        cache_size: how many vectors of recent texts are kept (at 384 dimensions 1.5 KB each).
    """

    def __init__(
        self, engine: Engine, tokenizer: Tokenizer, *, dimensions: int, name: str, cache_size: int = 20_000
    ) -> None:
        self.dimensions = dimensions
        self.name = name
        self._engine = engine
        self._tokenizer = tokenizer
        self._cache = BoundedCache[str, Vectors](cache_size)

    def encode(self, texts: Sequence[str], *, remember: bool = False) -> Vectors:
        """Unit vectors ``(len(texts), dimensions)``.

        Args:
            texts: what to encode; equal texts are encoded once.
            remember: keep the vectors in the bounded cache, for phrases that come again.
        """
        distinct = list(dict.fromkeys(texts))
        known = self._cache.recall(distinct) if remember else {}
        new = [text for text in distinct if text not in known]
        vectors = self._run(new)
        if remember:
            # copies: a row of the batch would keep the whole batch alive
            self._cache.keep({text: vector.copy() for text, vector in zip(new, vectors, strict=True)})
        known.update(zip(new, vectors, strict=True))
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        return np.stack([known[text] for text in texts])

    def _run(self, texts: Sequence[str]) -> Vectors:
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        ids = [encoding.ids for encoding in encodings]
        lengths = [len(row) for row in ids]
        for rows in plan_batches(lengths, max_batch=MAX_BATCH, max_tokens=MAX_BATCH_TOKENS):
            vectors[rows] = self._engine.run(pad_batch([ids[row] for row in rows]))
        return vectors


def pad_batch(
    ids: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None = None
) -> dict[str, npt.NDArray[np.int64]]:
    """Inputs of a graph, each ``(n_texts, n_tokens)``, padded with 0 to the longest text.

    Args:
        ids: token ids of each text.
        types: token types of each text; all 0 when left out.
    """
    width = max(map(len, ids))
    inputs = {
        name: np.zeros((len(ids), width), dtype=np.int64)
        for name in ("input_ids", "attention_mask", "token_type_ids")
    }
    for row, tokens in enumerate(ids):
        inputs["input_ids"][row, : len(tokens)] = tokens
        inputs["attention_mask"][row, : len(tokens)] = 1
        if types is not None:
            inputs["token_type_ids"][row, : len(tokens)] = types[row]
    return inputs


def read_tokenizer(folder: Path, max_tokens: int) -> Tokenizer:
    """The tokenizer in ``folder``; it cuts what is longer than ``max_tokens`` and pads nothing.

    Raises:
        WeightsError: ``tokenizer.json`` is missing or damaged.
    """
    path = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the package raises nothing more specific
        raise WeightsError(f"the tokenizer {path} can't be read ({error})") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer
