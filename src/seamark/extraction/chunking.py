"""Work cut into parts: chunks in the order given, and batches of like length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from seamark.errors import UsageError

T = TypeVar("T")

# A call of the engine costs about as much as this many tokens: less padding is not worth a batch.
_FREE_PADDING = 64
_PADDING_SHARE = 16  # beyond that, at most one padded token to sixteen real ones


def iter_chunks(items: Sequence[T], chunk_size: int) -> Iterator[Sequence[T]]:
    """The items in their order, ``chunk_size`` at a time; the last chunk holds what is left.

    Four items and a chunk size of 3 make chunks of 3 and 1.

    Raises:
        UsageError: ``chunk_size`` is below 1.
    """
    _check_at_least_one("chunk_size", chunk_size)
    return (items[start : start + chunk_size] for start in range(0, len(items), chunk_size))


def plan_batches(lengths: Sequence[int], *, max_batch: int, max_tokens: int) -> list[list[int]]:
    """Batches of indices into ``lengths``, each index once, the longest first.

    Every member of a batch is padded to its longest, so like lengths go together and a batch is
    closed before padding would take more than a sixteenth of its tokens. The same lengths always give the same
    batches.

    Args:
        lengths: the length of each input in tokens.
        max_batch: the most inputs in a batch.
        max_tokens: the most tokens in a batch, padding included; an input that is longer by itself
            gets a batch of its own.

    Raises:
        UsageError: ``max_batch`` or ``max_tokens`` is below 1.
    """
    _check_at_least_one("max_batch", max_batch)
    _check_at_least_one("max_tokens", max_tokens)
    batches: list[list[int]] = []
    longest = room = padding = real = 0
    for i in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        length = lengths[i]
        wasted = padding + longest - length
        if room == 0 or wasted > max(_FREE_PADDING, (real + length) // _PADDING_SHARE):
            batches.append([])
            longest, wasted, real = length, 0, 0
            room = max(min(max_batch, max_tokens // max(length, 1)), 1)
        batches[-1].append(i)
        padding, real, room = wasted, real + length, room - 1
    return batches


def _check_at_least_one(name: str, value: int) -> None:
    if value < 1:
        raise UsageError(f"{name}={value}", expected="a whole number of 1 or more")
