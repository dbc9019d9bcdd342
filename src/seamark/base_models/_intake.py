"""The gate through which every fetched file passes on its way into a base model's folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Protocol

from seamark.base_models._digests import RecordedDigests
from seamark.base_models._files import digest_file, put_in_place
from seamark.base_models.catalogue import BaseFile, BaseModel
from seamark.errors import WeightsError


class Progress(Protocol):
    """What a caller gives to be told how far a fetch is.

    Called with the name of what is being fetched, the bytes there so far, and the bytes
    expected (0 where unknown).
    """

    def __call__(self, file: str, done: int, total: int, /) -> None:
        """Take note."""
        ...


class SourceError(WeightsError):
    """One source can't give a base model; the next one is tried."""


def ignore_progress(_file: str, _done: int, _total: int, /) -> None:
    """Take no note of a fetch's progress."""


class Intake:
    """The files of one model that are still wanted, and the one way to bring them in.

    Unfinished pieces lie in ``<folder>/.fetching``, where a second try finds them again.
    """

    def __init__(
        self,
        model: BaseModel,
        folder: Path,
        *,
        wanted: list[BaseFile],
        recorded: RecordedDigests,
        progress: Progress = ignore_progress,
    ) -> None:
        self.model = model
        self.folder = folder
        self.wanted = wanted
        self.progress = progress
        self.workplace = folder / ".fetching"
        self._recorded = recorded

    @property
    def done(self) -> bool:
        """Whether no file that the model needs is still wanted."""
        return not any(file.required for file in self.wanted)

    def make_part(self, name: str) -> Path:
        """Where the bytes of file ``name`` gather until they are whole."""
        part = self.workplace / f"{name}.part"
        part.parent.mkdir(parents=True, exist_ok=True)
        return part

    def accept(self, file: BaseFile, part: Path, *, source: str, name: str = "", sha256: str = "") -> None:
        """Check the digest of ``part`` and give it its place in the folder.

        Args:
            file: the wanted file that this is.
            part: its bytes; gone afterwards, whether accepted or not.
            source: who brought it, for the record.
            name: the name to keep it under; by default ``file.path``.
            sha256: the digest that the source promised, used where no other is known.

        Raises:
            SourceError: the digest is not the expected one.
        """
        name = name or file.path
        expected = self._recorded.expect(self.model, name) or sha256
        found = digest_file(part)
        if expected and found != expected:
            part.unlink()
            raise SourceError(f"{name} has sha256 {found}", expected=expected)
        put_in_place(part, self.folder / name)
        self._recorded.record(self.model, name, sha256=found, source=source)
        self.wanted.remove(file)

    def skip(self, file: BaseFile) -> None:
        """Do without a file that the model doesn't need."""
        self.wanted.remove(file)

    def clear(self) -> None:
        """Remove every unfinished piece."""
        shutil.rmtree(self.workplace, ignore_errors=True)
