"""Which digest each file must have: the catalogue's, or the one recorded at the first fetch.

Two small JSON files keep what was learnt. ``base_models/digests.json`` records the digests of
files that nobody has published one for: the first fetch decides, and a later fetch must bring the
same bytes. ``<model>/.verified.json`` remembers size and modification time of every file
whose whole digest was checked, so that ordinary use need not read hundreds of megabytes again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from seamark.base_models._files import digest_file, read_json, write_json
from seamark.base_models.catalogue import BaseFile, BaseModel

MARKER = ".verified.json"
LOCK = "digests.json"

FileStatus = Literal["ok", "missing", "damaged", "unrecorded"]


@dataclass(frozen=True, slots=True)
class FileReport:
    """What is known of one file of a base model.

    Attributes:
        path: relative to the model's folder.
        status: ``ok``; ``missing``; ``damaged`` (its digest is another one); ``unrecorded``
            (there, but nobody has recorded which digest it must have).
        found: the digest of the file there; empty where it is missing.
        expected: the digest that it must have; empty where unknown.
        required: whether the model can't be used without it.
    """

    path: str
    status: FileStatus
    found: str = ""
    expected: str = ""
    required: bool = True

    @property
    def ok(self) -> bool:
        """Whether the file may be used, or may be done without."""
        return self.status in ("ok", "unrecorded") or (self.status == "missing" and not self.required)


def find_on_disk(folder: Path, file: BaseFile) -> Path | None:
    """Where ``file``, or what does as well, lies in ``folder``; None where neither does."""
    for name in (file.path, file.alternative):
        if name and (folder / name).is_file():
            return folder / name
    return None


def name_in(folder: Path, path: Path) -> str:
    """The name of ``path`` inside ``folder``, with ``/``."""
    return path.relative_to(folder).as_posix()


class RecordedDigests:
    """The digests that first fetches recorded, for every model below one folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK

    def expect(self, model: BaseModel, name: str) -> str:
        """The digest that file ``name`` of ``model`` must have; empty where nobody knows."""
        for file in model.files:
            if file.path == name and file.sha256:
                return file.sha256
        return str(read_json(self._path).get(model.name, {}).get(name, {}).get("sha256", ""))

    def record(self, model: BaseModel, name: str, *, sha256: str, source: str) -> None:
        """Keep the digest of a file that had none; one that is known already stays."""
        if self.expect(model, name):
            return
        known = read_json(self._path)
        known.setdefault(model.name, {})[name] = {"sha256": sha256, "source": source}
        write_json(self._path, known)


def check_file(model: BaseModel, folder: Path, file: BaseFile, recorded: RecordedDigests) -> FileReport:
    """A report on one file, from reading all of it."""
    path = find_on_disk(folder, file)
    if path is None:
        expected = recorded.expect(model, file.path)
        return FileReport(file.path, "missing", expected=expected, required=file.required)
    name = name_in(folder, path)
    expected, found = recorded.expect(model, name), digest_file(path)
    status: FileStatus = "unrecorded" if not expected else "ok" if found == expected else "damaged"
    return FileReport(name, status, found=found, expected=expected, required=file.required)


def mark_verified(folder: Path, reports: list[FileReport]) -> None:
    """Remember that every file of ``reports`` was read whole and is as it should be."""
    files = {r.path: _describe(folder / r.path, r.found) for r in reports if r.found and r.ok}
    write_json(folder / MARKER, {"files": files})


def _describe(path: Path, sha256: str) -> dict[str, Any]:
    stat = path.stat()
    return {"sha256": sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def forget_verified(folder: Path) -> None:
    """Drop the memory of an earlier verification."""
    (folder / MARKER).unlink(missing_ok=True)


def is_verified(model: BaseModel, folder: Path, recorded: RecordedDigests) -> bool:
    """Whether every file still has the size and time that it had when its digest was checked."""
    known = read_json(folder / MARKER).get("files", {})
    return bool(known) and all(_is_unchanged(model, folder, file, known, recorded) for file in model.files)


def _is_unchanged(
    model: BaseModel, folder: Path, file: BaseFile, known: dict[str, Any], recorded: RecordedDigests
) -> bool:
    path = find_on_disk(folder, file)
    if path is None:
        return not file.required
    name = name_in(folder, path)
    entry = known.get(name)
    if not isinstance(entry, dict) or entry != _describe(path, str(entry.get("sha256", ""))):
        return False
    return recorded.expect(model, name) in ("", entry["sha256"])
