"""Writes the default settings file into `reference/settings.md`, from the code that reads it.

Run it after a setting changed: ``python docs/generate_settings.py``. A test fails while the page is stale.
"""

from __future__ import annotations

import re
from pathlib import Path

from seamark.settings import render_default_file

PAGE = Path(__file__).parent / "reference" / "settings.md"


def render_page(page: str) -> str:
    """``page`` with its block of TOML replaced by the default settings file."""
    block = f"```toml\n{render_default_file()}```"
    return re.sub(r"```toml\n.*?```", lambda _: block, page, count=1, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(render_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
