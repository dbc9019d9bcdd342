"""Files that are whole or not there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from seamark.errors import StorageError


def write_file(path: Path, text: str, *, overwrite: bool = True) -> bool:
    """True where ``path`` was written, whole; False where it was there and may not be overwritten.

    Raises:
        StorageError: the disk is full, or the folder may not be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _write_beside(path, text, overwrite=overwrite)
    except OSError as error:
        raise StorageError(
            f"{path} can't be written: {error.strerror or error}", hint="make room, or choose another folder"
        ) from error


def _write_beside(path: Path, text: str, *, overwrite: bool) -> bool:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)  # mkstemp's files are for their owner alone
        return _put_in_place(Path(name), path, overwrite=overwrite)
    finally:
        Path(name).unlink(missing_ok=True)


def _put_in_place(made: Path, path: Path, *, overwrite: bool) -> bool:
    if overwrite:
        made.replace(path)
        return True
    try:
        os.link(made, path)  # unlike a rename, fails where another process was first
    except FileExistsError:
        return False
    return True
