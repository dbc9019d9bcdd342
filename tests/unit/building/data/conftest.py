from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from labelled_fakes import TAXONOMY

from people import ADMIN
from seamark.building.data.importing import ExampleReport, import_examples
from seamark.storage.workspace import Workspace, create_workspace
from seamark.taxonomy import Taxonomy

Import = Callable[..., ExampleReport]


@pytest.fixture
def taxonomy() -> Taxonomy:
    return TAXONOMY


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """An empty workspace that needs few documents."""
    environ = {"SEAMARK_HOME": str(tmp_path / "home")}
    with create_workspace(tmp_path / "ws", environ=environ) as made:
        yield made


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a CSV file of headings and rows."""

    def write_file(headings: Sequence[str], *rows: Sequence[Any], name: str = "examples.csv") -> Path:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([headings, *rows])
        return path

    return write_file


@pytest.fixture
def load(workspace: Workspace, write: Callable[..., Path]) -> Import:
    """Imports rows of (document_id, text, skill, relevant)."""

    def import_rows(*rows: Sequence[Any], **options: Any) -> ExampleReport:
        path = write(("document_id", "text", "skill", "relevant"), *rows)
        return import_examples(workspace, ADMIN, path, taxonomy=TAXONOMY, **options)

    return import_rows
