"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from seamark.settings import Settings
from tiny_models import make_bundle, make_settings, write_base

if TYPE_CHECKING:
    from seamark.extraction.bundle import Bundle

# no test asserts a time, and machines are shared
settings.register_profile("seamark", deadline=None)
settings.load_profile("seamark")

_ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True, scope="session")
def credentials_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The command line's file of tokens for the whole session, in place of the user's own."""
    path = tmp_path_factory.mktemp("credentials") / "credentials.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEAMARK_CREDENTIALS", str(path))
        patch.delenv("SEAMARK_TOKEN", raising=False)
        yield path


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


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SEAMARK_HOME for the whole session that holds MiniLM; SEAMARK_TEST_HOME names one to keep."""
    from seamark.base_models import fetch_base_model
    from seamark.errors import WeightsError
    from seamark.settings import Settings

    kept = os.environ.get("SEAMARK_TEST_HOME")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("home")
    try:
        fetch_base_model("all-MiniLM-L6-v2", Settings(home=folder))
    except WeightsError as error:
        _missing(f"MiniLM can't be fetched ({error}); set SEAMARK_TEST_HOME to a home that has it")
    return folder


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of a BERT model: 2 layers of 32."""
    return write_base(tmp_path_factory.mktemp("tiny-bert"))


@pytest.fixture(scope="session")
def tiny_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a home that has the tiny base model, offline."""
    return make_settings(tmp_path_factory.mktemp("tiny-home"))


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory, tiny_settings: Settings) -> Bundle:
    """A candidate's bundle with the tiny models; copy its folder before you change anything in it."""
    root = tmp_path_factory.mktemp("tiny-bundle")
    return make_bundle(root / "bundle", root, tiny_settings)
