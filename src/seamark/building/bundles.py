"""Bundles written: a new one from its parts, or its parent's with a changed taxonomy (docs/reference/bundle.md).

A bundle is a candidate until it is registered: its manifest has no version yet. It is made beside its place and
moved there whole; what a killed process left is cleared by the next one that makes the same bundle.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seamark.building.bundle_parts import digest_weights, write_encoder_files, write_spans, write_vectors
from seamark.building.parts import check_free, describe_file
from seamark.building.reembedding import UpdateFigures, update_vectors
from seamark.errors import StorageError, TaxonomyError, UsageError, WeightsError
from seamark.extraction.bundle import (
    FORMAT,
    MANIFEST,
    MODEL_CARD,
    RANKER,
    RECORDED,
    ROWS,
    TAXONOMY,
    VECTORS,
    Bundle,
    assemble,
    dump_json,
    list_files,
    open_encoder,
    read_bundle,
    read_taxonomy,
    read_vectors,
)
from seamark.extraction.encoder import Encoder
from seamark.extraction.matching import SkillVectors, embed_skills
from seamark.extraction.models import Progress
from seamark.extraction.ranking import Ranker
from seamark.settings import Settings, read_settings
from seamark.taxonomy import Taxonomy
from seamark.taxonomy.writing import make_document

_OWN_FILES = (VECTORS, ROWS, TAXONOMY, RECORDED, MODEL_CARD)
"""What an update writes anew; every other file is the parent's."""

_UNREAD = (RECORDED, MODEL_CARD)
"""Files of a parent that an update has no use for."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the manifest says besides what follows from the files."""

    recipe: Mapping[str, Any]
    taxonomy: Taxonomy
    data: Mapping[str, Any] | None
    lineage: Mapping[str, Any]
    metrics: Mapping[str, Any]


def write_bundle(
    output: Path,
    *,
    encoder: Path,
    spans: str | Path | Bundle,
    ranker: Ranker,
    threshold: float,
    taxonomy: Taxonomy,
    recipe: Mapping[str, Any],
    data: Mapping[str, Any] | None = None,
    lineage: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
    samples: Sequence[str] = (),
    settings: Settings | None = None,
    on_progress: Progress | None = None,
) -> Bundle:
    """A new bundle in ``output``, which must not exist yet; its taxonomy is embedded meanwhile.

    Args:
        output: the bundle's folder; whole or not there.
        encoder: folder of a BERT or MPNet encoder as sentence-transformers saves it.
        spans: a shipped part's name, a part's folder, ``jobbert``, ``SKILL,KNOWLEDGE``, or a bundle whose span
            extractor is taken over.
        ranker: candidates to confidences.
        threshold: least confidence that is predicted, 0-1.
        taxonomy: the release; its version is the release's number.
        recipe: how the weights came to be; ``encoder.max_tokens`` says where texts are cut. Span extractor,
            dimensions and threshold are put in.
        data: ``data_version`` and ``data_checksum``; None without labelled data.
        lineage: parent, experiment, trigger, code commit, packages.
        metrics: what was measured.
        samples: texts; what the bundle predicts for them is recorded in it.
        settings: the surroundings; default: the environment's.
        on_progress: told about long work.

    Raises:
        UsageError: ``output`` is there already; the encoder is of an unknown architecture; no such span extractor.
        TaxonomyError: the taxonomy has no active skill.
        WeightsError: weights are missing, damaged, or can't be fetched.
        StorageError: the folder can't be written.
    """
    settings = settings or read_settings()
    _check_skills(taxonomy)
    with _make_folder(output) as made:
        sizes = write_encoder_files(made, encoder)
        described = write_spans(made, spans, settings, on_progress)
        _write_ranker(made, ranker, threshold)
        whole = {
            **recipe,
            "encoder": {**recipe["encoder"], "dimensions": sizes.hidden},
            "spans": described,
            "threshold": threshold,
        }
        facts = _Facts(whole, taxonomy, data, lineage or {}, metrics or {})
        draft = _describe(made, facts)
        opened = open_encoder(draft, settings)
        told = _tell_embedding(on_progress)
        vectors = embed_skills(taxonomy.active, opened, on_progress=told)
        write_vectors(made, vectors, taxonomy.active)
        _finish(draft, facts, opened, vectors, samples, settings)
    return read_bundle(output)


