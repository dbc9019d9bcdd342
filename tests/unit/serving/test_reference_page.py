"""The reference page names every problem and every figure."""

from __future__ import annotations

from pathlib import Path

import pytest

from seamark.serving.metrics import Metrics
from seamark.serving.problems import KINDS

_PAGE = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "http-api.md").read_text(
    encoding="utf-8"
)


@pytest.mark.parametrize("name", KINDS)
def test_a_problem_is_on_the_page(name):
    assert f"| {KINDS[name].status} | `{name}` |" in _PAGE


def test_every_figure_is_on_the_page():
    ours = [family.name for family in Metrics().registry.collect() if family.name.startswith("seamark_")]
    assert ours
    assert [name for name in ours if f"`{name}" not in _PAGE] == []
