"""A base model and an adapter made into the one ``weights.bin`` that an inference graph reads.

NumPy alone: the low-rank updates are multiplied out and added once (``W + up @ down``), linear weights are
turned to ``(n_in, n_out)``, and every tensor is written where the graph's :class:`Layout` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from seamark.errors import WeightsError

ALIGNMENT = 64
"""Bytes: every tensor begins at a multiple of it, so that engines can map the file."""

Tensors = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each tensor lies in ``weights.bin``.

    Attributes:
        tensors: name → (offset in bytes, shape).
        size: of the whole file, bytes.
    """

    tensors: Mapping[str, tuple[int, tuple[int, ...]]]
    size: int

    def to_dict(self) -> dict[str, Any]:
        """The layout as a manifest holds it."""
        return {
            "size": self.size,
            "tensors": {name: [offset, list(shape)] for name, (offset, shape) in self.tensors.items()},
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Layout:
        """The layout that a manifest holds."""
        tensors = {name: (offset, tuple(shape)) for name, (offset, shape) in value["tensors"].items()}
        return cls(tensors, value["size"])


_BERT_LINEARS = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attended": "attention.output.dense",
    "widened": "intermediate.dense",
    "narrowed": "output.dense",
}
_BERT_NORMS = {"attended_norm": "attention.output.LayerNorm", "narrowed_norm": "output.LayerNorm"}
_MPNET_LINEARS = {
    "query": "attention.attn.q",
    "key": "attention.attn.k",
    "value": "attention.attn.v",
    "attended": "attention.attn.o",
    "widened": "intermediate.dense",
    "narrowed": "output.dense",
}
_MPNET_NORMS = {"attended_norm": "attention.LayerNorm", "narrowed_norm": "output.LayerNorm"}


def name_sources(layers: int, *, mpnet: bool) -> dict[str, str]:
    """Our names of an encoder's tensors → the names that Hugging Face gives them."""
    linears, norms = (_MPNET_LINEARS, _MPNET_NORMS) if mpnet else (_BERT_LINEARS, _BERT_NORMS)
    tables = {
        "words": "embeddings.word_embeddings.weight",
        "positions": "embeddings.position_embeddings.weight",
        "types": "embeddings.token_type_embeddings.weight",
        "relative": "encoder.relative_attention_bias.weight",
    }
    modules = {"norm": "embeddings.LayerNorm"} | {
        f"layer.{i}.{ours}": f"encoder.layer.{i}.{theirs}"
        for i in range(layers)
        for ours, theirs in (linears | norms).items()
    }
    parts = ("weight", "bias")
    return tables | {f"{ours}.{part}": f"{modules[ours]}.{part}" for ours in modules for part in parts}


def merge_weights(base: Tensors, adapter: Tensors | None = None, *, type_rows: int = 0) -> dict[str, Any]:
    """Every tensor of the graph by name.

    Args:
        base: the tensors of a BERT or MPNet ``model.safetensors``.
        adapter: tensors as :meth:`AdaptedBert.read_adapter` names them; None takes the base as it is.
        type_rows: rows of the graph's token-type table; at 0 the base model's type 0 is added to every
            position instead, which is the same and one addition less.

    Raises:
        WeightsError: the base model lacks a tensor.
    """
    try:
        return _merge(base, adapter or {}, type_rows)
    except KeyError as error:
        raise WeightsError(
            f"the weights have no tensor {error}", expected="those of a BERT or MPNet encoder"
        ) from error


def restore_tensors(merged: Tensors, base: Tensors) -> dict[str, npt.NDArray[np.float32]]:
    """Merged tensors under the names, and in the layout, of the base model they were made from.

    Args:
        merged: as :func:`merge_weights` gives them with the base model's own ``type_rows``.
        base: the tensors of the base model; those that merging does not touch are taken from here.
    """
    mpnet = any(".attention.attn." in name for name in base)
    restored = dict(base)
    for ours, theirs in name_sources(_count_layers(base), mpnet=mpnet).items():
        # MPNet's bias by distance is merged spread out, and never trained
        if ours in merged and theirs in base and ours != "relative":
            restored[theirs] = _turn_back(ours, merged[ours], base[theirs])
    return restored


