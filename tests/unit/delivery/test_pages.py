"""The reference page names what the code has."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from seamark.settings import StageSettings
from seamark.storage.tables import PROMOTION_KINDS, PROMOTION_STATUSES

_PAGE = Path(__file__).parents[3] / "docs" / "reference" / "stages-and-promotions.md"


def _read_keys(heading: str) -> list[str]:
    """What stands in the first column of the table below a heading."""
    text = _PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([a-z_]+)` \|", text, flags=re.MULTILINE)


def test_the_page_has_every_setting_of_a_stage_with_its_default() -> None:
    text = _PAGE.read_text(encoding="utf-8")
    assert _read_keys("Settings of a stage") == [each.name for each in fields(StageSettings)]
    for each in fields(StageSettings):
        default = getattr(StageSettings(), each.name)
        shown = "on" if default is True else f"{default:g}" if isinstance(default, float) else str(default)
        assert f"| `{each.name}` | {shown} |" in text


def test_the_page_has_every_kind_and_every_status() -> None:
    assert set(_read_keys("Kinds")) == set(PROMOTION_KINDS)
    assert set(_read_keys("States")) == set(PROMOTION_STATUSES)
