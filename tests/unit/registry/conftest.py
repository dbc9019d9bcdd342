from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from seamark.storage.workspace import Workspace, create_workspace, open_workspace


@pytest.fixture(scope="session")
def empty_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workspace that nothing was done in; migrating a database once is enough."""
    folder = tmp_path_factory.mktemp("empty") / "ws"
    create_workspace(folder, environ={}).close()
    return folder


@pytest.fixture
def workspace(tmp_path: Path, empty_workspace: Path) -> Iterator[Workspace]:
    """An empty workspace with its own home."""
    shutil.copytree(empty_workspace, tmp_path / "ws")
    with open_workspace(tmp_path / "ws", environ={"SEAMARK_HOME": str(tmp_path / "home")}) as made:
        yield made
