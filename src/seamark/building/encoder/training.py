"""Training of the encoder's adapter: texts next to the titles of their skills.

The loss is InfoNCE with in-batch negatives (van den Oord et al. 2018, https://arxiv.org/abs/1807.03748,
equation 4) in both directions, as sentence-transformers' ``MultipleNegativesSymmetricRankingLoss``; unlike it,
a title that is also right for a text is masked, never a negative.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that PyTorch's own documentation uses

from seamark.building.adapted_bert import AdaptedBert, pool_mean
from seamark.building.encoder.pairs import Pair

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EncoderRecipe:
    """Everything that decides what a training run gives, besides its data.

    Attributes:
        rank: rank of the adapter.
        epochs: how often each pair is seen.
        batch_size: pairs a step; more mean more negatives for each.
        learning_rate: the peak of a one-cycle schedule.
        weight_decay: of AdamW.
        scale: what cosines are multiplied by in the loss (the inverse of its temperature).
        max_tokens: longer texts are cut.
        dropout: share of activations dropped.
        seed: of the shuffling and of the adapter's first values.
    """

    rank: int = 48
    epochs: int = 1
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    scale: float = 20.0
    max_tokens: int = 64
    dropout: float = 0.0
    seed: int = 13


def train_encoder(
    base: Path,
    pairs: Sequence[Pair],
    recipe: EncoderRecipe,
    *,
    on_step: Callable[[int, int, float, AdaptedBert], None] | None = None,
) -> AdaptedBert:
    """The trained encoder.

    Args:
        base: folder of the base model (``model.safetensors``, ``config.json``, ``tokenizer.json``).
        pairs: the material.
        recipe: the settings.
        on_step: told of every step: its number, how many there are, the loss, the model.
    """
    torch.manual_seed(recipe.seed)
    tokenizer = load_tokenizer(base, max_tokens=recipe.max_tokens)
    model = AdaptedBert(base, rank=recipe.rank, dropout=recipe.dropout)
    batches = [batch for epoch in range(recipe.epochs) for batch in make_batches(pairs, recipe, epoch)]
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=len(batches), pct_start=0.1
    )
    model.train()
    for step, batch in enumerate(batches):
        loss = measure_loss(model, tokenizer, batch, scale=recipe.scale)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if on_step:
            on_step(step + 1, len(batches), loss.item(), model)
    return model.eval()


def make_batches(pairs: Sequence[Pair], recipe: EncoderRecipe, epoch: int) -> list[list[Pair]]:
    """The pairs in batches of one source each, in random order.

    Pairs of a source are of like length, so that batches of one source waste little on padding.
    """
    chance = random.Random(recipe.seed * 1000 + epoch)
    batches: list[list[Pair]] = []
    for source in sorted({pair.source for pair in pairs}):
        of_source = [pair for pair in pairs if pair.source == source]
        chance.shuffle(of_source)
        cuts = range(0, len(of_source), recipe.batch_size)
        batches += [of_source[cut : cut + recipe.batch_size] for cut in cuts]
    chance.shuffle(batches)
    return [batch for batch in batches if len(batch) > 1]


def measure_loss(model: AdaptedBert, tokenizer: Tokenizer, batch: Sequence[Pair], *, scale: float) -> Tensor:
    """The symmetric InfoNCE loss of one batch, in nats."""
    with torch.autocast("cpu", torch.bfloat16):
        texts = encode_batch(model, tokenizer, [pair.text for pair in batch])
        titles = encode_batch(model, tokenizer, [pair.title for pair in batch])
    scores = scale * (texts.float() @ titles.float().T)
    also_right = torch.tensor([[other.title in pair.accepted for other in batch] for pair in batch])
    also_right.fill_diagonal_(False)
    scores = scores.masked_fill(also_right, -1e4)
    target = torch.arange(len(batch))
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2


def encode_batch(model: AdaptedBert, tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """Unit vectors ``(n_texts, hidden)`` of one batch."""
    encodings = tokenizer.encode_batch(list(texts))
    ids = torch.tensor([encoding.ids for encoding in encodings])
    mask = torch.tensor([encoding.attention_mask for encoding in encodings])
    return pool_mean(cast("Tensor", model(ids, mask)), mask)


def load_tokenizer(base: Path, *, max_tokens: int) -> Tokenizer:
    """The base model's tokenizer, padding each batch to its longest text."""
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.enable_truncation(max_tokens)
    tokenizer.enable_padding()
    return tokenizer
