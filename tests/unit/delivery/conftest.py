from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from delivery_fakes import make_template
from seamark.storage.workspace import Workspace, open_workspace


@pytest.fixture(scope="session")
def versions_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("versions") / "ws")


@pytest.fixture
def workspace(tmp_path: Path, versions_template: Path) -> Iterator[Workspace]:
    """A workspace with three versions, DEV on the newest, UAT and PROD empty."""
    shutil.copytree(versions_template, tmp_path / "ws")
    with open_workspace(tmp_path / "ws", environ={"SEAMARK_HOME": str(tmp_path / "home")}) as made:
        yield made
