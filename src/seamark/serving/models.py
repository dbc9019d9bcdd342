"""Model versions in memory: loaded, warmed, tried, and seen by each stage with its own threshold.

A model answers from files of its own, which nobody else can reach: a copy that has no name any more once it is
open. Weights are mapped into memory, so whoever overwrote the store's files would change what is answered, and
whoever cut them off would end the process.
"""

from __future__ import annotations

import copy
import math
import shutil
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from seamark.errors import CandidateError, StorageError, WeightsError
from seamark.extraction.bundle import MANIFEST, open_bundle, read_bundle
from seamark.extraction.extractor import Extractor
from seamark.extraction.result import Prediction
from seamark.registry.bundles import fetch_bundle, locate_version
from seamark.serving.logs import log_event
from seamark.taxonomy.samples import read_samples

if TYPE_CHECKING:
    from seamark.settings import StageSettings
    from seamark.storage.workspace import Workspace

_SAMPLES = 8  # shipped texts that a smoke test predicts: enough to warm the engine, and a swap waits for it
_FORGOTTEN_SECONDS = 3600.0  # nothing takes so long to load
_TITLES = 3  # skills whose titles it looks for


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Model:
    """A model version in memory; several stages may share it.

    Attributes:
        version: X.Y.Z.
        digest: SHA-256 of its bundle's manifest; empty where the registry has none.
        extractor: predicts.
        taxonomy: its release's name, number, digest and number of skills.
        metrics: as its manifest has them.
        threshold: the least confidence that it predicts by default, 0-1.
        seconds: how long it took to load and try.
    """

    version: str
    digest: str
    extractor: Extractor
    taxonomy: Mapping[str, Any]
    metrics: Mapping[str, Any]
    threshold: float
    seconds: float

    @property
    def key(self) -> tuple[str, str]:
        """Version and digest: what makes it the same model."""
        return self.version, self.digest


@dataclass(frozen=True, slots=True)
class View:
    """A model as one stage uses it; views that are equal may predict together.

    Attributes:
        model: the model.
        threshold: least confidence of a skill, 0-1.
        top: skills of a prediction at most; 0: all.
        extractor: the model's, with these two.
    """

    model: Model
    threshold: float
    top: int
    extractor: Extractor = field(compare=False, repr=False)

    @property
    def version(self) -> str:
        """The model's version."""
        return self.model.version


def make_view(model: Model, settings: StageSettings) -> View:
    """The model with a stage's threshold and number of skills; no weight is copied."""
    threshold = model.threshold if settings.threshold < 0 else settings.threshold
    extractor = copy.copy(model.extractor)
    extractor.threshold, extractor.top = threshold, settings.top
    return View(model, threshold, settings.top, extractor)


def load_model(workspace: Workspace, version: str, digest: str) -> Model:
    """A version, verified, loaded, warm, and tried on the shipped sample texts.

    Args:
        workspace: whose version.
        version: X.Y.Z.
        digest: SHA-256 that its bundle's manifest must have; empty takes it as it is.

    Raises:
        UsageError: there is no such version.
        WeightsError: it is damaged.
        CandidateError: it predicts, but not what a model may.
        StorageError: it can't be fetched.
    """
    started = time.perf_counter()
    threads = workspace.settings.service.threads or workspace.settings.threads
    settings = replace(workspace.settings, threads=threads)
    with _copying(workspace, version, digest) as folder:
        extractor = open_bundle(folder, settings=settings, manifest_digest=digest)
        manifest = read_bundle(folder).manifest
        try_out(extractor)
    model = Model(
        version,
        digest,
        extractor,
        dict(manifest["taxonomy"]),
        dict(manifest.get("metrics") or {}),
        extractor.threshold,
        time.perf_counter() - started,
    )
    weakref.finalize(model, log_event, "version.freed", version=version).atexit = False
    return model


@contextmanager
def _copying(workspace: Workspace, version: str, digest: str) -> Iterator[Path]:
    """A copy of the version's bundle while the block lasts; what the block has mapped of it stays readable."""
    root = workspace.cache / "loading"
    copy = root
    try:
        source = fetch_bundle(workspace, version, manifest_digest=digest)
        with _make_room(root) as room:
            copy = room / "bundle"
            _copy(source, copy)
            yield copy
    except WeightsError as error:
        raise _explain(error, version, copy, _place(workspace, version)) from error