def update_bundle(
    output: Path,
    parent: Bundle,
    taxonomy: Taxonomy,
    *,
    lineage: Mapping[str, Any] | None = None,
    samples: Sequence[str] = (),
    settings: Settings | None = None,
    on_progress: Progress | None = None,
) -> tuple[Bundle, UpdateFigures]:
    """The parent's bundle with another taxonomy release, in ``output``, and what was embedded for it.

    Weights are copied and their digests compared with the parent's manifest, so that no damage is handed on. Only
    skills with another title or other alternative titles are embedded; the vectors of all others are
    the parent's, bit by bit.

    Args:
        output: the bundle's folder, which must not exist yet; whole or not there.
        parent: the bundle that it is made from.
        taxonomy: the new release; its version is the release's number.
        lineage: parent, experiment, trigger, code commit, packages.
        samples: texts; what the bundle predicts for them is recorded in it.
        settings: the surroundings; default: the environment's.
        on_progress: told about long work.

    Raises:
        UsageError: ``output`` is there already.
        TaxonomyError: the taxonomy has no active skill.
        WeightsError: the parent is damaged.
        StorageError: the folder can't be written.
    """
    began = time.monotonic()
    settings = settings or read_settings()
    _check_skills(taxonomy)
    with _make_folder(output) as made:
        copied = _copy_files(parent, made)
        facts = _Facts(parent.manifest["recipe"], taxonomy, parent.manifest["data"], lineage or {}, {})
        draft = _describe(made, facts, known=copied)
        opened = open_encoder(draft, settings)
        known = read_taxonomy(parent).active
        vectors, figures = update_vectors(
            taxonomy.active,
            opened,
            known=known,
            vectors=read_vectors(parent, known),
            on_progress=_tell_embedding(on_progress),
        )
        write_vectors(made, vectors, taxonomy.active)
        _finish(draft, facts, opened, vectors, samples, settings)
    return read_bundle(output), replace(figures, seconds=round(time.monotonic() - began, 3))


def replace_ranker(
    output: Path,
    parent: Bundle,
    *,
    ranker: Ranker,
    threshold: float,
    fitted: Mapping[str, Any],
    samples: Sequence[str] = (),
    settings: Settings | None = None,
) -> Bundle:
    """The parent's bundle with another ranker and threshold, in ``output``; vectors and weights are the parent's.

    Args:
        output: the bundle's folder, which must not exist yet; whole or not there.
        parent: the bundle that it is made from.
        ranker: candidates to confidences.
        threshold: least confidence that is predicted, 0-1.
        fitted: how the ranker came to be, for the recipe.
        samples: texts; what the bundle predicts for them is recorded in it.
        settings: the surroundings; default: the environment's.

    Raises:
        UsageError: ``output`` is there already.
        WeightsError: the parent is damaged.
        StorageError: the folder can't be written.
    """
    settings, manifest = settings or read_settings(), parent.manifest
    with _make_folder(output) as made:
        copied = _copy_files(parent, made, but=(RANKER, TAXONOMY, RECORDED, MODEL_CARD))
        _write_ranker(made, ranker, threshold)
        recipe = {**manifest["recipe"], "ranker": dict(fitted), "threshold": threshold}
        taxonomy = read_taxonomy(parent)
        vectors = read_vectors(parent, taxonomy.active)
        facts = _Facts(recipe, taxonomy, manifest["data"], manifest["lineage"], manifest["metrics"])
        draft = _describe(made, facts, known=copied)
        _finish(draft, facts, open_encoder(draft, settings), vectors, samples, settings)
    return read_bundle(output)


def finish_bundle(bundle: Bundle, *, metrics: Mapping[str, Any], model_card: str) -> Bundle:
    """The candidate with its metrics and its model card; all other files stay as they are.

    May be called again, with the same or other values.

    Raises:
        UsageError: the bundle is a registered version.
        StorageError: the folder can't be written.
    """
    if bundle.manifest["version"]:
        raise UsageError(f"version {bundle.version} is registered", expected="a candidate's bundle")
    card = bundle.folder / MODEL_CARD
    with _translated(bundle.folder):
        _replace_file(card, model_card.encode())
        files = dict(sorted({**bundle.manifest["files"], MODEL_CARD: describe_file(card)}.items()))
        manifest = {**bundle.manifest, "metrics": dict(metrics), "files": files}
        _replace_file(bundle.folder / MANIFEST, dump_json(manifest))
    return Bundle(bundle.folder, manifest)


