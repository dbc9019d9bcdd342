"""Writing so that no reader ever meets half a file, and saying why when it can't be done."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seamark.errors import StorageError

ROWS_ARE_KEPT = "free some space and run the same command again: the rows done so far are kept"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def translate_write_errors(path: Path, *, hint: str = "") -> Iterator[None]:
    """A block in which an ``OSError`` becomes a :class:`StorageError` that names ``path``.

    Args:
        path: what is being written.
        hint: what to try when the disk is full; default: to free some space.
    """
    try:
        yield
    except OSError as error:
        raise explain_write_error(error, path, hint=hint) from error


def explain_write_error(error: OSError, path: Path, *, hint: str = "") -> StorageError:
    """The :class:`StorageError` that says what ``error`` means for the file at ``path``."""
    if error.errno in _FULL:
        reason = "the disk is full" if error.errno == errno.ENOSPC else (error.strerror or "no space").lower()
        return StorageError(f"{path} can't be written: {reason}", hint=hint or "free some space, then again")
    if error.errno in _FORBIDDEN:
        return StorageError(f"{path} may not be written to", hint="another place, or ask for the right to it")
    return StorageError(f"{path} can't be written: {error.strerror or error}")


def replace_file(path: Path, content: Iterable[str], *, hint: str = "") -> None:
    """Write UTF-8 text under a temporary name beside ``path`` and rename it at the end.

    Raises:
        StorageError: it can't be written; what was under ``path`` before is still there.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with translate_write_errors(path, hint=hint):
            with temporary.open("w", encoding="utf-8", newline="") as file:
                file.writelines(content)
                file.flush()
                os.fsync(file.fileno())
            move_into_place(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def move_into_place(temporary: Path, path: Path) -> None:
    """Rename ``temporary`` to ``path`` so that the new name outlives a power cut."""
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