@contextmanager
def _make_room(root: Path) -> Iterator[Path]:
    try:
        root.mkdir(parents=True, exist_ok=True)
        _sweep(root)
        room = TemporaryDirectory(dir=root, ignore_cleanup_errors=True)
    except OSError as error:
        raise StorageError(f"{root} can't be written: {error.strerror}", hint="free some space") from error
    with room as name:
        yield Path(name)


def _copy(source: Path, copy: Path) -> None:
    try:
        shutil.copytree(source, copy, copy_function=shutil.copyfile)
    except OSError as error:  # or a list of them
        raise StorageError(f"{source} can't be copied: {error!s:.200}", hint="free some space") from error


def _sweep(root: Path) -> None:
    """Remove what was left by processes that were killed while they loaded."""
    for left in root.iterdir():
        with suppress(OSError):
            if left.stat().st_mtime < time.time() - _FORGOTTEN_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def _place(workspace: Workspace, version: str) -> Path:
    """Where :func:`fetch_bundle` has the version's bundle."""
    manifest = workspace.store.local_path(f"{locate_version(version)}{MANIFEST}")
    return manifest.parent if manifest else workspace.cache / "bundles" / "versions" / version


def _explain(error: WeightsError, version: str, *folders: Path) -> WeightsError:
    """The same without the server's folders: whoever asks whether it is ready may read it."""
    found = error.found
    for folder in folders:
        found = found.replace(f"{folder}/", "").replace(str(folder), f"the bundle of {version}")
    return WeightsError(found, expected=error.expected, hint=error.hint)


def try_out(extractor: Extractor) -> None:
    """See that an extractor predicts what a model may, on the shipped samples; it is warm afterwards.

    Raises:
        CandidateError: a prediction is not well-formed.
    """
    texts = [sample.text for sample in read_samples()[:_SAMPLES]]
    predictions = extractor.extract_many(texts)
    if len(predictions) != len(texts):
        raise CandidateError(f"{len(predictions)} predictions for {len(texts)} texts")
    for text, prediction in zip(texts, [extractor.extract(texts[0]), *predictions[1:]], strict=True):
        check_prediction(prediction, text, extractor)
    _check_numbers(extractor)


def check_prediction(prediction: Prediction, text: str, extractor: Extractor) -> None:
    """See that one prediction is well-formed.

    Raises:
        CandidateError: it isn't; the message says what is wrong.
    """
    known = {skill.skill_id for skill in extractor.taxonomy.active}
    seen: set[str] = set()
    for skill in prediction.skills:
        if skill.skill_id not in known or skill.skill_id in seen:
            what = "twice" if skill.skill_id in seen else "which is not in its taxonomy release"
            raise CandidateError(f"it predicts the skill {skill.skill_id!r:.100} {what}")
        seen.add(skill.skill_id)
        if not 0 <= skill.confidence <= 1:  # also what is no number
            raise CandidateError(f"it predicts with a confidence of {skill.confidence}", expected="0 to 1")
        if any(text[span.start : span.end] != span.text for span in skill.evidence):
            raise CandidateError(f"the evidence of {skill.skill_id!r:.100} is not in the text")


def _check_numbers(extractor: Extractor) -> None:
    """A model whose numbers are broken predicts nothing, which looks well; its confidences tell."""
    skills = extractor.taxonomy.active
    titles = [skill.title for skill in skills[:: max(len(skills) // _TITLES, 1)]][:_TITLES]
    for title, ranked in zip(titles, _rank(extractor, titles), strict=True):
        if not ranked or not all(math.isfinite(confidence) for _, confidence in ranked):
            raise CandidateError(f"it has no confidence for the text {title!r:.100}, a title of its own")


def _rank(extractor: Extractor, titles: Sequence[str]) -> list[list[tuple[str, float]]]:
    return extractor.rank_phrases(titles, depth=3) if titles else []
