"""An encoder whose vectors are known: words are directions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

DIMENSIONS = 24


class WordEncoder:
    """The mean of its words' random directions; texts with the same words in any order are the same."""

    dimensions = DIMENSIONS

    def __init__(self, name: str = "w" * 64) -> None:
        self.name = name
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str], *, remember: bool = False) -> np.ndarray:
        self.encoded += texts
        if not texts:
            return np.zeros((0, DIMENSIONS), dtype=np.float32)
        rows = np.stack([sum(map(_point, text.lower().split()), np.zeros(DIMENSIONS)) for text in texts])
        norms = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        return (rows / norms).astype(np.float32)


def _point(word: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
    return np.random.default_rng(seed).normal(size=DIMENSIONS)
