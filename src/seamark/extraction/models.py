"""What `model` names, opened: parts found, base models fetched, engines and vectors ready."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seamark.base_models import ensure_base_model, find_base_model
from seamark.errors import UsageError
from seamark.extraction.bundle import (
    Bundle,
    assemble,
    check_bundle,
    check_threshold,
    check_top,
    is_bundle,
    open_encoder,
    open_spans,
)
from seamark.extraction.encoder import Encoder, read_tokenizer
from seamark.extraction.engines import open_engine
from seamark.extraction.extractor import Extractor
from seamark.extraction.matching import Matcher, SkillVectors
from seamark.extraction.ranking import Ranker
from seamark.extraction.shipped import SHIPPED, ShippedPart, open_part, prepare_engine
from seamark.extraction.spans.adapter import AdapterSpanExtractor
from seamark.extraction.spans.protocol import SpanExtractor
from seamark.extraction.vector_store import load_vectors
from seamark.settings import Settings, read_settings
from seamark.taxonomy import Taxonomy
from seamark.taxonomy.taxonomy import STARTER

DEFAULT_MODEL = "default"
_MODELS = SHIPPED / "models.json"

Progress = Callable[[str, int, int], None]
"""Told what is being done, and how far it is."""


def list_models() -> list[str]:
    """The names that ``model`` may have, besides a folder."""
    return list(_read_models())


def make_extractor(
    taxonomy: str | Path | Taxonomy | None = None,
    *,
    model: str | Path = DEFAULT_MODEL,
    spans: str | None = None,
    settings: Settings | None = None,
    threshold: float | None = None,
    top: int | None = None,
    progress: Progress | None = None,
) -> Extractor:
    """An extractor, with base models fetched and the taxonomy embedded where they were not yet.

    Args:
        taxonomy: a name, a file, a folder, or a :class:`Taxonomy`; default: the starter taxonomy, and a
            bundle's own release. Name another one, and it is embedded by the bundle's encoder.
        model: one of :func:`list_models`; the folder of a model version's bundle (docs/reference/bundle.md); or
            a folder whose ``model.json`` names its parts (docs/how-to/train-the-weights.md).
        spans: the span extractor, as :func:`make_span_extractor` names it; default: the model's own.
        settings: the surroundings; default: the environment's.
        threshold: least confidence, 0-1; default: the model's own.
        top: how many skills at most; None or 0 gives all above the threshold.
        progress: told about long work.

    Raises:
        UsageError: there is no such taxonomy or model, or ``threshold`` or ``top`` is out of its range.
        TaxonomyError: the taxonomy can't be read.
        WeightsError: weights are missing, damaged, or can't be fetched.
    """
    settings = settings or read_settings()
    check_top(top)
    if threshold is not None:
        check_threshold(threshold)
    if (bundle := _find_bundle(str(model))) is not None:
        encoder = open_encoder(bundle, settings)
        other = _find_other(bundle, taxonomy, settings)
        return assemble(
            bundle,
            encoder,
            settings=settings,
            spans=make_span_extractor(spans, settings=settings, progress=progress) if spans else None,
            taxonomy=other,
            vectors=None if other is None else _embed(other, encoder, settings, progress),
            threshold=threshold,
            top=top,
        )
    parts = _find_model(str(model))
    loaded = _load_taxonomy(STARTER if taxonomy is None else taxonomy, settings)
    encoder = make_encoder(str(model), settings=settings, progress=progress)
    vectors = _embed(loaded, encoder, settings, progress)
    return Extractor(
        loaded,
        spans=make_span_extractor(spans or str(model), settings=settings, progress=progress),
        encoder=encoder,
        matcher=Matcher(vectors, encoder),
        ranker=Ranker.read(parts.open(parts.ranker).folder / "ranker.json"),
        model_version=parts.version,
        threshold=parts.threshold if threshold is None else threshold,
        top=top or 0,
    )


def _find_other(
    bundle: Bundle, taxonomy: str | Path | Taxonomy | None, settings: Settings
) -> Taxonomy | None:
    """The taxonomy that is wanted, unless it is the bundle's own."""
    if taxonomy is None:
        return None
    loaded = _load_taxonomy(taxonomy, settings)
    return None if loaded.digest == bundle.manifest["taxonomy"]["digest"] else loaded


def _load_taxonomy(taxonomy: str | Path | Taxonomy, settings: Settings) -> Taxonomy:
    return taxonomy if isinstance(taxonomy, Taxonomy) else Taxonomy.load(taxonomy, home=settings.home)


def _embed(
    taxonomy: Taxonomy, encoder: Encoder, settings: Settings, progress: Progress | None
) -> SkillVectors:
    return load_vectors(
        settings.home / "embeddings",
        taxonomy.digest,
        taxonomy.active,
        encoder,
        on_progress=(lambda done, all_: progress("embedding the taxonomy", done, all_)) if progress else None,
    )


