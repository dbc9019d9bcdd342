"""Base models that lie on this machine already."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from seamark.base_models._digests import find_on_disk, name_in
from seamark.base_models._intake import Intake, SourceError
from seamark.base_models.catalogue import BaseModel

FOLDERS_VARIABLE = "SEAMARK_BASE_MODELS"
_CHUNK = 1 << 22


class LocalSource:
    """Copies a model from a folder, or from an installed package that carries it.

    Args:
        folders: each holds ``<model name>/model.safetensors``; by default those that the environment
            variable ``SEAMARK_BASE_MODELS`` lists.
    """

    name = "local"
    downloads = False

    def __init__(self, folders: Sequence[Path] | None = None) -> None:
        self._folders = _read_folders() if folders is None else list(folders)

    def fetch(self, intake: Intake) -> None:
        """Copy what is wanted out of every folder that has some of it."""
        found = [folder for folder in self._find_folders(intake.model) if folder.is_dir()]
        if not found:
            looked = ", ".join(map(str, self._folders)) or f"{FOLDERS_VARIABLE} names no folder"
            raise SourceError(f"no folder holds it ({looked})")
        reasons = [reason for folder in found if not intake.done and (reason := _try_folder(intake, folder))]
        if not intake.done:
            raise SourceError("; ".join(reasons))

    def _find_folders(self, model: BaseModel) -> Iterator[Path]:
        names = dict.fromkeys((model.name, model.hub_repo, model.name.rpartition("/")[2]))
        for folder in self._folders:
            yield from (folder / name for name in names if name)
        if model.pypi and model.pypi.module:
            yield from _find_installed(model.pypi.module, model.pypi.prefix)


def _read_folders() -> list[Path]:
    value = os.environ.get(FOLDERS_VARIABLE, "")
    return [Path(item).expanduser() for item in value.split(os.pathsep) if item.strip()]


def _find_installed(module: str, prefix: str) -> Iterator[Path]:
    # find_spec finds the package without running it: its own code would import torch.
    spec = importlib.util.find_spec(module)
    for place in (spec.submodule_search_locations or []) if spec else []:
        yield Path(place).parent / prefix


def _try_folder(intake: Intake, folder: Path) -> str:
    """Why ``folder`` could not give all that was wanted; empty when it did."""
    try:
        _copy_all(intake, folder)
    except SourceError as error:
        return str(error)
    return ""


def _copy_all(intake: Intake, folder: Path) -> None:
    for file in list(intake.wanted):
        path = find_on_disk(folder, file)
        if path is not None:
            name = name_in(folder, path)
            part = intake.make_part(name)
            _copy(path, part, intake, name)
            intake.accept(file, part, source=f"local {folder}", name=name)
    if missing := [file.path for file in intake.wanted if file.required]:
        raise SourceError(f"{folder} lacks {', '.join(missing)}")


def _copy(source: Path, part: Path, intake: Intake, name: str) -> None:
    if not os.access(source, os.R_OK):
        raise SourceError(f"{source} may not be read")
    total, done = source.stat().st_size, 0
    with source.open("rb") as reader, part.open("wb") as writer:
        while chunk := reader.read(_CHUNK):
            writer.write(chunk)
            done += len(chunk)
            intake.progress(name, done, total)
    shutil.copystat(source, part)
    part.chmod(0o644)
