"""Inference graphs of our encoders, written node by node: small files that name their weights elsewhere.

A graph holds no weights, it names them as ONNX external data, in one of two files beside it:

- ``weights.bin``, at the offsets of a :class:`Layout`; :mod:`seamark.extraction.merging` writes that file from
  a base model and an adapter, with NumPy alone. So the package ships graphs of a few dozen KB.
- ``model.safetensors``, as Hugging Face names and lays out tensors, at the offsets of a :class:`Stored`. So a
  bundle holds its encoder once, for the engine and for whoever trains it further. What differs from
  our own layout (linear weights lie the other way round) the engine folds in when it loads the graph.

Either way predicting needs neither torch nor onnx.

Both engines fuse the patterns used here: erf-GELU, LayerNormalization, attention as
MatMul-scale-add-Softmax-MatMul.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from seamark.errors import WeightsError
from seamark.extraction.merging import ALIGNMENT, Layout, bucket_distances, name_sources

OPSET = 17
WEIGHTS_FILE = "weights.bin"
STORED_FILE = "model.safetensors"


@dataclass(frozen=True, slots=True)
class EncoderSizes:
    """The sizes of an encoder's graph.

    Attributes:
        layers, heads, hidden, intermediate: as in the model's ``config.json``.
        eps: of the layer norms.
        vocabulary, positions: rows of the two tables.
        types: rows of the token-type table; 0 leaves the input out.
        first_position: the position number of the first token (MPNet begins at 2).
        relative: whether attention adds MPNet's bias by distance.
    """

    layers: int
    heads: int
    hidden: int
    intermediate: int
    eps: float
    vocabulary: int
    positions: int
    types: int = 0
    first_position: int = 0
    relative: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """Where each tensor of a safetensors file lies.

    Attributes:
        tensors: Hugging Face's name → (offset in bytes from the file's beginning, shape); all of them float32.
    """

    tensors: Mapping[str, tuple[int, tuple[int, ...]]]


class _Writer:
    """Collects nodes and the weights they name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._count = 0

    def add(self, op: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        self._count += 1
        output = name or f"{op.lower()}_{self._count}"
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=f"n{self._count}", **attributes))
        return output

    def weight(self, name: str, *shape: int) -> str:
        self.shapes[name] = shape
        return name

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        self._count += 1
        name = f"constant_{self._count}"
        self.initializers.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def layout(self) -> Layout:
        offsets, end = {}, 0
        for name, shape in self.shapes.items():
            offsets[name] = (end, shape)
            size = 4 * int(np.prod(shape))
            end += -(-size // ALIGNMENT) * ALIGNMENT
        return Layout(offsets, end)

    def externals(self) -> Iterable[Any]:
        for name, (start, shape) in self.layout().tensors.items():
            yield _point(name, WEIGHTS_FILE, start, shape)

    def finish(self, inputs: Sequence[str], output: str, shape: Sequence[str | int]) -> bytes:
        graph = helper.make_graph(
            self.nodes,
            "seamark",
            [helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"]) for name in inputs],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, list(shape))],
            initializer=[*self.initializers, *self.externals()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
        return cast("bytes", model.SerializeToString())


class _StoredWriter(_Writer):
    """Names the tensors of a safetensors file, and makes of them what the nodes expect."""

    def __init__(self, stored: Stored, sizes: EncoderSizes) -> None:
        super().__init__()
        self._stored = stored
        self._sizes = sizes
        self._sources = name_sources(sizes.layers, mpnet=sizes.relative)

    def weight(self, name: str, *shape: int) -> str:
        if name == "relative":
            return self._spread(reach=shape[1] // 2)
        if name == "positions" and not self._sizes.relative:
            return self._add_type(self._name(name, shape), shape[1])
        if name.startswith("layer.") and len(shape) == 2:
            return self.add("Transpose", self._name(name, shape[::-1]), perm=[1, 0])
        return self._name(name, shape)

    def externals(self) -> Iterable[Any]:
        for name, shape in self.shapes.items():
            yield _point(name, STORED_FILE, self._stored.tensors[name][0], shape)

    def _name(self, name: str, shape: tuple[int, ...] | None = None) -> str:
        """The stored tensor behind ``name``; ``shape`` is what the graph needs it to be."""
        source = self._sources[name]
        if source not in self._stored.tensors:
            raise WeightsError(f"the weights have no tensor {source}", expected="those of this config.json")
        found = self._stored.tensors[source][1]
        if shape is not None and found != shape:
            raise WeightsError(f"the tensor {source} is of shape {found}", expected=f"shape {shape}")
        self.shapes[source] = found
        return source

    def _add_type(self, positions: str, hidden: int) -> str:
        """The position table with token type 0 added, which every token of a lone text has."""
        first = self.add("Gather", self._name("types"), self.constant(0, np.int64), axis=0)
        row = self.add("Reshape", first, self.constant([1, hidden], np.int64))
        return self.add("Add", positions, row)

    def _spread(self, *, reach: int) -> str:
        """MPNet's bias by distance from its buckets, as :func:`spread_relative_bias` makes it."""
        table = self._name("relative")
        buckets = bucket_distances(reach, self._stored.tensors[table][1][0])
        return self.add(
            "Transpose", self.add("Gather", table, self.constant(buckets, np.int64), axis=0), perm=[1, 0]
        )


def _point(name: str, file: str, offset: int, shape: Sequence[int]) -> Any:
    tensor = onnx.TensorProto(name=name, data_type=TensorProto.FLOAT, dims=list(shape))
    tensor.data_location = onnx.TensorProto.EXTERNAL
    size = 4 * int(np.prod(shape))
    for key, value in (("location", file), ("offset", str(offset)), ("length", str(size))):
        tensor.external_data.add(key=key, value=value)
    return tensor


def build_embedder(sizes: EncoderSizes) -> tuple[bytes, Layout]:
    """The graph of a sentence encoder and where its weights lie.

    Inputs ``input_ids`` and ``attention_mask`` ``(texts, tokens)``; output ``embedding`` ``(texts, hidden)``,
    unit vectors, mean over tokens.
    """
    graph = _Writer()
    return _add_embedder(graph, sizes), graph.layout()


def build_stored_embedder(sizes: EncoderSizes, stored: Stored) -> bytes:
    """The graph of :func:`build_embedder` over a ``model.safetensors`` that lies beside it.

    Raises:
        WeightsError: the file lacks a tensor, or one has another shape than ``sizes`` say.
    """
    return _add_embedder(_StoredWriter(stored, sizes), sizes)


def _add_embedder(graph: _Writer, sizes: EncoderSizes) -> bytes:
    hidden = _add_encoder(graph, sizes)
    mask = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    mask = graph.add("Unsqueeze", mask, graph.constant([2], np.int64))
    axis = graph.constant([1], np.int64)
    summed = graph.add("ReduceSum", graph.add("Mul", hidden, mask), axis, keepdims=0)
    count = graph.add("ReduceSum", mask, axis, keepdims=0)
    mean = graph.add("Div", summed, graph.add("Max", count, graph.constant(1.0)))
    norm = graph.add("ReduceL2", mean, axes=[1], keepdims=1)
    graph.add("Div", mean, graph.add("Max", norm, graph.constant(1e-12)), name="embedding")
    inputs = ["input_ids", "attention_mask", *(["token_type_ids"] if sizes.types else [])]
    return graph.finish(inputs, "embedding", ["texts", sizes.hidden])


def build_tagger(sizes: EncoderSizes, *, n_scores: int) -> tuple[bytes, Layout]:
    """The graph of a token classifier and where its weights lie.

    Inputs as of :func:`build_embedder`, and ``token_type_ids``; output ``emissions`` ``(texts, tokens, n_scores)``.
    """
    graph = _Writer()
    hidden = _add_encoder(graph, sizes)
    scores = graph.add("MatMul", hidden, graph.weight("heads.weight", sizes.hidden, n_scores))
    graph.add("Add", scores, graph.weight("heads.bias", n_scores), name="emissions")
    inputs = ["input_ids", "attention_mask", *(["token_type_ids"] if sizes.types else [])]
    return graph.finish(inputs, "emissions", ["texts", "tokens", n_scores]), graph.layout()


def _add_encoder(graph: _Writer, sizes: EncoderSizes) -> str:
    bias = _add_attention_bias(graph, sizes)
    x = _add_embeddings(graph, sizes)
    for i in range(sizes.layers):
        x = _add_layer(graph, sizes, f"layer.{i}.", x, bias)
    return x


def _add_embeddings(graph: _Writer, sizes: EncoderSizes) -> str:
    words = graph.add("Gather", graph.weight("words", sizes.vocabulary, sizes.hidden), "input_ids")
    start = graph.constant([sizes.first_position], np.int64)
    one = graph.constant([1], np.int64)
    end = graph.add("Add", _count_tokens(graph), start)
    table = graph.weight("positions", sizes.positions, sizes.hidden)
    positions = graph.add("Slice", table, start, end, graph.constant([0], np.int64), one)
    x = graph.add("Add", words, positions)
    if sizes.types:
        types = graph.add("Gather", graph.weight("types", sizes.types, sizes.hidden), "token_type_ids")
        x = graph.add("Add", x, types)
    return _add_norm(graph, sizes, "norm", x)


def _count_tokens(graph: _Writer) -> str:
    shape = graph.add("Shape", "input_ids")
    return graph.add("Slice", shape, graph.constant([1], np.int64), graph.constant([2], np.int64))


def _add_attention_bias(graph: _Writer, sizes: EncoderSizes) -> str:
    mask = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    mask = graph.add("Unsqueeze", mask, graph.constant([1, 2], np.int64))
    absent = graph.add("Sub", graph.constant(1.0), mask)
    bias = graph.add("Mul", absent, graph.constant(-1e4))
    return graph.add("Add", bias, _add_relative_bias(graph, sizes)) if sizes.relative else bias


def _add_relative_bias(graph: _Writer, sizes: EncoderSizes) -> str:
    """Scores ``(1, heads, tokens, tokens)`` by the distance of two tokens, looked up in one table."""
    reach = sizes.positions
    count = graph.add("Squeeze", _count_tokens(graph), graph.constant([0], np.int64))
    zero, one = graph.constant(0, np.int64), graph.constant(1, np.int64)
    places = graph.add("Range", zero, count, one)
    ahead = graph.add("Unsqueeze", places, graph.constant([0], np.int64))
    from_here = graph.add("Unsqueeze", places, graph.constant([1], np.int64))
    distance = graph.add("Add", graph.add("Sub", ahead, from_here), graph.constant(reach, np.int64))
    table = graph.weight("relative", sizes.heads, 2 * reach + 1)
    return graph.add("Unsqueeze", graph.add("Gather", table, distance, axis=1), graph.constant([0], np.int64))


def _add_layer(graph: _Writer, sizes: EncoderSizes, prefix: str, x: str, bias: str) -> str:
    hidden, width = sizes.hidden, sizes.intermediate
    attended = _add_linear(
        graph, f"{prefix}attended", _add_attention(graph, sizes, prefix, x, bias), hidden, hidden
    )
    x = _add_norm(graph, sizes, f"{prefix}attended_norm", graph.add("Add", attended, x))
    wide = _add_gelu(graph, _add_linear(graph, f"{prefix}widened", x, hidden, width))
    narrow = _add_linear(graph, f"{prefix}narrowed", wide, width, hidden)
    return _add_norm(graph, sizes, f"{prefix}narrowed_norm", graph.add("Add", narrow, x))


def _add_attention(graph: _Writer, sizes: EncoderSizes, prefix: str, x: str, bias: str) -> str:
    each = sizes.hidden // sizes.heads
    shape = graph.constant([0, 0, sizes.heads, each], np.int64)

    def project(name: str, order: list[int]) -> str:
        flat = _add_linear(graph, f"{prefix}{name}", x, sizes.hidden, sizes.hidden)
        return graph.add("Transpose", graph.add("Reshape", flat, shape), perm=order)

    query, key = project("query", [0, 2, 1, 3]), project("key", [0, 2, 3, 1])
    scores = graph.add("Div", graph.add("MatMul", query, key), graph.constant(np.sqrt(each)))
    share = graph.add("Softmax", graph.add("Add", scores, bias), axis=-1)
    mixed = graph.add("MatMul", share, project("value", [0, 2, 1, 3]))
    mixed = graph.add("Transpose", mixed, perm=[0, 2, 1, 3])
    return graph.add("Reshape", mixed, graph.constant([0, 0, sizes.hidden], np.int64))


def _add_linear(graph: _Writer, name: str, x: str, n_in: int, n_out: int) -> str:
    product = graph.add("MatMul", x, graph.weight(f"{name}.weight", n_in, n_out))
    return graph.add("Add", product, graph.weight(f"{name}.bias", n_out))


def _add_gelu(graph: _Writer, x: str) -> str:
    erf = graph.add("Erf", graph.add("Div", x, graph.constant(np.sqrt(2.0))))
    grown = graph.add("Mul", x, graph.add("Add", erf, graph.constant(1.0)))
    return graph.add("Mul", grown, graph.constant(0.5))


def _add_norm(graph: _Writer, sizes: EncoderSizes, name: str, x: str) -> str:
    weight = graph.weight(f"{name}.weight", sizes.hidden)
    bias = graph.weight(f"{name}.bias", sizes.hidden)
    return graph.add("LayerNormalization", x, weight, bias, axis=-1, epsilon=sizes.eps)