def make_encoder(
    model: str = DEFAULT_MODEL, *, settings: Settings | None = None, progress: Progress | None = None
) -> Encoder:
    """The encoder of a model.

    Raises:
        UsageError: there is no such model.
        WeightsError: weights are missing, damaged, or can't be fetched.
    """
    settings = settings or read_settings()
    if (bundle := _find_bundle(model)) is not None:
        return open_encoder(bundle, settings)
    parts = _find_model(model)
    part = parts.open(parts.encoder)
    base = _get_base(part, settings, progress)
    engine = _open(part, base, settings)
    return Encoder(
        engine,
        read_tokenizer(base, int(part.manifest["max_tokens"])),
        dimensions=int(part.manifest["dimensions"]),
        name=part.digest,
    )


def make_span_extractor(
    model: str = DEFAULT_MODEL, *, settings: Settings | None = None, progress: Progress | None = None
) -> SpanExtractor:
    """A span extractor.

    Args:
        model: a model, as :func:`make_extractor` takes it; ``jobbert``; or two Hugging Face token classifiers,
            for skills and for knowledge, as ``SKILL,KNOWLEDGE``, each a folder or a name on the model hub.
        settings: the surroundings; default: the environment's.
        progress: told about long work.

    Raises:
        UsageError: there is no such span extractor.
        WeightsError: weights are missing, damaged, or can't be fetched.
    """
    settings = settings or read_settings()
    if _is_hugging_face(model):
        return _make_hugging_face_spans(model, settings)
    if (bundle := _find_bundle(model)) is not None:
        return open_spans(bundle, settings)
    parts = _find_model(model)
    if _is_hugging_face(parts.spans):
        return _make_hugging_face_spans(parts.spans, settings)
    part = parts.open(parts.spans)
    base = _get_base(part, settings, progress)
    return make_adapter_spans(part, base, settings)


def _find_bundle(name: str) -> Bundle | None:
    """The bundle in the folder of that name, verified whole; None where that is none, or a model's name."""
    folder = Path(name).expanduser()
    is_name = any(name == known or name in model.aliases for known, model in _read_models().items())
    return check_bundle(folder) if not is_name and is_bundle(folder) else None


def make_adapter_spans(part: ShippedPart, base: Path, settings: Settings) -> AdapterSpanExtractor:
    """Our own span extractor from a part and its base model's folder."""
    import numpy as np

    return AdapterSpanExtractor(
        _open(part, base, settings),
        read_tokenizer(base, int(part.manifest["max_tokens"])),
        transitions=np.array(part.manifest["transitions"], dtype=np.float32),
        starts=np.array(part.manifest["starts"], dtype=np.float32),
        name=part.digest,
    )


def _is_hugging_face(name: str) -> bool:
    return name == "jobbert" or "," in name


def _make_hugging_face_spans(model: str, settings: Settings) -> SpanExtractor:
    from seamark.extraction.spans.hugging_face import JOBBERT, HuggingFaceSpanExtractor

    names = JOBBERT if model == "jobbert" else tuple(name.strip() for name in model.split(","))
    if len(names) != 2 or not all(names):
        raise UsageError(f"the span extractor {model!r}", expected="SKILL,KNOWLEDGE: two token classifiers")
    return HuggingFaceSpanExtractor(names[0], names[1], settings=settings)


@dataclass(frozen=True, slots=True)
class _Model:
    """An entry of ``models.json``, or a folder's ``model.json``: the parts that make a model.

    A part is a folder beside ``model.json``, or one that ships.
    """

    version: str
    encoder: str
    spans: str
    ranker: str
    threshold: float
    root: Path = SHIPPED
    aliases: tuple[str, ...] = ()

    def open(self, name: str) -> ShippedPart:
        return open_part(name, root=self.root if (self.root / name).is_dir() else SHIPPED)


def _read_models() -> dict[str, _Model]:
    entries = json.loads(_MODELS.read_text(encoding="utf-8"))
    return {name: _Model(**entry) for name, entry in entries.items()}


def _find_model(name: str) -> _Model:
    models = _read_models()
    for known, model in models.items():
        if name == known or name in model.aliases:
            return model
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _read_model(folder)
    raise UsageError(
        f"there is no model {name!r}",
        expected="one of " + ", ".join(models) + ", a model version's folder, or a folder with model.json",
    )


def _read_model(folder: Path) -> _Model:
    expected = "an object with version, encoder, spans, ranker and threshold"
    try:
        entry = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        return _Model(**entry, root=folder)
    except FileNotFoundError as error:
        raise UsageError(f"the folder {folder} has no model.json", expected=expected) from error
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{folder / 'model.json'} can't be read ({error})", expected=expected) from error


def _get_base(part: ShippedPart, settings: Settings, progress: Progress | None) -> Path:
    base = find_base_model(str(part.manifest["base_model"]))
    return ensure_base_model(base, settings, progress=progress)


def _open(part: ShippedPart, base: Path, settings: Settings) -> Any:
    folder = prepare_engine(part, base, settings.home)
    return open_engine(settings.engine, folder, threads=settings.threads)
