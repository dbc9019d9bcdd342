"""The contrastive loss of fine-tuning, as a sentence-transformers loss.

InfoNCE with in-batch negatives (van den Oord et al. 2018, https://arxiv.org/abs/1807.03748, equation 4) in both
directions, as ``MultipleNegativesSymmetricRankingLoss``; unlike it, a title that is also right for a text is
masked, never a negative, and explicit negatives stand beside the batch's titles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that PyTorch's own documentation uses

MASKED = -1e4
"""Score of what is neither right nor wrong: its share of the softmax is 0."""


class MaskedSymmetricRankingLoss(nn.Module):
    """Texts next to their titles, away from the batch's other titles and from explicit negatives.

    Args:
        model: a ``SentenceTransformer``; its vectors are unit vectors.
        scale: what cosines are multiplied by (the inverse of the temperature).
    """

    def __init__(self, model: nn.Module, *, scale: float) -> None:
        super().__init__()
        self.model = model
        self.scale = scale
        self.last = 0.0

    def forward(self, sentence_features: Sequence[dict[str, Tensor]], labels: Mapping[str, Tensor]) -> Tensor:
        """The loss of one batch, in nats.

        Args:
            sentence_features: the model's inputs for the texts, and for the titles.
            labels: ``text_rows``, ``title_rows`` and ``also_right``, as
                :func:`seamark.building.finetuning.batches.gather_batch` gives them.
        """
        texts, titles = (self._embed(features) for features in sentence_features)
        with torch.autocast("cpu", enabled=False):
            scores = self.scale * (texts.float()[labels["text_rows"]] @ titles.float().T)
            loss = rank_symmetrically(scores, labels["title_rows"], labels["also_right"])
        self.last = loss.item()
        return loss

    def _embed(self, features: dict[str, Tensor]) -> Tensor:
        output: Any = self.model(features)
        return cast("Tensor", output["sentence_embedding"])


def rank_symmetrically(scores: Tensor, title_rows: Tensor, also_right: Tensor) -> Tensor:
    """Cross-entropy of texts over titles and of titles over texts, averaged.

    Args:
        scores: ``(n_texts, n_titles)``.
        title_rows: ``(n_texts,)``, each text's own title.
        also_right: ``(n_texts, n_titles)``, titles that are right for a text besides its own.
    """
    scores = scores.masked_fill(also_right, MASKED)
    # a text whose own title is the same is right for it too
    twins = (title_rows[:, None] == title_rows).fill_diagonal_(False)
    backward = scores[:, title_rows].T.masked_fill(twins, MASKED)
    numbers = torch.arange(len(scores))
    return (F.cross_entropy(scores, title_rows) + F.cross_entropy(backward, numbers)) / 2
