"""The span tagger that is trained: one encoder pass, a BIO head for each kind of span, a CRF on top.

Design choices:

- One pass over the adapted encoder serves every head.
- Each head scores B, I and O at the first token of every word; a linear-chain CRF (Lafferty et al. 2001)
  learns which tag follows which, so that strict spans do not fall apart in the middle.
- Material that annotates by another guideline (spans_extra's two sets mark skills in their own way)
  gets a head of its own: it teaches the encoder without teaching the wrong boundaries. Those heads
  are dropped when the adapter is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from seamark.building.adapted_bert import AdaptedBert

N_TAGS = 3
"""B, I, O, in this order."""

FORBIDDEN = -1e4
"""Score of what can't be: an I that opens a sentence or follows an O."""


class SpanTagger(nn.Module):
    """Scores of BIO tags for each word, for each of ``n_heads`` kinds of span."""

    def __init__(self, base: Path, *, n_heads: int, rank: int, token_shapes: int, dropout: float) -> None:
        super().__init__()
        self.encoder = AdaptedBert(base, rank=rank, token_shapes=token_shapes, dropout=dropout)
        hidden = self.encoder.shape.hidden
        self.n_heads = n_heads
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.Linear(hidden, n_heads * N_TAGS)
        self.transitions = nn.Parameter(torch.zeros(n_heads, N_TAGS, N_TAGS))
        self.starts = nn.Parameter(torch.zeros(n_heads, N_TAGS))

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor, words: Tensor) -> Tensor:
        """Emissions ``(n_heads, n_texts, n_words, 3)``.

        Args:
            ids: token ids ``(n_texts, n_tokens)``.
            mask: 1 for a token, 0 for padding.
            types: the shape of each token's word.
            words: the position of each word's first token ``(n_texts, n_words)``; 0 where there is none.
        """
        hidden = cast("Tensor", self.encoder(ids, mask, types)).float()
        first = hidden.gather(1, words[..., None].expand(-1, -1, hidden.shape[-1]))
        scores = self.heads(self.dropout(first))
        return cast("Tensor", scores.unflatten(-1, (self.n_heads, N_TAGS)).permute(2, 0, 1, 3))

    def get_transitions(self) -> tuple[Tensor, Tensor]:
        """``(n_heads, from, to)`` and ``(n_heads, first tag)`` scores with the impossible ones forbidden."""
        forbidden = torch.zeros(N_TAGS, N_TAGS)
        forbidden[2, 1] = FORBIDDEN
        return self.transitions + forbidden, self.starts + torch.tensor((0.0, FORBIDDEN, 0.0))


def measure_crf_loss(
    emissions: Tensor, tags: Tensor, lengths: Tensor, transitions: Tensor, starts: Tensor
) -> Tensor:
    """The negative log-likelihood of ``tags`` for each text, in nats, shape ``(n_texts,)``.

    Args:
        emissions: ``(n_texts, n_words, 3)``.
        tags: the true tags ``(n_texts, n_words)``.
        lengths: the number of words of each text.
        transitions: ``(from, to)`` scores.
        starts: scores of the first tag.
    """
    n_words = emissions.shape[1]
    inside = torch.arange(n_words)[None, :] < lengths[:, None]
    forward = starts + emissions[:, 0]
    gold = forward.gather(1, tags[:, :1])[:, 0]
    for t in range(1, n_words):
        step = torch.logsumexp(forward[:, :, None] + transitions, dim=1) + emissions[:, t]
        forward = torch.where(inside[:, t, None], step, forward)
        gain = transitions[tags[:, t - 1], tags[:, t]] + emissions[:, t].gather(1, tags[:, t, None])[:, 0]
        gold = gold + torch.where(inside[:, t], gain, torch.zeros_like(gain))
    return torch.logsumexp(forward, dim=1) - gold
