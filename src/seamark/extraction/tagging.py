"""From scores of BIO tags to spans: Viterbi decoding of a linear-chain CRF, and its confidences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

BEGIN, INSIDE, OUTSIDE = 0, 1, 2


def decode_tags(
    emissions: Floats, lengths: npt.NDArray[np.int64], transitions: Floats, starts: Floats
) -> tuple[npt.NDArray[np.int64], Floats]:
    """The best tags of each text and how sure each is.

    Args:
        emissions: scores ``(n_texts, n_words, 3)``.
        lengths: words of each text ``(n_texts,)``; what lies behind is padding.
        transitions: scores ``(from, to)``.
        starts: scores of the first tag.

    Returns:
        Tags ``(n_texts, n_words)`` by the Viterbi algorithm, and each word's probability of any tag
        but O ``(n_texts, n_words)`` by the forward-backward algorithm (Rabiner 1989, section III).
    """
    n_texts, n_words, n_tags = emissions.shape
    best = np.empty_like(emissions)
    back = np.zeros((n_texts, n_words, n_tags), dtype=np.int64)
    forward = np.empty_like(emissions)
    best[:, 0] = forward[:, 0] = starts + emissions[:, 0]
    for t in range(1, n_words):
        inside = (t < lengths)[:, None]
        paths = best[:, t - 1, :, None] + transitions
        back[:, t] = np.where(inside, paths.argmax(1), np.arange(n_tags))
        best[:, t] = np.where(inside, paths.max(1) + emissions[:, t], best[:, t - 1])
        summed = _log_sum_exp(forward[:, t - 1, :, None] + transitions, 1) + emissions[:, t]
        forward[:, t] = np.where(inside, summed, forward[:, t - 1])
    tags = _follow_back(best[:, -1].argmax(-1), back)
    return tags, _find_named(emissions, forward, lengths, transitions)


def _follow_back(last: npt.NDArray[np.int64], back: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    n_texts, n_words, _ = back.shape
    tags = np.empty((n_texts, n_words), dtype=np.int64)
    tags[:, -1] = last
    rows = np.arange(n_texts)
    for t in range(n_words - 1, 0, -1):
        tags[:, t - 1] = back[rows, t, tags[:, t]]
    return tags


def _find_named(
    emissions: Floats, forward: Floats, lengths: npt.NDArray[np.int64], transitions: Floats
) -> Floats:
    n_words = emissions.shape[1]
    backward = np.zeros_like(emissions)
    for t in range(n_words - 2, -1, -1):
        inside = (t + 1 < lengths)[:, None]
        ahead = _log_sum_exp(transitions + (emissions[:, t + 1] + backward[:, t + 1])[:, None, :], 2)
        backward[:, t] = np.where(inside, ahead, 0.0)
    scores = forward + backward
    outside = scores[..., OUTSIDE] - _log_sum_exp(scores, -1)
    return np.asarray((1.0 - np.exp(outside)).clip(0.0, 1.0), dtype=np.float32)


def _log_sum_exp(x: Floats, axis: int) -> Floats:
    top = x.max(axis=axis, keepdims=True)
    return np.asarray(np.log(np.exp(x - top).sum(axis=axis)) + top.squeeze(axis), dtype=np.float32)


def find_spans(tags: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """The half-open word ranges of the spans in one text's tags; an I after an O begins one."""
    start = -1
    for i, tag in enumerate((*tags.tolist(), OUTSIDE)):
        if start >= 0 and tag != INSIDE:
            yield start, i
            start = -1
        if start < 0 and tag != OUTSIDE:
            start = i
