"""Writing what ships: adapters with their graph and a manifest that says how they came to be."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seamark.building.graph import EncoderSizes, build_embedder, build_tagger
from seamark.errors import UsageError
from seamark.extraction.merging import Layout

GRAPH, ADAPTER, MANIFEST = "graph.onnx", "adapter.safetensors", "manifest.json"


def read_sizes(base: Path, *, types: int = 0) -> EncoderSizes:
    """The sizes of the graph for the BERT or MPNet model in ``base``.

    Raises:
        UsageError: the model is of another architecture.
    """
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    kind = config.get("model_type")
    if kind not in ("bert", "mpnet"):
        raise UsageError(f"the model in {base} is of type {kind!r}", expected="bert or mpnet")
    mpnet = kind == "mpnet"
    return EncoderSizes(
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        hidden=config["hidden_size"],
        intermediate=config["intermediate_size"],
        eps=config["layer_norm_eps"],
        vocabulary=config["vocab_size"],
        positions=config["max_position_embeddings"],
        types=types,
        # MPNet counts positions from its padding token's number on
        first_position=config["pad_token_id"] + 1 if mpnet else 0,
        relative=mpnet,
    )


def write_encoder_part(
    folder: Path,
    base: Path,
    *,
    base_model: str,
    max_tokens: int,
    adapter: Mapping[str, Any] | None = None,
    story: Mapping[str, Any] | None = None,
) -> None:
    """Write an encoder to ``folder``, which must not exist yet.

    Args:
        folder: the part's place.
        base: folder of the base model.
        base_model: its name in the catalogue.
        max_tokens: longer texts are cut.
        adapter: what was trained; None for the base model as it is.
        story: recipe, data digests and figures, for whoever wants to train it again.
    """
    sizes = read_sizes(base)
    graph, layout = build_embedder(sizes)
    facts = {"base_model": base_model, "max_tokens": max_tokens, "dimensions": sizes.hidden}
    _write_part(folder, graph, layout, adapter, facts | dict(story or {}))


def write_tagger_part(
    folder: Path,
    base: Path,
    *,
    base_model: str,
    max_tokens: int,
    adapter: Mapping[str, Any],
    transitions: np.ndarray,
    starts: np.ndarray,
    story: Mapping[str, Any] | None = None,
) -> None:
    """Write a span tagger to ``folder``, which must not exist yet.

    Args:
        folder: the part's place.
        base: folder of the base model.
        base_model: its name in the catalogue.
        max_tokens: longer sentences are cut.
        adapter: what was trained, ``heads.weight`` and ``heads.bias`` among it.
        transitions: CRF scores ``(2, from, to)``.
        starts: CRF scores ``(2, first tag)``.
        story: recipe, data digests and figures.
    """
    types = len(adapter["types"])
    graph, layout = build_tagger(read_sizes(base, types=types), n_scores=len(adapter["heads.bias"]))
    facts = {
        "base_model": base_model,
        "max_tokens": max_tokens,
        "type_rows": types,
        "transitions": np.asarray(transitions).round(5).tolist(),
        "starts": np.asarray(starts).round(5).tolist(),
    }
    _write_part(folder, graph, layout, adapter, facts | dict(story or {}))


def check_free(folder: Path) -> None:
    """Refuse a folder that is there already: before hours of training, not after.

    Raises:
        UsageError: something of that name is there.
    """
    if folder.exists():
        raise UsageError(f"{folder} is there already", hint="choose another folder, or remove that one")


def _write_part(
    folder: Path, graph: bytes, layout: Layout, adapter: Mapping[str, Any] | None, facts: Mapping[str, Any]
) -> None:
    from safetensors.numpy import save_file

    check_free(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        (made / GRAPH).write_bytes(graph)
        if adapter is not None:
            halves = {name: np.ascontiguousarray(value, dtype=np.float16) for name, value in adapter.items()}
            save_file(halves, made / ADAPTER)
        files = {path.name: describe_file(path) for path in sorted(made.iterdir())}
        manifest = {**facts, "files": files, "layout": layout.to_dict()}
        write_json(made / MANIFEST, manifest)
        made.chmod(0o755)
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as JSON that a person can read and a diff can show."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def describe_file(path: Path) -> dict[str, Any]:
    """A file's size in bytes and its SHA-256 in hex."""
    with path.open("rb") as stream:
        return {
            "size": path.stat().st_size,
            "sha256": hashlib.file_digest(stream, "sha256").hexdigest(),
        }


def describe_data(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """What a recipe records of its data: each file's name (with its folder's), size and SHA-256."""
    return [{"file": f"{path.parent.name}/{path.name}", **describe_file(path)} for path in paths]
