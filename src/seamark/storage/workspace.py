"""A workspace: one folder with its settings file, its database and its object store."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import make_url

from seamark.errors import StorageError, UsageError
from seamark.settings import SETTINGS_FILE, Settings, read_settings, render_default_file
from seamark.storage.database import Database, check_revision, migrate, open_database, read_revision
from seamark.storage.objects import Store, open_store

_DATABASE_FILE = "seamark.db"


@dataclass(frozen=True, slots=True)
class Workspace:
    """An open workspace; close it, or use it in a ``with`` statement.

    Attributes:
        folder: where its settings file is.
        settings: what its file and the environment say.
        database: its database.
        store: its object store.
    """

    folder: Path
    settings: Settings
    database: Database
    store: Store

    @property
    def runs(self) -> Path:
        """The folder in which pipeline runs work; what is in it can be made again."""
        return self.folder / "runs"

    @property
    def cache(self) -> Path:
        """The folder of what was fetched from the object store; safe to delete."""
        return self.folder / "cache"

    def close(self) -> None:
        """Close the database's connections."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def create_workspace(folder: Path, *, environ: Mapping[str, str] | None = None) -> Workspace:
    """A new workspace in ``folder``, which is made where there is none.

    Args:
        folder: may hold other things, but no workspace.
        environ: the environment's variables; default: the process's.

    Raises:
        UsageError: there is a workspace already, or a setting is malformed.
        StorageError: something can't be written; nothing of the workspace is left then.
    """
    with create_workspace_for(folder, environ=environ) as workspace:
        return workspace


@contextmanager
def create_workspace_for(folder: Path, *, environ: Mapping[str, str] | None = None) -> Iterator[Workspace]:
    """A new workspace for a block that fills it; where the block fails, nothing of it is left.

    The workspace stays open after the block. See :func:`create_workspace`.
    """
    folder = folder.resolve()
    refuse_workspace(folder)
    settings = read_settings(environ)
    before = _list_entries(folder)
    try:
        workspace = _fill_folder(folder, settings)
        with _closing_on_error(workspace):
            yield workspace
    except BaseException:
        _remove_new(folder, before)
        raise


def open_workspace(folder: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Workspace:
    """The workspace in ``folder``, its database brought up to date.

    Args:
        folder: default: ``SEAMARK_WORKSPACE``, or else the nearest one from the current folder upwards.
        environ: the environment's variables; default: the process's.

    Raises:
        UsageError: there is no workspace, or a setting is malformed.
        StorageError: database or object store can't be used, or the database is newer than the code.
    """
    env = os.environ if environ is None else environ
    folder = _locate(folder, env)
    workspace = _assemble(folder, read_settings(env, file=folder / SETTINGS_FILE))
    with _closing_on_error(workspace):
        _prepare_database(workspace.database)
    return workspace


def find_workspace(start: Path) -> Path | None:
    """The nearest folder with a workspace, from ``start`` upwards; None where there is none."""
    start = start.resolve()
    return next((folder for folder in (start, *start.parents) if (folder / SETTINGS_FILE).is_file()), None)


def refuse_workspace(folder: Path) -> None:
    """See that ``folder`` has no workspace.

    Raises:
        UsageError: it has one.
    """
    if (folder.resolve() / SETTINGS_FILE).exists():
        raise UsageError(f"{folder.resolve()} is a workspace already", hint="another folder, or use this one")


def _locate(folder: Path | None, env: Mapping[str, str]) -> Path:
    named = folder or (Path(env["SEAMARK_WORKSPACE"]) if env.get("SEAMARK_WORKSPACE") else None)
    if named is None:
        found = find_workspace(Path.cwd())
        if found is None:
            raise UsageError(
                f"there is no workspace in {Path.cwd()} or above it",
                hint="`seamark init`, or --workspace DIR",
            )
        return found
    named = named.expanduser().resolve()
    if not (named / SETTINGS_FILE).is_file():
        raise UsageError(
            f"{named} is no workspace: it has no {SETTINGS_FILE}", hint=f"`seamark init {named}`"
        )
    return named


def _fill_folder(folder: Path, settings: Settings) -> Workspace:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        workspace = _assemble(folder, settings)
        with _closing_on_error(workspace):
            migrate(workspace.database)
            # Last, so that this file's presence says "complete".
            (folder / SETTINGS_FILE).write_text(render_default_file(), encoding="utf-8")
    except OSError as error:
        raise StorageError(f"a workspace can't be made in {folder}: {error.strerror}") from error
    return workspace


@contextmanager
def _closing_on_error(workspace: Workspace) -> Iterator[None]:
    try:
        yield
    except BaseException:
        workspace.close()
        raise


def _assemble(folder: Path, settings: Settings) -> Workspace:
    database = open_database(_place_database(settings.database.url, folder))
    return Workspace(folder, settings, database, open_store(settings.store.url, folder))


def _place_database(url: str, folder: Path) -> str:
    """``url`` with a relative SQLite file put into ``folder``."""
    if url and not url.startswith("sqlite:///"):
        return url
    file = Path(url.removeprefix("sqlite:///") or _DATABASE_FILE).expanduser()
    return f"sqlite:///{folder / file}"


def _prepare_database(database: Database) -> None:
    """Migrate an older database; refuse one that isn't there, in place of starting an empty one."""
    file = make_url(database.url).database or ""
    if database.engine.dialect.name == "sqlite" and not Path(file).is_file():
        raise _explain_missing(database)
    if check_revision(database):
        return
    if read_revision(database) is None:
        raise _explain_missing(database)
    migrate(database)


def _explain_missing(database: Database) -> StorageError:
    return StorageError(
        f"the workspace's database {database.name} is missing or empty",
        hint="check database.url and SEAMARK_DATABASE_URL, or restore a backup",
    )


def _list_entries(folder: Path) -> set[Path] | None:
    """What is in ``folder``; None where it isn't there."""
    return set(folder.iterdir()) if folder.is_dir() else None


def _remove_new(folder: Path, before: set[Path] | None) -> None:
    """Take away what was made since ``before``."""
    if before is None:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for path in set(folder.iterdir()) - before:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
