"""Files that come as the raw body of a request: written to disk piece by piece, and removed when they are read."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from seamark.errors import InputError, SeamarkError, StorageError, UsageError
from seamark.serving.problems import ProblemError
from seamark.storage.workspace import Workspace

FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "description": "The file itself: `curl --data-binary @FILE`.",
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""What a route that takes a file says in ``openapi_extra=``."""

_PIECE = 1024 * 1024  # bytes written at a time
_LONGEST_NAME = 200  # bytes


@asynccontextmanager
async def receive_file(request: Request, workspace: Workspace, filename: str) -> AsyncIterator[Path]:
    """The body of ``request`` as a file called ``filename``, which is there until the block ends.

    Errors of the block call it by that name, and don't say where it lies.

    Raises:
        UsageError: ``filename`` can't be a file's name.
        InputError: the body is empty.
        ProblemError: it is larger than ``service.batch_mb``.
        StorageError: it can't be written.
    """
    name, limit_mb = check_filename(filename), workspace.settings.service.batch_mb
    _check_declared(request, limit_mb)
    folder = await run_in_threadpool(_make_folder, workspace)
    try:
        path = Path(folder.name) / name
        await _write(request, path, limit_mb)
        yield path
    except SeamarkError as error:
        _hide_folder(error, folder.name)
        raise
    except OSError as error:
        raise StorageError(f"the file can't be kept: {error.strerror or error}") from error
    finally:
        await run_in_threadpool(folder.cleanup)


def check_filename(filename: str) -> str:
    """The name without folders.

    Raises:
        UsageError: nothing is left, it is too long, or it holds what no name should.
    """
    name = PurePath(filename.replace("\\", "/")).name
    if name in ("", "..") or not name.isprintable() or len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        raise UsageError(f"the file is named {name[:60]!r}", expected=f"a name of 1 to {_LONGEST_NAME} bytes")
    return name


def _check_declared(request: Request, limit_mb: int) -> None:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit_mb * 1_000_000:
        raise _explain_size(limit_mb)


def _make_folder(workspace: Workspace) -> tempfile.TemporaryDirectory[str]:
    try:
        uploads = workspace.cache / "uploads"
        uploads.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=uploads, ignore_cleanup_errors=True)
    except OSError as error:
        raise StorageError(f"the file can't be kept: {error.strerror or error}") from error


async def _write(request: Request, path: Path, limit_mb: int) -> None:
    limit, size, waiting = limit_mb * 1_000_000, 0, bytearray()
    with path.open("wb") as file:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise _explain_size(limit_mb)
            waiting += part
            if len(waiting) >= _PIECE:
                await _flush(file, waiting)
        await _flush(file, waiting)
    if not size:
        raise InputError("the body is empty", expected="the file itself", hint="curl --data-binary @FILE")


async def _flush(file: BinaryIO, waiting: bytearray) -> None:
    await run_in_threadpool(file.write, bytes(waiting))
    waiting.clear()


def _hide_folder(error: SeamarkError, folder: str) -> None:
    error.found, error.expected, error.hint = (
        text.replace(f"{folder}/", "").replace(folder, "the upload")
        for text in (error.found, error.expected, error.hint)
    )
    error.args = tuple(one.replace(f"{folder}/", "") if isinstance(one, str) else one for one in error.args)


def _explain_size(limit_mb: int) -> ProblemError:
    return ProblemError("too-large", "the file is too large", expected=f"{limit_mb} MB at most")