# ---- steps


def _check_skills(taxonomy: Taxonomy) -> None:
    if not taxonomy.active:
        raise TaxonomyError(
            f"the taxonomy '{taxonomy.name}' has no active skill", expected="at least one to predict"
        )


@contextmanager
def _make_folder(output: Path) -> Iterator[Path]:
    """A folder that becomes ``output`` when all went well, and else is gone."""
    check_free(output)
    made = output.with_name(f".{output.name}.making")
    with _translated(output):
        shutil.rmtree(made, ignore_errors=True)  # of a killed process
        made.mkdir(parents=True)
        try:
            yield made
            made.rename(output)
        finally:
            shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{folder} can't be written ({error.strerror or error})", hint="free some space and run it again"
        ) from error


def _write_ranker(made: Path, ranker: Ranker, threshold: float) -> None:
    path = made / RANKER
    path.parent.mkdir()
    path.write_bytes(dump_json(ranker.to_dict() | {"threshold": threshold}))


def _copy_files(parent: Bundle, made: Path, *, but: Sequence[str] = _OWN_FILES) -> dict[str, Any]:
    """The manifest's entries of what was copied: every file ``but`` some.

    Copies, not links: two versions must not share a damage.
    """
    copied = {}
    for name, entry in parent.manifest["files"].items():
        source, target = parent.folder / name, made / name
        try:
            if name not in but:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
                source, copied[name] = target, entry
            is_whole = name in _UNREAD or describe_file(source) == entry
        except FileNotFoundError as error:
            raise _explain_damage(parent, name) from error
        if not is_whole:
            raise _explain_damage(parent, name)
    return copied


def _explain_damage(parent: Bundle, name: str) -> WeightsError:
    return WeightsError(
        f"the version {parent.version} is damaged: {name} is not what its manifest says",
        hint="seamark versions verify",
    )


def _tell_embedding(on_progress: Progress | None) -> Callable[[int, int], None] | None:
    if on_progress is None:
        return None
    return lambda done, total: on_progress("embedding the taxonomy", done, total)


def _finish(
    draft: Bundle,
    facts: _Facts,
    encoder: Encoder,
    vectors: SkillVectors,
    samples: Sequence[str],
    settings: Settings,
) -> None:
    """Write what tells of the rest: the taxonomy, the recorded predictions, the manifest."""
    made = draft.folder
    document = make_document(facts.taxonomy) | {"digest": facts.taxonomy.digest}
    (made / TAXONOMY).write_bytes(dump_json(document, indent=None))
    extractor = assemble(draft, encoder, settings=settings, taxonomy=facts.taxonomy, vectors=vectors)
    predictions = [
        {
            "text": found.original_input,
            "skills": {skill.skill_id: round(skill.confidence, 4) for skill in found.skills},
        }
        for found in extractor.extract_many(samples)
    ]
    (made / RECORDED).write_bytes(dump_json({"predictions": predictions}))
    whole = _describe(made, facts, known=draft.manifest["files"])
    (made / MANIFEST).write_bytes(dump_json(whole.manifest))


def _describe(made: Path, facts: _Facts, *, known: Mapping[str, Any] | None = None) -> Bundle:
    """The bundle as its files are now; ``known`` are entries of files that need not be read again."""
    names, known = [name for name in list_files(made) if name != MANIFEST], known or {}
    files = {name: known.get(name) or describe_file(made / name) for name in names}
    taxonomy = facts.taxonomy
    manifest = {
        "format": FORMAT,
        "version": "",
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "recipe": dict(facts.recipe),
        "weights": digest_weights(files),
        "taxonomy": {
            "name": taxonomy.name,
            "number": taxonomy.version,
            "digest": taxonomy.digest,
            "skills": len(taxonomy.active),
        },
        "data": None if facts.data is None else dict(facts.data),
        "lineage": dict(facts.lineage),
        "metrics": dict(facts.metrics),
        "files": files,
    }
    return Bundle(made, manifest)


def _replace_file(path: Path, content: bytes) -> None:
    made = path.with_name(f".{path.name}.making")
    made.write_bytes(content)
    made.replace(path)
