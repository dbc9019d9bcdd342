"""Inference engines behind one protocol: OpenVINO by default, ONNX Runtime as the second.

An engine opens a folder that holds ``model.onnx`` (and whatever that file names beside it) and runs
batches. Engines may be called from several threads at once.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from seamark.errors import MissingExtraError, UsageError, WeightsError

Inputs = Mapping[str, npt.NDArray[np.int64]]


class Engine(Protocol):
    """Runs a graph.

    Attributes:
        inputs: the names of the graph's inputs.
    """

    inputs: tuple[str, ...]

    def run(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The graph's one output for a batch of inputs, each of shape ``(texts, tokens)``."""
        ...


class OpenVinoEngine:
    """OpenVINO on the processor, in bf16 where the processor multiplies it natively.

    Args:
        folder: holds ``model.onnx``.
        threads: processor threads; 0 takes every core.
        precision: ``f32`` or ``bf16``; None takes bf16 where the processor has it.
    """

    def __init__(self, folder: Path, *, threads: int = 0, precision: str | None = None) -> None:
        core = import_openvino().Core()
        options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": precision or _choose_precision(core)}
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        with _translated(folder):
            self._model = core.compile_model(core.read_model(folder / "model.onnx"), "CPU", options)
        self.inputs = tuple(port.get_any_name() for port in self._model.inputs)
        self._idle: list[Any] = []
        self._lock = threading.Lock()

    def run(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The graph's one output."""
        request = self._take_request()
        try:
            request.infer({name: inputs[name] for name in self.inputs}, share_inputs=True)
            # the request's own memory is written again by the next batch
            return np.array(request.get_output_tensor(0).data, dtype=np.float32, copy=True)
        finally:
            with self._lock:
                self._idle.append(request)

    def _take_request(self) -> Any:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._model.create_infer_request()


class OnnxRuntimeEngine:
    """ONNX Runtime on the processor, in float32.

    Args:
        folder: holds ``model.onnx``.
        threads: processor threads; 0 takes every core.

    Raises:
        MissingExtraError: the package onnxruntime is not installed.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtraError("the engine onnxruntime", package="onnxruntime", extra="train") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        with _translated(folder):
            self._session = onnxruntime.InferenceSession(
                str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
        self.inputs = tuple(port.name for port in self._session.get_inputs())

    def run(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The graph's one output."""
        outputs = self._session.run(None, {name: inputs[name] for name in self.inputs})
        return np.asarray(outputs[0], dtype=np.float32)


ENGINES: Mapping[str, Callable[..., Engine]] = {
    "openvino": OpenVinoEngine,
    "onnxruntime": OnnxRuntimeEngine,
}
"""Every engine by the name that settings give it."""


def open_engine(name: str, folder: Path, *, threads: int = 0) -> Engine:
    """The named engine with the graph of ``folder`` loaded.

    Raises:
        UsageError: there is no such engine.
        WeightsError: the graph or its weights can't be loaded.
    """
    if name not in ENGINES:
        raise UsageError(f"there is no engine {name!r}", expected=" or ".join(ENGINES))
    return ENGINES[name](folder, threads=threads)


def import_openvino() -> Any:
    """The package openvino, imported without its telemetry.

    The package reports its import to its maker unless a file in the user's home forbids it. What we promise is that
    nothing is sent anywhere, so it is made to find that module missing, for which it has a stand-in.
    """
    sys.modules.setdefault("openvino_telemetry", cast("Any", None))
    import openvino

    return openvino


def _choose_precision(core: Any) -> str:
    return "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise WeightsError(
            f"the graph in {folder} can't be loaded ({reason})",
            hint="a folder under SEAMARK_HOME: remove it, it is made anew; a model version: bring it again",
        ) from error
