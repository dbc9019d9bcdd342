"""A BERT encoder whose pretrained weights stay frozen while small adapters learn.

Design choices:

- The base weights are read straight from a ``model.safetensors`` and never change; what is trained
  is a low-rank update of every linear layer (LoRA, Hu et al. 2022, https://arxiv.org/abs/2106.09685),
  the biases and the layer norms (BitFit, Ben Zaken et al. 2022). That is what ships: a few MB.
- Token shapes (``Java`` or ``java``, ``SQL``, ``C++``, ``3``) ride in on BERT's token-type table: MiniLM reads
  lower-cased text, and the table costs one addition.
- Attention is two plain matrix products: the texts are short, and the fused kernel's backward pass
  is the slower there.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that PyTorch's own documentation uses


@dataclass(frozen=True, slots=True)
class BertShape:
    """The sizes of a BERT encoder, as its ``config.json`` gives them."""

    layers: int
    heads: int
    hidden: int
    intermediate: int
    eps: float

    @classmethod
    def read(cls, folder: Path) -> BertShape:
        """The shape that ``config.json`` in ``folder`` describes."""
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return cls(
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            hidden=config["hidden_size"],
            intermediate=config["intermediate_size"],
            eps=config["layer_norm_eps"],
        )


class AdaptedLinear(nn.Module):
    """A frozen linear layer with a trainable low-rank update and a trainable bias.

    ``y = x Wᵀ + b + (x Aᵀ) Bᵀ`` with ``A`` of shape ``(rank, n_in)`` and ``B`` of ``(n_out, rank)``; ``B``
    starts at zero, so that training starts from the base model.
    """

    weight: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, rank: int) -> None:
        super().__init__()
        self.register_buffer("weight", weight, persistent=False)
        self.bias = nn.Parameter(bias.clone())
        self.down = nn.Parameter(torch.empty(rank, weight.shape[1]))
        self.up = nn.Parameter(torch.zeros(weight.shape[0], rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of shape ``(…, n_in)`` mapped to ``(…, n_out)``."""
        return F.linear(x, self.weight, self.bias) + F.linear(F.linear(x, self.down), self.up)


class _Layer(nn.Module):
    def __init__(self, tensors: dict[str, Tensor], prefix: str, shape: BertShape, rank: int) -> None:
        super().__init__()

        def linear(name: str) -> AdaptedLinear:
            return AdaptedLinear(tensors[f"{prefix}{name}.weight"], tensors[f"{prefix}{name}.bias"], rank)

        self.heads = shape.heads
        self.query = linear("attention.self.query")
        self.key = linear("attention.self.key")
        self.value = linear("attention.self.value")
        self.attended = linear("attention.output.dense")
        self.attended_norm = _read_norm(tensors, f"{prefix}attention.output.LayerNorm", shape.eps)
        self.widened = linear("intermediate.dense")
        self.narrowed = linear("output.dense")
        self.narrowed_norm = _read_norm(tensors, f"{prefix}output.LayerNorm", shape.eps)

    def forward(self, x: Tensor, mask: Tensor, dropout: float) -> Tensor:
        n_texts, n_tokens, hidden = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(n_texts, n_tokens, self.heads, hidden // self.heads).transpose(1, 2)

        # Written out: the fused kernel's backward pass takes half of a step on short texts.
        scores = split(self.query(x)) @ split(self.key(x)).transpose(-1, -2)
        attention = F.softmax(scores / math.sqrt(hidden // self.heads) + mask, dim=-1)
        mixed = attention @ split(self.value(x))
        mixed = self.attended(mixed.transpose(1, 2).reshape(n_texts, n_tokens, hidden))
        x = self.attended_norm(x + F.dropout(mixed, dropout, self.training))
        widened = self.narrowed(F.gelu(self.widened(x)))
        return cast("Tensor", self.narrowed_norm(x + F.dropout(widened, dropout, self.training)))


class AdaptedBert(nn.Module):
    """The encoder: token ids in, one vector a token out.

    Args:
        folder: holds ``model.safetensors`` and ``config.json`` of a BERT model.
        rank: rank of every update.
        token_shapes: how many token shapes there are; 0 keeps the base model's token-type table.
        dropout: share of activations dropped while training, 0-1.
    """

    def __init__(self, folder: Path, *, rank: int, token_shapes: int = 0, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = BertShape.read(folder)
        tensors = load_file(folder / "model.safetensors")
        self.dropout = dropout
        self.register_buffer("words", tensors["embeddings.word_embeddings.weight"], persistent=False)
        self.register_buffer("positions", tensors["embeddings.position_embeddings.weight"], persistent=False)
        types = tensors["embeddings.token_type_embeddings.weight"]
        # every shape starts as the base model's type 0: an untrained shape changes nothing
        self.types = nn.Parameter(types[:1].repeat(token_shapes, 1) if token_shapes else types.clone())
        self.norm = _read_norm(tensors, "embeddings.LayerNorm", self.shape.eps)
        self.layers = nn.ModuleList(
            _Layer(tensors, f"encoder.layer.{i}.", self.shape, rank) for i in range(self.shape.layers)
        )

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor | None = None) -> Tensor:
        """Hidden states ``(n_texts, n_tokens, hidden)``.

        Args:
            ids: token ids ``(n_texts, n_tokens)``.
            mask: 1 for a token, 0 for padding, same shape.
            types: token shapes, same shape; all 0 when left out.
        """
        words = cast("Tensor", self.words)
        positions = cast("Tensor", self.positions)
        types = torch.zeros_like(ids) if types is None else types
        x = words[ids] + positions[: ids.shape[1]] + F.embedding(types, self.types)
        x = F.dropout(self.norm(x), self.dropout, self.training)
        attend = (1.0 - mask[:, None, None, :].to(x.dtype)) * -1e4
        for layer in self.layers:
            x = layer(x, attend, self.dropout)
        return x

    def read_adapter(self) -> dict[str, np.ndarray]:
        """Every trained tensor under the name that :mod:`seamark.extraction.weights` merges it by."""
        adapter = {"types": self.types, "norm.weight": self.norm.weight, "norm.bias": self.norm.bias}
        for i, layer in enumerate(self.layers):
            adapter |= {f"layer.{i}.{name}": tensor for name, tensor in layer.named_parameters()}
        return {name: tensor.detach().float().numpy() for name, tensor in adapter.items()}


def _read_norm(tensors: dict[str, Tensor], name: str, eps: float) -> nn.LayerNorm:
    weight = tensors[f"{name}.weight"]
    norm = nn.LayerNorm(weight.shape[0], eps=eps)
    norm.weight.data.copy_(weight)
    norm.bias.data.copy_(tensors[f"{name}.bias"])
    return norm


def pool_mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """Unit vectors ``(n_texts, hidden)``: the mean over each text's tokens, normalised."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return F.normalize((hidden * weights).sum(1) / weights.sum(1), dim=-1)
