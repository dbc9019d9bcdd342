"""How many floating-point operations an encoder's answer needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a BERT-like encoder.

    Attributes:
        layers: how many.
        hidden: length of a token's vector, h.
        intermediate: width of the feed-forward part, i.
    """

    layers: int
    hidden: int
    intermediate: int


def count_operations(lengths: Iterable[int], shape: Shape) -> int:
    """Operations that texts of these lengths (in tokens) need; a multiplication and an addition are two.

    2·t·layers·(4h² + 2h·i) for the products with weights (query, key, value, output; feed-forward up
    and down) and 4·layers·t²·h for attention (scores, and the weighted sum of values), summed over
    texts of t tokens. Padding, look-ups, norms, softmax and activations are work too, but not counted.
    """
    weights = 4 * shape.hidden**2 + 2 * shape.hidden * shape.intermediate
    return sum(
        2 * tokens * shape.layers * weights + 4 * shape.layers * tokens**2 * shape.hidden
        for tokens in lengths
    )
