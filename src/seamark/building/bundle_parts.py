"""The parts of a bundle, written into its folder: encoder, span extractor, vectors."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seamark.base_models import ensure_base_model, find_base_model
from seamark.building.graph import STORED_FILE, EncoderSizes, build_stored_embedder
from seamark.building.parts import describe_file, read_sizes
from seamark.building.stored import rewrite_tensors
from seamark.errors import UsageError, WeightsError
from seamark.extraction.bundle import ENCODER, MANIFEST, RANKER, ROWS, SPANS, VECTORS, Bundle, dump_json
from seamark.extraction.matching import SkillVectors
from seamark.extraction.models import Progress
from seamark.extraction.shipped import SHIPPED, ShippedPart, open_part, write_engine
from seamark.settings import Settings
from seamark.taxonomy import Skill

_WEIGHTS = (".safetensors", ".bin")
# Graphs and weights of other engines, and the card that sentence-transformers writes for itself.
_LEFT_OUT = (*_WEIGHTS, ".onnx", ".xml", ".h5", ".ot", ".msgpack", ".npy", ".parquet", ".md")
_MODULES = ("Transformer", "Pooling", "Normalize")


# ---- encoder


def write_encoder_files(folder: Path, source: Path) -> EncoderSizes:
    """Write the encoder in ``source`` to the bundle in ``folder``: its files, and a graph over its weights.

    Args:
        folder: the bundle's.
        source: what sentence-transformers saves: BERT or MPNet, mean over tokens, normalised.

    Raises:
        UsageError: the model in ``source`` is of another architecture.
        WeightsError: a file of it is missing or damaged.
    """
    target = folder / ENCODER
    target.mkdir()
    try:
        _check_modules(source)
        sizes = read_sizes(source)
        for path in _list_encoder_files(source):
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise WeightsError(
            f"the encoder in {source} can't be read ({error})", expected="what sentence-transformers saves"
        ) from error
    stored = rewrite_tensors(source / STORED_FILE, target / STORED_FILE)
    (target / "model.onnx").write_bytes(build_stored_embedder(sizes, stored))
    return sizes


def _list_encoder_files(source: Path) -> list[Path]:
    return [
        path
        for path in sorted(source.rglob("*"))
        if path.is_file()
        and path.suffix not in _LEFT_OUT
        and not any(part.startswith(".") for part in path.relative_to(source).parts)
    ]


def _check_modules(source: Path) -> None:
    """Refuse what our graph would compute otherwise than sentence-transformers does."""
    modules = json.loads((source / "modules.json").read_text(encoding="utf-8"))
    kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    pooling = [
        json.loads((source / module["path"] / "config.json").read_text(encoding="utf-8"))
        for module, kind in zip(modules, kinds, strict=True)
        if kind == "Pooling"
    ]
    if kinds[:2] != list(_MODULES[:2]) or not set(kinds) <= set(_MODULES) or not _is_mean(pooling[0]):
        raise UsageError(
            f"the encoder in {source} is made of {', '.join(kinds)}",
            expected="a Transformer, a Pooling by mean, and maybe Normalize",
        )


def _is_mean(config: Mapping[str, Any]) -> bool:
    if "pooling_mode" in config:
        return bool(config["pooling_mode"] == "mean")
    modes = [name for name, on in config.items() if name.startswith("pooling_mode_") and on]
    return modes == ["pooling_mode_mean_tokens"]


# ---- span extractor


def write_spans(
    folder: Path, spans: str | Path | Bundle, settings: Settings, on_progress: Progress | None
) -> dict[str, str]:
    """Write a span extractor to the bundle in ``folder``; its name and digest, for the recipe.

    Args:
        folder: the bundle's.
        spans: a shipped part's name, a part's folder, ``jobbert``, ``SKILL,KNOWLEDGE``, or a bundle whose span
            extractor is taken over.
        settings: where base models are.
        on_progress: told about a base model that is fetched.

    Raises:
        UsageError: there is no such span extractor.
        WeightsError: weights are missing, damaged, or can't be fetched.
    """
    target = folder / SPANS
    if isinstance(spans, Bundle):
        shutil.copytree(spans.folder / SPANS, target)
        return dict(spans.manifest["recipe"]["spans"])
    target.mkdir()
    name = str(spans)
    if name == "jobbert" or "," in name:
        return _write_classifiers(target, name, settings)
    return _write_tagger(target, _open_span_part(name), settings, on_progress)


def _open_span_part(name: str) -> ShippedPart:
    folder = Path(name).expanduser()
    if folder.is_dir():
        return open_part(folder.name, root=folder.parent)
    if not (SHIPPED / name).is_dir():
        names = [path.parent.name for path in sorted(SHIPPED.glob("*/manifest.json"))]
        raise UsageError(
            f"there is no span extractor {name!r}",
            expected=f"one of {', '.join(part for part in names if 'span' in part)}; a part's folder; jobbert; "
            "or SKILL,KNOWLEDGE",
        )
    return open_part(name)


def _write_tagger(
    target: Path, part: ShippedPart, settings: Settings, on_progress: Progress | None
) -> dict[str, str]:
    base = ensure_base_model(
        find_base_model(str(part.manifest["base_model"])), settings, progress=on_progress
    )
    write_engine(part, base, target)
    shutil.copyfile(base / "tokenizer.json", target / "tokenizer.json")
    story = {key: value for key, value in part.manifest.items() if key not in ("files", "layout")}
    names = {"name": part.folder.name, "digest": part.digest}
    (target / MANIFEST).write_bytes(dump_json({**story, "kind": "tagger", **names}))
    return names


def _write_classifiers(target: Path, name: str, settings: Settings) -> dict[str, str]:
    from seamark.extraction.spans.hugging_face import JOBBERT, find_classifiers, list_model_files

    pair = JOBBERT if name == "jobbert" else tuple(part.strip() for part in name.split(","))
    if len(pair) != 2 or not all(pair):
        raise UsageError(f"the span extractor {name!r}", expected="SKILL,KNOWLEDGE: two token classifiers")
    files = {}
    for label, folder in find_classifiers(pair[0], pair[1], settings).items():
        (target / label).mkdir()
        for path in list_model_files(folder):
            shutil.copyfile(path, target / label / path.name)
            files[f"{label}/{path.name}"] = describe_file(target / label / path.name)["sha256"]
    names = {"name": ",".join(Path(part).name for part in pair), "digest": _hash(files)}
    (target / MANIFEST).write_bytes(dump_json({"kind": "hugging_face", **names}))
    return names


# ---- vectors


def write_vectors(folder: Path, vectors: SkillVectors, skills: tuple[Skill, ...]) -> None:
    """Write the vectors of ``skills`` and the names behind their rows to the bundle in ``folder``."""
    import polars as pl

    lengths = np.diff(np.append(vectors.starts, len(vectors.names)))
    ids = np.repeat(np.arange(len(skills)), lengths)
    is_title = np.zeros(len(vectors.names), dtype=bool)
    is_title[vectors.starts] = True
    rows = pl.DataFrame(
        {
            "skill_id": [skills[i].skill_id for i in ids.tolist()],
            "name": list(vectors.names),
            "is_title": is_title,
        }
    )
    rows.write_parquet(folder / ROWS, compression="zstd")
    np.save(folder / VECTORS, np.ascontiguousarray(vectors.vectors, dtype="<f4"), allow_pickle=False)


# ---- digests of weights


def digest_weights(files: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """A digest of each part's weights alone: equal in two bundles where the weights are.

    Args:
        files: as the manifest lists them.
    """
    parts = {
        part: {
            path: str(entry["sha256"])
            for path, entry in files.items()
            if path.startswith(f"{part}/") and path.endswith(_WEIGHTS)
        }
        for part in (ENCODER, SPANS)
    }
    return {name: _hash(own) for name, own in parts.items()} | {"ranker": str(files[RANKER]["sha256"])}


def _hash(digests: Mapping[str, str]) -> str:
    lines = "".join(f"{path} {digest}\n" for path, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
