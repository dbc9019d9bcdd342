"""The encoder's rate on batch work, over the rate of matrix products that this machine was measured at.

``python -m benchmarks.encoder_rate``; docs/reference/benchmarks.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks._machine import (
    count_cores,
    describe_machine,
    find_data,
    read_versions,
    say,
    warn_of_load,
    write_result,
)
from benchmarks._operations import Shape, count_operations
from benchmarks._tables import format_table
from benchmarks._texts import read_postings
from seamark.extraction.encoder import Encoder
from seamark.extraction.engines import Engine, Inputs
from seamark.extraction.models import list_models
from seamark.extraction.sentences import split_sentences
from seamark.taxonomy import Taxonomy

_PRODUCTS = ((4096, 384, 1536), (4096, 1536, 384), (4096, 384, 384), (2048, 2048, 2048))
"""Rows, inner size, columns: the encoder's own products, and one big enough to fill any machine."""

_CHAIN = 4
"""Products one after the other in one graph, so that converting to bf16 and back weighs little."""


@dataclass(slots=True)
class Meter:
    """An engine that notes what it does.

    Attributes:
        engine: does the work.
        shape: of the encoder.
        seconds: spent in the engine.
        needed: operations that the texts need.
        done: operations with padding counted.
        tokens: of the texts, without padding.
    """

    engine: Engine
    shape: Shape
    seconds: float = 0.0
    needed: int = 0
    done: int = 0
    tokens: int = 0
    inputs: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.inputs = self.engine.inputs

    def run(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The engine's output."""
        mask = inputs["attention_mask"]
        lengths = mask.sum(axis=1).tolist()
        self.tokens += sum(lengths)
        self.needed += count_operations(lengths, self.shape)
        self.done += count_operations([mask.shape[1]] * len(lengths), self.shape)
        started = time.perf_counter()
        output = self.engine.run(inputs)
        self.seconds += time.perf_counter() - started
        return output

    def reset(self) -> None:
        """Forget what was noted."""
        self.seconds, self.needed, self.done, self.tokens = 0.0, 0, 0, 0


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the tables, write ``results/encoder_rate.json``."""
    options = _parse(argv)
    machine = describe_machine()
    warn_of_load(machine)
    texts = _read_texts(options)
    encoder, meter = _open_encoder(options.model)
    products = measure_products(machine["precision"], options.seconds)
    rates = {name: measure_encoder(encoder, meter, some, options.rounds) for name, some in texts.items()}
    # once more: a machine that other programs slowed at first must not pass for a slow one
    products += measure_products(machine["precision"], options.seconds)
    peak = max(product["gflops"] for product in products)
    for rate in rates.values():
        rate["ratio"] = rate["gflops"] / peak
        rate["ratio_engine_alone"] = rate["gflops_engine_alone"] / peak
    _print(machine["precision"], products, rates, peak)
    result = {
        "machine": machine,
        "versions": read_versions(),
        "settings": {"model": options.model, "rounds": options.rounds, "limit": options.limit},
        "products": products,
        "peak_gflops": peak,
        "figures": rates,
    }
    say(f"written: {write_result('encoder_rate', result)}")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    data = find_data()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encoder_rate", description=__doc__)
    parser.add_argument("--postings", type=Path, default=data / "postings" / "indeed_sg.csv")
    parser.add_argument("--taxonomy", type=Path, default=data / "esco" / "v1.1.0" / "skills_en.csv")
    parser.add_argument(
        "--limit", type=int, default=10_000, help="sentences, and as many phrases (default: 10000)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="times that all are encoded (default: 3)")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each matrix product (default: 1)")
    parser.add_argument("--model", default="default", choices=list_models(), help="default: default")
    return parser.parse_args(argv)


def _read_texts(options: argparse.Namespace) -> dict[str, list[str]]:
    """Distinct sentences of postings and distinct names of skills, drawn by a fixed seed."""
    skills = Taxonomy.load(options.taxonomy).active
    names = [name for skill in skills for name in (skill.title, *skill.alternative_titles)]
    postings = read_postings(options.postings)
    sentences = [sentence.text for posting in postings for sentence in split_sentences(posting)]
    return {"sentences": _draw(sentences, options.limit), "phrases": _draw(names, options.limit)}


def _draw(texts: Iterable[str], limit: int) -> list[str]:
    distinct = list(dict.fromkeys(texts))
    random.Random(7).shuffle(distinct)  # noqa: S311 - a sample, not a secret
    return distinct[:limit]


def _open_encoder(model: str) -> tuple[Encoder, Meter]:
    from seamark.base_models import ensure_base_model
    from seamark.extraction.models import make_encoder
    from seamark.extraction.shipped import SHIPPED, open_part
    from seamark.settings import read_settings

    encoder = make_encoder(model)
    entry = json.loads((SHIPPED / "models.json").read_text(encoding="utf-8"))[model]
    base = ensure_base_model(open_part(entry["encoder"]).manifest["base_model"], read_settings())
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    shape = Shape(config["num_hidden_layers"], config["hidden_size"], config["intermediate_size"])
    meter = Meter(encoder._engine, shape)  # noqa: SLF001 - the engine is timed apart from the tokenizer
    encoder._engine = meter  # noqa: SLF001
    return encoder, meter


def measure_encoder(encoder: Encoder, meter: Meter, texts: Sequence[str], rounds: int) -> dict[str, Any]:
    """What the encoder does on ``texts``, each time all of them anew: the median round.

    Args:
        encoder: encodes.
        meter: its engine.
        texts: distinct texts.
        rounds: how many times, after one that is not counted.
    """
    encoder.encode(texts)
    tries = []
    for _ in range(rounds):
        meter.reset()
        started = time.perf_counter()
        encoder.encode(texts)
        tries.append((time.perf_counter() - started, meter.seconds))
    seconds = statistics.median(whole for whole, _ in tries)
    engine_seconds = statistics.median(engine for _, engine in tries)
    return {
        "texts": len(texts),
        "tokens_a_text": meter.tokens / len(texts),
        "texts_a_second": len(texts) / seconds,
        "tokens_a_second": meter.tokens / seconds,
        "gflops": meter.needed / seconds / 1e9,
        "gflops_engine_alone": meter.needed / engine_seconds / 1e9,
        "share_of_padding": 1 - meter.needed / meter.done,
        "share_outside_engine": 1 - engine_seconds / seconds,
    }


def measure_products(precision: str, seconds: float) -> list[dict[str, Any]]:
    """The rates of matrix products of several sizes, by OpenVINO and, where it is installed, by PyTorch.

    Args:
        precision: ``bf16`` or ``f32``.
        seconds: how long each is repeated; its fastest time counts.
    """
    makers: dict[str, Callable[[str, int, int, int], tuple[Callable[[], object], int]]]
    makers = {"openvino": _make_openvino_product}
    if find_spec("torch"):
        makers["torch"] = _make_torch_product
    rates = []
    for library, make in makers.items():
        for rows, inner, columns in _PRODUCTS:
            run, operations = make(precision, rows, inner, columns)
            fastest = _time(run, seconds)
            shape = f"{rows} x {inner} x {columns}"
            rates.append({"library": library, "shape": shape, "gflops": operations / fastest / 1e9})
    return rates


def _time(run: Callable[[], object], seconds: float) -> float:
    for _ in range(3):
        run()
    fastest = float("inf")
    until = time.perf_counter() + seconds
    while (started := time.perf_counter()) < until:
        run()
        fastest = min(fastest, time.perf_counter() - started)
    return fastest


def _make_openvino_product(
    precision: str, rows: int, inner: int, columns: int
) -> tuple[Callable[[], object], int]:
    """A graph of ``_CHAIN`` pairs of products, to and fro, and the operations that it takes."""
    from seamark.extraction.engines import import_openvino

    openvino = import_openvino()
    from openvino import opset13

    rng = np.random.default_rng(7)
    entry = opset13.parameter([rows, inner], np.float32)
    node = entry
    for _ in range(_CHAIN):
        for shape in ((inner, columns), (columns, inner)):
            weights = rng.standard_normal(shape, dtype=np.float32) / np.float32(shape[0] ** 0.5)
            node = opset13.matmul(node, opset13.constant(weights), transpose_a=False, transpose_b=False)
    options = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(openvino.Model([node], [entry], "products"), "CPU", options)
    request = compiled.create_infer_request()
    request.set_input_tensor(openvino.Tensor(rng.standard_normal((rows, inner), dtype=np.float32)))
    operations = _CHAIN * 2 * 2 * rows * inner * columns

    def run() -> object:
        return request.infer()

    return run, operations


def _make_torch_product(
    precision: str, rows: int, inner: int, columns: int
) -> tuple[Callable[[], object], int]:
    import torch

    torch.set_num_threads(count_cores())
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = torch.randn(rows, inner, dtype=kind), torch.randn(inner, columns, dtype=kind)

    def run() -> object:
        return left @ right

    return run, 2 * rows * inner * columns


def _print(
    precision: str, products: Sequence[dict[str, Any]], rates: dict[str, dict[str, Any]], peak: float
) -> None:
    rows = [[product["library"], product["shape"], product["gflops"]] for product in products]
    print(
        format_table(["", "rows x inner x columns", "GFLOP/s"], rows, title=f"Matrix products in {precision}")
    )
    keys = ("texts_a_second", "tokens_a_text", "gflops", "ratio", "ratio_engine_alone", "share_of_padding")
    headers = ["", "texts/s", "tokens/text", "GFLOP/s", "of the rate", "engine alone", "padding"]
    figures = [[name, *(rate[key] for key in keys)] for name, rate in rates.items()]
    print("\n" + format_table(headers, figures, title=f"Encoder, over {peak:,.0f} GFLOP/s"))


if __name__ == "__main__":
    main()