def _turn_back(name: str, tensor: npt.NDArray[np.float32], base: npt.NDArray[np.float32]) -> Any:
    if name == "types":
        # an adapter holds one row where only one was trained; it stands for all
        return np.resize(tensor, base.shape)
    return np.ascontiguousarray(tensor.T) if name.startswith("layer.") and tensor.ndim == 2 else tensor


def _merge(base: Tensors, adapter: Tensors, type_rows: int) -> dict[str, Any]:
    mpnet = any(".attention.attn." in name for name in base)
    linears, norms = (_MPNET_LINEARS, _MPNET_NORMS) if mpnet else (_BERT_LINEARS, _BERT_NORMS)
    merged: dict[str, Any] = dict(_merge_embeddings(base, adapter, type_rows, mpnet=mpnet))
    for i in range(_count_layers(base)):
        source = f"encoder.layer.{i}."
        for ours, theirs in linears.items():
            weight, bias = base[f"{source}{theirs}.weight"], base[f"{source}{theirs}.bias"]
            name = f"layer.{i}.{ours}"
            if f"{name}.up" in adapter:
                weight = weight + adapter[f"{name}.up"] @ adapter[f"{name}.down"]
                bias = adapter[f"{name}.bias"]
            merged[f"{name}.weight"], merged[f"{name}.bias"] = weight.T, bias
        for ours, theirs in norms.items():
            for part in ("weight", "bias"):
                name = f"layer.{i}.{ours}.{part}"
                merged[name] = adapter.get(name, base[f"{source}{theirs}.{part}"])
    merged |= {name: adapter[name].T for name in ("heads.weight",) if name in adapter}
    merged |= {name: adapter[name] for name in ("heads.bias",) if name in adapter}
    return merged


def _merge_embeddings(
    base: Tensors, adapter: Tensors, type_rows: int, *, mpnet: bool
) -> Iterable[tuple[str, Any]]:
    positions = base["embeddings.position_embeddings.weight"]
    if not mpnet:
        types = adapter.get("types", base["embeddings.token_type_embeddings.weight"])
        if type_rows:
            yield "types", types[:type_rows]
        else:
            positions = positions + types[0]
    else:
        yield "relative", spread_relative_bias(base["encoder.relative_attention_bias.weight"], len(positions))
    yield "words", base["embeddings.word_embeddings.weight"]
    yield "positions", positions
    for part in ("weight", "bias"):
        yield f"norm.{part}", adapter.get(f"norm.{part}", base[f"embeddings.LayerNorm.{part}"])


def _count_layers(base: Tensors) -> int:
    numbers = [int(found[1]) for name in base if (found := re.match(r"encoder\.layer\.(\d+)\.", name))]
    return max(numbers, default=-1) + 1


def spread_relative_bias(table: npt.NDArray[np.float32], reach: int) -> npt.NDArray[np.float32]:
    """MPNet's attention bias by distance: ``(heads, 2 * reach + 1)``, distance 0 in the middle.

    MPNet sorts distances into buckets (Raffel et al. 2020, section 2.1): half of them for each
    direction, the near ones one by one, the far ones in growing steps up to 128 tokens.
    """
    return np.ascontiguousarray(table[bucket_distances(reach, len(table))].T)


def bucket_distances(reach: int, buckets: int) -> npt.NDArray[np.int64]:
    """MPNet's bucket of each distance from ``-reach`` to ``reach``."""
    distance = np.arange(-reach, reach + 1)
    half = buckets // 2
    exact = half // 2
    away = np.abs(distance)
    ratio = np.log(np.maximum(away, 1) / exact) / np.log(128 / exact)
    far = np.minimum(exact + (ratio.astype(np.float32) * (half - exact)).astype(np.int64), half - 1)
    return np.where(away < exact, away, far) + np.where(distance > 0, half, 0)


def write_weights(file: BinaryIO, tensors: Mapping[str, Any], layout: Layout) -> None:
    """Write every tensor of ``layout`` to ``file`` as little-endian float32.

    Raises:
        WeightsError: a tensor is missing or has another shape than the graph expects.
    """
    file.truncate(layout.size)
    for name, (offset, shape) in layout.tensors.items():
        tensor = tensors.get(name)
        if tensor is None or tuple(tensor.shape) != shape:
            found = "missing" if tensor is None else f"of shape {tuple(tensor.shape)}"
            raise WeightsError(f"the tensor {name} is {found}", expected=f"shape {shape}")
        file.seek(offset)
        file.write(np.ascontiguousarray(tensor, dtype="<f4").tobytes())
