"""Hard negatives: titles that lie near a text and are not right for it.

A title that is nearly as similar as the right one may well be right too, and nobody said so; it is left out
(the margin of Moreira et al. 2024, *NV-Retriever*, https://arxiv.org/abs/2407.15831, section 4, as a difference).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from seamark.building.encoder.pairs import Pair
from seamark.building.finetuning.vectors import Embed, Vectors
from seamark.extraction.matching import find_highest

MOST_REJECTED = 8
"""How many rejected titles a pair keeps, the nearest ones: each makes a step longer."""

_BLOCK = 256
"""Pairs a matrix product: bounds the memory of their similarities to all titles."""

_FAR = -2.0
"""Below every cosine."""


def add_negatives(
    pairs: Sequence[Pair], titles: Sequence[str], *, embed: Embed, count: int, margin: float
) -> list[Pair]:
    """The pairs with hard negatives: titles rejected by reviewers first, then mined ones up to ``count``.

    Args:
        pairs: their ``negatives`` are the rejected titles.
        titles: of all skills.
        embed: the encoder that training starts from.
        count: negatives a pair; rejected titles may be more, up to :data:`MOST_REJECTED`.
        margin: how much less similar to the text than the pair's own title a mined one must be, cosine.
    """
    rows = {title: row for row, title in enumerate(dict.fromkeys((*titles, *_name_titles(pairs))))}
    vectors = embed(list(rows))
    anchors = list(dict.fromkeys(pair.text for pair in pairs))
    by_text = dict(zip(anchors, embed(anchors), strict=True))
    minable = np.zeros(len(rows), dtype=bool)
    minable[[rows[title] for title in titles]] = True
    names, made = list(rows), []
    for start in range(0, len(pairs), _BLOCK):
        block = pairs[start : start + _BLOCK]
        similarities = np.stack([by_text[pair.text] for pair in block]) @ vectors.T
        for pair, own in zip(block, similarities, strict=True):
            rejected = sorted(pair.negatives, key=lambda title: -own[rows[title]])[:MOST_REJECTED]
            mined = _mine(pair, own, rows, minable, count=count - len(rejected), margin=margin)
            made.append(replace(pair, negatives=(*rejected, *(names[row] for row in mined))))
    return made


def _name_titles(pairs: Sequence[Pair]) -> Iterator[str]:
    for pair in pairs:
        yield from sorted(pair.accepted)
        yield from pair.negatives


def _mine(
    pair: Pair, similarities: Vectors, rows: dict[str, int], minable: np.ndarray, *, count: int, margin: float
) -> list[int]:
    """The rows of the nearest titles that are neither right, nor rejected, nor too near; nearest first."""
    if count <= 0:
        return []
    highest = similarities[rows[pair.title]] - margin
    own = np.where(minable & (similarities <= highest), similarities, _FAR).astype(np.float32)
    own[[rows[title] for title in (*pair.accepted, *pair.negatives)]] = _FAR
    found = find_highest(own[None, :], min(count, len(own)))[0]
    found = found[np.lexsort((found, -own[found]))]
    return [int(row) for row in found if own[row] > _FAR]
