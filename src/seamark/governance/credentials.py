"""The command line's own file of tokens, one for each workspace, which only its user may read."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from seamark.errors import StorageError, UsageError

VARIABLE = "SEAMARK_CREDENTIALS"
"""The environment variable that names another file."""

_FILE = "credentials.json"
_OWN_FILE, _OWN_FOLDER = 0o600, 0o700
_KEYS = ("person", "token_id", "secret", "workspace")


@dataclass(frozen=True, slots=True)
class Credential:
    """A token that the command line signs in with.

    Attributes:
        person: whose.
        token_id: the token's id.
        secret: the token.
        workspace: the workspace's folder, for people who read the file.
    """

    person: str
    token_id: str
    secret: str = field(repr=False)
    workspace: str = ""


def find_file(environ: Mapping[str, str] = os.environ) -> Path:
    """The file: ``SEAMARK_CREDENTIALS``, or ``credentials.json`` in the user's folder of settings."""
    if named := environ.get(VARIABLE, "").strip():
        return Path(named).expanduser()
    from platformdirs import user_config_path

    return user_config_path("seamark", appauthor=False) / _FILE


def read_credential(workspace_id: str, environ: Mapping[str, str] = os.environ) -> Credential | None:
    """The token kept for a workspace; None where there is none.

    Raises:
        UsageError: the file is damaged.
        StorageError: it may not be read.
    """
    return _read(find_file(environ)).get(workspace_id)


def keep_credential(
    workspace_id: str, credential: Credential, environ: Mapping[str, str] = os.environ
) -> Path:
    """The file, which now holds ``credential`` for the workspace in place of what it held before.

    Raises:
        UsageError: the file is damaged.
        StorageError: it can't be written.
    """
    path = find_file(environ)
    with _changing(path) as kept:
        kept[workspace_id] = credential
    return path


def forget_credential(workspace_id: str, environ: Mapping[str, str] = os.environ) -> Credential | None:
    """What was kept for the workspace and is no longer; None where nothing was.

    Raises:
        UsageError: the file is damaged.
        StorageError: it can't be written.
    """
    path = find_file(environ)
    if workspace_id not in _read(path):
        return None
    with _changing(path) as kept:
        return kept.pop(workspace_id, None)


@contextlib.contextmanager
def _changing(path: Path) -> Iterator[dict[str, Credential]]:
    """What the file holds, to be changed in place and written at the end; other writers wait."""
    try:
        path.parent.mkdir(mode=_OWN_FOLDER, parents=True, exist_ok=True)
        with _hold_lock(path.with_name(path.name + ".lock")):
            kept = _read(path)
            yield kept
            _write(path, kept)
    except OSError as error:
        raise StorageError(
            f"the file of tokens {path} can't be written: {error.strerror}",
            hint=f"{VARIABLE} names another file",
        ) from error


@contextlib.contextmanager
def _hold_lock(path: Path) -> Iterator[None]:
    """Hold the operating system's lock on an empty file of its own, which ends with its holder."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _OWN_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(path: Path) -> dict[str, Credential]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StorageError(f"the file of tokens {path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise _explain_damage(path) from error
    try:
        entries = json.loads(text)["workspaces"]
        return {name: _parse(entry) for name, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _explain_damage(path) from error


def _parse(entry: Mapping[str, Any]) -> Credential:
    return Credential(**{key: str(entry[key]) for key in _KEYS})


def _write(path: Path, kept: Mapping[str, Credential]) -> None:
    """Written under another name and moved, so that nobody ever reads half a file."""
    text = json.dumps({"workspaces": {name: asdict(entry) for name, entry in kept.items()}}, indent=2) + "\n"
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWN_FILE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _explain_damage(path: Path) -> UsageError:
    return UsageError(
        f"the file of tokens {path} is damaged", hint="remove it, then `seamark login NAME` in each workspace"
    )
