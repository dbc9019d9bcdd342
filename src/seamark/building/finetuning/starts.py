"""Where training starts: a sentence-transformers folder made of a base model, or of what was trained before.

Such a folder holds ``modules.json``, ``1_Pooling/config.json``, ``sentence_bert_config.json``, the tokenizer's
files, ``config.json`` and ``model.safetensors`` under Hugging Face's names, so that
``SentenceTransformer(folder)`` opens it without a network. Vectors are unit vectors, the mean over tokens, as our
own engine's (:mod:`seamark.extraction.encoder`).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seamark.base_models import resolve_base_model
from seamark.building.parts import check_free, write_json
from seamark.errors import StorageError, WeightsError
from seamark.extraction.merging import merge_weights, restore_tensors
from seamark.extraction.shipped import open_part, read_tensors
from seamark.settings import Settings

SHIPPED_ENCODER = "skills-encoder-v1"
"""The adapter that ``default`` starts from."""

DEFAULT_START = "default"

_MODULES = [
    {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
    for i, (path, kind) in enumerate(
        (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    )
]

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")

_NEEDED = ("config.json", "model.safetensors", "modules.json", "sentence_bert_config.json", "tokenizer.json")
"""What a folder must hold to be started from, besides ``1_Pooling``."""


def write_start(
    output: Path,
    *,
    base: str | Path = DEFAULT_START,
    settings: Settings,
    max_tokens: int = 64,
    progress: Callable[[str, int, int], None] | None = None,
) -> Path:
    """The folder that training starts from, ``output``, which must not exist yet.

    Args:
        output: where to write it.
        base: ``default`` for the adapter that ships, merged into its base model; the name of a base model, for that
            model as it is; or a sentence-transformers folder, such as a bundle's ``embedding_model``, which is copied.
        settings: where base models are.
        max_tokens: longer texts are cut.
        progress: told about downloads.

    Raises:
        UsageError: there is no such base model, or ``output`` is there already.
        WeightsError: weights are missing, damaged, or can't be fetched.
        StorageError: the folder can't be written.
    """
    if isinstance(base, Path) and (base / "modules.json").exists():
        return copy_start(output, base)
    tensors: Mapping[str, Any] | None = None
    if base == DEFAULT_START:
        part = open_part(SHIPPED_ENCODER)
        folder = resolve_base_model(str(part.manifest["base_model"]), settings, progress=progress)
        tensors = merge_adapter(
            read_tensors(folder / "model.safetensors"), read_tensors(part.folder / "adapter.safetensors")
        )
    else:
        folder = resolve_base_model(base, settings, progress=progress)
    return write_encoder_folder(output, folder, tensors, max_tokens=max_tokens)


def merge_adapter(base: Mapping[str, Any], adapter: Mapping[str, Any]) -> dict[str, Any]:
    """A base model's tensors with an adapter merged in, under the base model's own names.

    Args:
        base: tensors of a BERT or MPNet ``model.safetensors``.
        adapter: tensors as our own training names them.
    """
    types = base.get("embeddings.token_type_embeddings.weight")
    merged = merge_weights(base, adapter, type_rows=0 if types is None else len(types))
    return restore_tensors(merged, base)


def write_encoder_folder(
    output: Path, base: Path, tensors: Mapping[str, Any] | None = None, *, max_tokens: int
) -> Path:
    """A sentence-transformers folder at ``output``: whole, or not there at all.

    Args:
        output: must not exist yet.
        base: folder with ``config.json``, the tokenizer's files, and ``model.safetensors``.
        tensors: the weights under Hugging Face's names; None takes the base's file as it is.
        max_tokens: longer texts are cut.

    Raises:
        UsageError: ``output`` is there already.
        StorageError: the folder can't be written.
    """

    def fill(folder: Path) -> None:
        for name in ("config.json", *_TOKENIZER_FILES):
            if (base / name).exists():
                shutil.copyfile(base / name, folder / name)
        _write_modules(folder, max_tokens=max_tokens)
        if tensors is None:
            shutil.copyfile(base / "model.safetensors", folder / "model.safetensors")
        else:
            _save_tensors(tensors, folder / "model.safetensors")

    return _make_folder(output, fill)


def copy_start(output: Path, folder: Path) -> Path:
    """A copy of a sentence-transformers folder's own files; what else lies there (graph, vectors) stays behind.

    Raises:
        WeightsError: the folder lacks a file.
        UsageError: ``output`` is there already.
        StorageError: the folder can't be written.
    """
    missing = sorted(name for name in (*_NEEDED, "1_Pooling") if not (folder / name).exists())
    if missing:
        raise WeightsError(f"{folder} has no {missing[0]}", expected="a sentence-transformers folder")

    def fill(made: Path) -> None:
        for name in dict.fromkeys((*_NEEDED, *_TOKENIZER_FILES)):
            if (folder / name).exists():
                shutil.copyfile(folder / name, made / name)
        shutil.copytree(folder / "1_Pooling", made / "1_Pooling")

    return _make_folder(output, fill)


def _make_folder(output: Path, fill: Callable[[Path], None]) -> Path:
    check_free(output)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".making-", dir=output.parent))
        try:
            fill(made)
            made.chmod(0o755)
            made.rename(output)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise StorageError(
            f"{output} can't be written ({error.strerror or error})", hint="free some space"
        ) from error
    return output


def _write_modules(folder: Path, *, max_tokens: int) -> None:
    write_json(folder / "modules.json", _MODULES)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_tokens, "do_lower_case": False})
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "1_Pooling").mkdir()
    write_json(
        folder / "1_Pooling" / "config.json",
        {
            "word_embedding_dimension": config["hidden_size"],
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
    )


def _save_tensors(tensors: Mapping[str, Any], path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    floats = {name: np.ascontiguousarray(tensor, dtype=np.float32) for name, tensor in tensors.items()}
    # the format that transformers asks for when it opens the file
    try:
        save_file(floats, path, metadata={"format": "pt"})
    except SafetensorError as error:  # it says so of a full disk as well
        raise OSError(str(error)) from error
