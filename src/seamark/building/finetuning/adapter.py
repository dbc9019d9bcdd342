"""The model that is trained: a frozen encoder with small trainable parts, and what it is once they are merged.

What is trained is a low-rank update of every linear layer (LoRA, Hu et al. 2022,
https://arxiv.org/abs/2106.09685), the biases and the layer norms (BitFit, Ben Zaken et al. 2022), and BERT's table
of token types, as :mod:`seamark.building.adapted_bert` trains the adapters that ship.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig
from peft.tuners.lora import LoraLayer
from sentence_transformers import SentenceTransformer

_LINEARS = r".*encoder\.layer\.\d+\..*\.(query|key|value|q|k|v|o|dense)"
"""The linear layers of BERT and of MPNet; the pooler, which sentence vectors do without, is none of them."""


def open_start(folder: Path, *, max_tokens: int, rank: int, bf16: bool = False) -> Any:
    """The ``SentenceTransformer`` in ``folder`` with a fresh adapter, nothing dropped out.

    Attention is computed by plain matrix products: the texts are short, and the fused kernel's backward pass is the
    slower there.
    """
    with hushed():
        model = SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            model_kwargs={"attn_implementation": "eager", "dtype": torch.float32},
            config_kwargs={"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
        )
        model.max_seq_length = max_tokens
        model.add_adapter(LoraConfig(r=rank, lora_alpha=rank, lora_dropout=0.0, target_modules=_LINEARS))
    for name, parameter in model[0].model.named_parameters():
        parameter.requires_grad_(_is_trained(name))
    if bf16:
        _halve_frozen(model[0].model)
    return model


def _halve_frozen(encoder: Any) -> None:
    """Keep frozen weights as each product would turn them anew, and hand PEFT's layers such inputs as they are."""
    for module in encoder.modules():
        if isinstance(module, LoraLayer):
            module.cast_input_dtype_enabled = False
            weight = module.get_base_layer().weight
            weight.data = weight.data.bfloat16()


def _is_trained(name: str) -> bool:
    small = name.endswith(".bias") or "LayerNorm" in name or "token_type_embeddings" in name
    return "lora_" in name or (small and "pooler" not in name)


def read_trained(model: Any) -> dict[str, torch.Tensor]:
    """Every trained tensor by name."""
    return {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}


def merge_trained(model: Any, start: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of ``start`` with all that was trained in place, under Hugging Face's names.

    Args:
        model: as :func:`open_start` made it, trained.
        start: the tensors that training started from, float32.
    """
    encoder = model[0].model
    trained = {name.replace(".base_layer.", "."): tensor for name, tensor in encoder.named_parameters()}
    merged = {
        name: trained[name].detach().float().numpy()
        if name in trained and trained[name].requires_grad
        else tensor
        for name, tensor in start.items()
    }
    for name, module in encoder.named_modules():
        if isinstance(module, LoraLayer):
            update = module.get_delta_weight(module.active_adapters[0])
            merged[f"{name}.weight"] = start[f"{name}.weight"] + update.detach().float().numpy()
    return merged


def has_fast_bf16() -> bool:
    """Whether this machine multiplies bfloat16 natively; elsewhere it would be slower than float32."""
    found: Mapping[str, Any] = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16") or found.get("bf16"))


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Hugging Face's libraries without progress bars and without remarks."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
