"""Vectors of a sentence-transformers folder, for choosing material and for evaluating."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

Embed = Callable[[Sequence[str]], Vectors]
"""Texts to unit vectors ``(n_texts, dimensions)``."""


def open_embedder(folder: Path) -> Embed:
    """The encoder in a sentence-transformers folder, in bfloat16 where the machine has it.

    Raises:
        WeightsError: the folder can't be opened.
    """
    model = open_model(folder)

    def embed(texts: Sequence[str]) -> Vectors:
        import torch

        from seamark.building.finetuning.adapter import has_fast_bf16

        if not texts:
            return np.zeros((0, model.get_embedding_dimension()), dtype=np.float32)
        with torch.autocast("cpu", torch.bfloat16, enabled=has_fast_bf16()):
            vectors = model.encode(
                list(texts), batch_size=64, show_progress_bar=False, convert_to_tensor=True
            )
        return np.asarray(vectors.float().numpy(), dtype=np.float32)

    return embed


def open_model(folder: Path) -> Any:
    """The ``SentenceTransformer`` in ``folder``, without a network and without a word.

    Raises:
        WeightsError: the folder can't be opened.
    """
    from sentence_transformers import SentenceTransformer

    from seamark.building.finetuning.adapter import hushed
    from seamark.errors import WeightsError

    try:
        with hushed():
            return SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(
            f"{folder} can't be opened ({error})", expected="a sentence-transformers folder"
        ) from error
