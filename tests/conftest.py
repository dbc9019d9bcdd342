"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent


def _missing(what: str) -> None:
    """Fail where CI runs, skip elsewhere: CI must never pass for want of material."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real taxonomies, annotated sentences and postings."""
    folder = Path(os.environ.get("SEAMARK_TEST_DATA", _ROOT.parent / "shared" / "data"))
    if not (folder / "esco").is_dir():
        _missing(f"no test data at {folder}; set SEAMARK_TEST_DATA to the folder that holds esco/, sfw/, …")
    return folder
