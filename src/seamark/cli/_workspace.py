"""The option by which a command is told its workspace, and how it is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace

WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="DIR",
        help="The workspace; default: SEAMARK_WORKSPACE, or the nearest from the current folder upwards.",
    ),
]


def open_from(option: Path | None) -> Workspace:
    """The workspace that a command works on; close it, or use it in a ``with`` statement.

    Raises:
        UsageError: there is none, or one of its settings is malformed.
        MissingExtraError: the platform's packages are not installed.
        StorageError: its database or object store can't be used.
    """
    require_server_packages("a workspace")
    from seamark.storage.workspace import open_workspace

    return open_workspace(option)


def require_server_packages(what: str) -> None:
    """See that the extra ``server`` is installed.

    Raises:
        MissingExtraError: it isn't.
    """
    from importlib.util import find_spec

    from seamark.errors import MissingExtraError

    for package in ("sqlalchemy", "alembic", "obstore"):
        if find_spec(package) is None:
            raise MissingExtraError(what, package=package, extra="server")
