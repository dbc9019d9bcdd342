"""The workspace's object store: a folder, or a bucket of any S3-compatible service, behind one object.

Choices:
- An object appears whole or not at all. On a folder it is written under another name and renamed; S3
  does it by itself.
- Create-once is decided by the store, not by a look beforehand, so of two writers exactly one wins. A large
  file goes up in parts under ``.uploads/`` first, and is then copied to its key on the condition that the
  key is free (on a folder that is a hard link, which costs nothing).
- In a folder every write is synced, because a row of the database says soon after that the object is there.
- A copy of an object within a folder may share its bytes on disk. Objects are replaced, never changed in
  place, so that is not seen.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from seamark.errors import StorageError, UsageError

_UPLOADS = ".uploads"
_SMALL = 8 * 1024 * 1024  # bytes; up to here a file goes up in one request
_PART = 8 * 1024 * 1024  # bytes of one part, and of one piece of a download
_ABANDONED = timedelta(days=1)
_RETRIES = 3
_RETRY_TIMEOUT = timedelta(seconds=30)
_REQUEST_TIMEOUT = timedelta(minutes=5)
_S3_OPTIONS = ("endpoint", "region")
_Keys = list[str]  # within the class below, `list` is its method


@dataclass(frozen=True, slots=True)
class Store:
    """An object store; keys are ``/``-separated texts. Safe to use from several threads.

    Every method raises :class:`seamark.errors.StorageError` where the store is unreachable, full or
    not allowed.

    Attributes:
        url: its address, ``file:///…`` or ``s3://…``.
    """

    url: str
    _backend: Any = field(repr=False)
    _folder: Path | None = field(default=None, repr=False)

    def put(self, key: str, data: bytes, *, create: bool = False) -> bool:
        """Store ``data`` under ``key``.

        Args:
            key: the object's name.
            data: its content.
            create: leave an object that is there already as it is.

        Returns:
            Whether it was stored; False only with ``create``.
        """
        import obstore

        mode: Any = "create" if create else "overwrite"
        with self._translate(key):
            return self._try_create(
                key, lambda: obstore.put(self._backend, key, data, mode=mode, use_multipart=False)
            )

    def get(self, key: str) -> bytes:
        """The content of an object.

        Raises:
            StorageError: there is none under ``key``.
        """
        import obstore

        with self._translate(key):
            return bytes(obstore.get(self._backend, key).bytes())

    def exists(self, key: str) -> bool:
        """Whether there is an object under ``key``."""
        import obstore

        with self._translate(key):
            try:
                obstore.head(self._backend, key)
            except FileNotFoundError:
                return False
            return True

    def size(self, key: str) -> int:
        """The bytes of an object.

        Raises:
            StorageError: there is none under ``key``.
        """
        import obstore

        with self._translate(key):
            return int(obstore.head(self._backend, key)["size"])

    def list(self, prefix: str = "") -> _Keys:
        """The keys within the folder ``prefix`` and below it, sorted; default: every key."""
        return sorted(
            item["path"] for item in self._list(prefix) if not item["path"].startswith(f"{_UPLOADS}/")
        )

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
        import obstore

        with self._translate(key), suppress(FileNotFoundError):
            obstore.delete(self._backend, key)

    def copy(self, source: str, target: str, *, create: bool = True) -> bool:
        """Copy an object within the store.

        Args:
            source: the key of the object.
            target: the key of the copy.
            create: leave an object that is there already as it is.

        Returns:
            Whether it was copied; False only with ``create``.

        Raises:
            StorageError: there is no object under ``source``.
        """
        import obstore

        with self._translate(source):
            return self._try_create(
                target, lambda: obstore.copy(self._backend, source, target, overwrite=not create)
            )

    def upload_file(self, path: Path, key: str, *, create: bool = True) -> bool:
        """Store a file of any size under ``key``.

        Args:
            path: the file.
            key: the object's name.
            create: leave an object that is there already as it is.

        Returns:
            Whether it was stored; False only with ``create``.
        """
        with self._translate(key, path):
            if path.stat().st_size <= _SMALL:
                return self.put(key, path.read_bytes(), create=create)
            if create:
                return not self.exists(key) and self._upload_once(path, key)
            self._upload_parts(path, key)
            return True

    def download_file(self, key: str, path: Path) -> None:
        """Write an object to the file ``path``, which appears whole or not at all.

        Raises:
            StorageError: there is no object under ``key``, or the file can't be written.
        """
        import obstore

        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
        with self._translate(key, path):
            found = obstore.get(self._backend, key)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with temporary.open("wb") as file:
                    for piece in found.stream(min_chunk_size=_PART):
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)

    def stream(self, key: str) -> Iterator[bytes]:
        """The content of an object of any size, a piece at a time.

        Raises:
            StorageError: there is none under ``key``, or it can't be read to its end.
        """
        import obstore

        with self._translate(key):
            for piece in obstore.get(self._backend, key).stream(min_chunk_size=_PART):
                yield bytes(piece)

    def get_text(self, key: str) -> str:
        """The content of an object as UTF-8 text."""
        return self.get(key).decode("utf-8")

    def put_text(self, key: str, value: str, *, create: bool = False) -> bool:
        """Store a text as UTF-8; see :meth:`put`."""
        return self.put(key, value.encode("utf-8"), create=create)

    def get_json(self, key: str) -> Any:
        """The content of an object, read as JSON.

        Raises:
            StorageError: there is none, or it isn't JSON.
        """
        try:
            return json.loads(self.get(key))
        except ValueError as error:
            raise StorageError(f"{key} in {self.url} is damaged: it isn't JSON") from error

    def put_json(self, key: str, value: Any, *, create: bool = False) -> bool:
        """Store ``value`` as indented JSON; see :meth:`put`."""
        return self.put_text(key, json.dumps(value, ensure_ascii=False, indent=2) + "\n", create=create)

    def local_path(self, key: str) -> Path | None:
        """The file that holds an object, whether it is there or not; None unless the store is a folder."""
        return self._folder / key if self._folder else None

    def _try_create(self, key: str, write: Callable[[], object]) -> bool:
        from obstore.exceptions import AlreadyExistsError

        try:
            write()
        except AlreadyExistsError:
            return False
        self._sync(key)
        return True

    def _sync(self, key: str) -> None:
        """See that an object in a folder, and the folders above it, outlive a power cut."""
        if self._folder is None:
            return
        path = self._folder / key
        above = [folder for folder in path.parents if folder.is_relative_to(self._folder)]
        for one in (path, *above):
            with suppress(FileNotFoundError):  # deleted meanwhile
                _sync_path(one)

    def _list(self, prefix: str) -> Sequence[Any]:
        import obstore

        with self._translate(prefix):
            return [item for piece in obstore.list(self._backend, prefix or None) for item in piece]

    def _upload_parts(self, path: Path, key: str) -> None:
        import obstore

        obstore.put(self._backend, key, path, chunk_size=_PART)
        self._sync(key)

    def _upload_once(self, path: Path, key: str) -> bool:
        self._sweep_uploads()
        temporary = f"{_UPLOADS}/{secrets.token_hex(16)}"
        try:
            self._upload_parts(path, temporary)
            return self.copy(temporary, key, create=True)
        finally:
            with suppress(StorageError):  # the error that led here matters more; the next sweep gets it
                self.delete(temporary)

    def _sweep_uploads(self) -> None:
        """Remove what killed processes left behind."""
        oldest = datetime.now(UTC) - _ABANDONED
        for item in self._list(_UPLOADS):
            if item["last_modified"] < oldest:
                self.delete(item["path"])

    @contextmanager
    def _translate(self, key: str, path: Path | None = None) -> Iterator[None]:
        """A block in which errors about the object ``key``, or the file ``path``, become readable."""
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            # An error of Python's own file functions has a number; obstore's FileNotFoundError has none.
            if path is not None and isinstance(error, OSError) and error.errno is not None:
                raise _explain(error, str(path)) from error
            raise _explain(error, f"{key or 'everything'} in the object store {self.url}") from error


def open_store(url: str, folder: Path) -> Store:
    """The object store at ``url``; a folder is made where there is none.

    Args:
        url: a folder, ``file:///…`` or ``s3://BUCKET/PREFIX?endpoint=URL&region=NAME``; keys and what
            else S3 needs are read from the usual ``AWS_…`` variables. Empty for ``store``.
        folder: where a relative folder starts.

    Raises:
        UsageError: no such kind of store.
        StorageError: the folder can't be made.
    """
    if url.startswith("s3://"):
        return _open_s3(url)
    if "://" in url and not url.startswith("file:///"):
        raise UsageError(f"an object store at {url}", expected="a folder or s3://BUCKET/PREFIX")
    return _open_folder(folder / Path(url.removeprefix("file://") or "store").expanduser())


def _sync_path(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _open_folder(folder: Path) -> Store:
    from obstore.exceptions import BaseError
    from obstore.store import LocalStore

    url = folder.absolute().as_uri()
    try:
        backend = LocalStore(folder.absolute(), mkdir=True, automatic_cleanup=True)
    except (BaseError, OSError) as error:
        raise _explain(error, f"the object store {url}") from error
    return Store(url, backend, folder.absolute())


def _open_s3(url: str) -> Store:
    from obstore.store import S3Store

    parts = urlsplit(url)
    if "@" in url:  # it would be shown in every message, and stand in logs.json
        raise UsageError(
            "the address of the object store holds a key or a password",
            expected="s3://BUCKET/PREFIX?endpoint=URL&region=NAME",
            hint="put them into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if not parts.netloc or set(options) - set(_S3_OPTIONS):
        raise UsageError(f"an object store at {url}", expected="s3://BUCKET/PREFIX?endpoint=URL&region=NAME")
    backend = S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        config={"copy_if_not_exists": "multipart", **options},  # type: ignore[arg-type]
        client_options={"allow_http": True, "timeout": _REQUEST_TIMEOUT},  # the endpoint's scheme decides
        retry_config={"max_retries": _RETRIES, "retry_timeout": _RETRY_TIMEOUT},
    )
    return Store(url, backend)


# What the stores' own messages mean, and what to do about it; the first that is found counts.
_CAUSES = (
    (r"os error (28|27|122)\b|Errno (28|27|122)\b", "the disk is full", "free some space, then again"),
    (
        r"os error (1|13|30)\b|Errno (1|13|30)\b",
        "it may not be written to or read",
        "ask for the right to it",
    ),
    (r"169\.254\.169\.254", "no keys for S3 were found", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
    (r"403 Forbidden|401 Unauthorized", "access is denied", "check the keys and what they allow"),
    (r"<Code>NoSuchBucket", "there is no such bucket", "make it, or check store.url"),
    (r"error sending request|timed out", "it can't be reached", "check the network and store.url"),
)


def _explain(error: Exception, what: str) -> StorageError:
    cause = str(error).partition("\n\nDebug source:")[0]
    for pattern, found, hint in _CAUSES:
        if re.search(pattern, cause):
            return StorageError(f"{what}: {found}", hint=hint)
    if isinstance(error, FileNotFoundError):
        return StorageError(f"{what}: there is no such thing")
    return StorageError(f"{what}: {cause.strip()}")
