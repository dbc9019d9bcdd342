"""Training pairs to the arrays that a step reads: every text tokenised once, batches planned ahead.

All batches of all epochs are planned before the first step, so that a run that is taken up again meets the same
ones in the same order.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import Tensor

from seamark.building.encoder.pairs import Pair
from seamark.building.finetuning.recipe import FineTuneRecipe
from seamark.errors import InputError

Indices = npt.NDArray[np.int64]

ALIKE = 8
"""Batches whose pairs are sorted by length together: little padding, and still other neighbours in each epoch."""


@dataclass(frozen=True, slots=True)
class Material:
    """Pairs as numbers.

    Attributes:
        tokens: token ids of each distinct text.
        pad: the id that fills a batch's short texts.
        texts: for each pair the number of its anchor.
        titles: for each pair the number of its title.
        accepted: for each pair the numbers of all titles that are right.
        negatives: for each pair the numbers of its explicit negatives.
        sources: for each pair its source.
    """

    tokens: list[list[int]]
    pad: int
    texts: Indices
    titles: Indices
    accepted: list[Indices]
    negatives: list[Indices]
    sources: list[str]


def read_material(pairs: Sequence[Pair], start: Path, *, max_tokens: int) -> Material:
    """The pairs, tokenised by the tokenizer in ``start``."""
    numbers: dict[str, int] = {}

    def number(text: str) -> int:
        return numbers.setdefault(text, len(numbers))

    def number_all(texts: Iterable[str]) -> Indices:
        return np.array([number(text) for text in texts], dtype=np.int64)

    texts = number_all(pair.text for pair in pairs)
    titles = number_all(pair.title for pair in pairs)
    accepted = [number_all(sorted(pair.accepted)) for pair in pairs]
    negatives = [number_all(pair.negatives) for pair in pairs]
    tokenizer = Tokenizer.from_file(str(start / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    tokens = [encoding.ids for encoding in tokenizer.encode_batch_fast(list(numbers))]
    config = json.loads((start / "config.json").read_text(encoding="utf-8"))
    pad = int(config.get("pad_token_id") or 0)
    return Material(tokens, pad, texts, titles, accepted, negatives, [pair.source for pair in pairs])


def plan_batches(material: Material, recipe: FineTuneRecipe) -> list[list[int]]:
    """The numbers of the pairs of each batch of each epoch, in the order in which they are trained on.

    A batch holds pairs of one source and of like length, so that little is wasted on padding. A lone pair without
    an explicit negative has nothing to be told apart from, and is left out.

    Raises:
        InputError: the pairs make no batch.
    """
    batches = [batch for epoch in range(recipe.epochs) for batch in _plan_epoch(material, recipe, epoch)]
    if not batches:
        raise InputError(
            f"{len(material.texts)} training pairs make no batch", expected="at least two pairs of one source"
        )
    return batches


def _plan_epoch(material: Material, recipe: FineTuneRecipe, epoch: int) -> list[list[int]]:
    chance = random.Random(recipe.seed * 1000 + epoch)
    by_source: dict[str, list[int]] = {}
    for pair, source in enumerate(material.sources):
        by_source.setdefault(source, []).append(pair)
    size, batches = recipe.batch_size, []
    for source in sorted(by_source):
        own = by_source[source]
        chance.shuffle(own)
        for start in range(0, len(own), size * ALIKE):
            alike = sorted(
                own[start : start + size * ALIKE], key=lambda p: len(material.tokens[material.texts[p]])
            )
            batches += [alike[cut : cut + size] for cut in range(0, len(alike), size)]
    chance.shuffle(batches)
    return [batch for batch in batches if len(batch) > 1 or len(material.negatives[batch[0]])]


def gather_batch(material: Material, batch: Sequence[int]) -> dict[str, Any]:
    """What a step reads of a batch of ``n`` pairs.

    ``texts`` and ``titles``: inputs of the model, each distinct text once. ``text_rows`` and ``title_rows``, both
    ``(n,)``: where a pair's anchor and title are among them. ``also_right`` ``(n, n_titles)``: true where a title
    is right for an anchor without being its own.
    """
    rows = list(batch)
    texts, text_rows = np.unique(material.texts[rows], return_inverse=True)
    wanted = [material.titles[rows], *(material.negatives[row] for row in rows)]
    titles, all_rows = np.unique(np.concatenate(wanted), return_inverse=True)
    title_rows = all_rows[: len(rows)]
    right = np.zeros((len(rows), len(titles)), dtype=bool)
    for i, row in enumerate(rows):
        right[i] = np.isin(titles, material.accepted[row])
    right[np.arange(len(rows)), title_rows] = False
    return {
        "texts": _pad(material, texts),
        "titles": _pad(material, titles),
        "text_rows": torch.from_numpy(text_rows),
        "title_rows": torch.from_numpy(title_rows),
        "also_right": torch.from_numpy(right),
    }


def _pad(material: Material, numbers: Indices) -> dict[str, Tensor]:
    tokens = [material.tokens[number] for number in numbers.tolist()]
    width = max(map(len, tokens))
    ids = np.full((len(tokens), width), material.pad, dtype=np.int64)
    mask = np.zeros((len(tokens), width), dtype=np.int64)
    for row, own in enumerate(tokens):
        ids[row, : len(own)] = own
        mask[row, : len(own)] = 1
    return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
