"""The weights that ship in the package: small adapters, rankers, and graphs without weights.

``weights/<name>/`` holds ``manifest.json`` (what it is, its recipe, the digests of its data and of its files), the
files themselves, and their licence is Seamark's. :func:`prepare_engine` makes of a base model and an
adapter the folder that an engine opens, once, under the user's home.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seamark.errors import StorageError, WeightsError
from seamark.extraction.merging import Layout, merge_weights, write_weights

SHIPPED = Path(__file__).parent / "weights"


@dataclass(frozen=True, slots=True)
class ShippedPart:
    """One folder of shipped weights.

    Attributes:
        folder: where it is.
        manifest: its ``manifest.json``.
    """

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 in hex over the digests of its files."""
        files = json.dumps(self.manifest["files"], sort_keys=True)
        return hashlib.sha256(files.encode()).hexdigest()

    def verify(self) -> None:
        """Check every file against the manifest.

        Raises:
            WeightsError: a file is missing or is not what the manifest says.
        """
        for name, entry in self.manifest["files"].items():
            path = self.folder / name
            found = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "no file"
            if found != entry["sha256"]:
                raise WeightsError(
                    f"{path} is damaged: sha256 {found[:16]}",
                    expected=str(entry["sha256"])[:16],
                    hint="install Seamark again",
                )


def open_part(name: str, *, root: Path = SHIPPED) -> ShippedPart:
    """The shipped part of that name, verified.

    Raises:
        WeightsError: it is missing or damaged.
    """
    folder = root / name
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"the shipped weights {name!r} can't be read ({error})", hint="install Seamark again"
        ) from error
    part = ShippedPart(folder, manifest)
    part.verify()
    return part


def prepare_engine(part: ShippedPart, base: Path, home: Path) -> Path:
    """The folder that an engine opens: the part's graph beside the merged weights.

    Made once for each pair of base model and part under ``home/engines``; another process doing the
    same at the same time does no harm.

    Raises:
        WeightsError: the base model's weights are damaged, or do not fit the graph.
        StorageError: the folder can't be written.
    """
    target = home / "engines" / _name_engine(part, base)
    if (target / "weights.bin").exists():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".making-", dir=target.parent))
        try:
            write_engine(part, base, made)
            _move(made, target)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise StorageError(
            f"{target} can't be written ({error.strerror or error})",
            hint="free some space, or set SEAMARK_HOME to another folder",
        ) from error
    return target


def _name_engine(part: ShippedPart, base: Path) -> str:
    stat = (base / "model.safetensors").stat()
    own = hashlib.sha256(f"{part.digest}\n{stat.st_size}\n{stat.st_mtime_ns}".encode()).hexdigest()
    return f"{part.folder.name}-{own[:16]}"


def write_engine(part: ShippedPart, base: Path, folder: Path) -> None:
    """Write the part's graph and the merged weights to ``folder``, which is there.

    Raises:
        WeightsError: the base model's weights are damaged, or do not fit the graph.
    """
    layout = Layout.from_dict(part.manifest["layout"])
    adapter = (
        read_tensors(part.folder / "adapter.safetensors")
        if "adapter.safetensors" in part.manifest["files"]
        else {}
    )
    merged = merge_weights(
        read_tensors(base / "model.safetensors"), adapter, type_rows=int(part.manifest.get("type_rows", 0))
    )
    shutil.copyfile(part.folder / "graph.onnx", folder / "model.onnx")
    with (folder / "weights.bin").open("wb") as file:
        write_weights(file, merged, layout)
        file.flush()
        os.fsync(file.fileno())


def _move(made: Path, target: Path) -> None:
    try:
        made.rename(target)
    except OSError:
        # another process was first: its folder is as good
        if not (target / "weights.bin").exists():
            raise


def read_tensors(path: Path) -> dict[str, Any]:
    """The tensors of a safetensors file as float32 arrays.

    Raises:
        WeightsError: the file is missing, truncated or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return {name: tensor.astype(np.float32) for name, tensor in load_file(path).items()}
    except (OSError, SafetensorError, ValueError) as error:
        raise WeightsError(
            f"the weights {path} can't be read ({error})",
            expected="a whole safetensors file",
            hint="seamark base-model verify",
        ) from error
