"""Files written whole or not at all, and the operating system's errors in our words."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seamark.errors import StorageError

_FULL = {errno.ENOSPC, errno.EDQUOT}


def digest_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, in lower-case hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def guard_storage(folder: Path) -> Iterator[None]:
    """Turn the operating system's errors about ``folder`` into :class:`StorageError`."""
    try:
        yield
    except OSError as error:
        raise explain_os_error(error, folder) from error


def explain_os_error(error: OSError, folder: Path) -> StorageError:
    """What an operating system's error means for whoever writes to ``folder``."""
    hint = "make room, or set SEAMARK_HOME to a folder on another disk"
    if error.errno in _FULL:
        return StorageError(f"the disk of {folder} is full", hint=hint)
    where = error.filename or folder
    return StorageError(
        f"can't write {where}: {error.strerror or error}",
        hint="set SEAMARK_HOME to a folder that may be written to",
    )


def put_in_place(part: Path, target: Path) -> None:
    """Give a finished file its final name; its bytes are on the disk before the name is."""
    with part.open("rb+") as stream:
        os.fsync(stream.fileno())
    target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(target)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` to ``path`` in one step."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file of ours; empty where it is missing or unreadable."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
