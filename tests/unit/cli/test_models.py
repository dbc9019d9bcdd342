"""`--model`: a version of the workspace, or what the library knows."""

from __future__ import annotations

import pytest

from seamark.cli._models import resolve_model
from seamark.errors import UsageError


@pytest.mark.parametrize(
    "name", ["default", "all-MiniLM-L6-v2", "./runs/x/bundle", "1.0", "01.0.0", "v1.0.0", ""]
)
def test_what_is_no_number_of_a_version_is_left_as_it_is(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resolve_model(name) == name


def test_a_version_needs_a_workspace(tmp_path):
    with pytest.raises(UsageError, match="workspace"):
        resolve_model("1.0.0", tmp_path)


def test_an_unknown_version_is_refused(tmp_path):
    from seamark.storage.workspace import create_workspace

    create_workspace(tmp_path / "w", environ={}).close()
    with pytest.raises(UsageError, match=r"no version 1\.0\.0"):
        resolve_model("1.0.0", tmp_path / "w")
