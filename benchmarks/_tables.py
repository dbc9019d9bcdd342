"""Tables for people and small sums over measurements. Imports the standard library alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

Item = TypeVar("Item")


def format_table(headers: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> str:
    """A table in plain text: the first column to the left, figures to the right.

    Args:
        headers: the columns' names.
        rows: one cell a column; numbers are rounded to three digits that matter.
        title: a line above.

    Raises:
        ValueError: a row has not as many cells as there are headers.
    """
    if any(len(row) != len(headers) for row in rows):
        raise ValueError(f"a row has not {len(headers)} cells")
    cells = [list(headers), *([format_figure(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [_join(row, widths) for row in cells]
    rule = "  ".join("-" * width for width in widths)
    return "\n".join([*([title, ""] if title else []), lines[0], rule, *lines[1:]])


def _join(row: Sequence[str], widths: Sequence[int]) -> str:
    first = row[0].ljust(widths[0])
    return "  ".join(
        [first, *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
    ).rstrip()


def format_figure(value: object) -> str:
    """``value`` as a table shows it: thousands parted, three digits that matter, a dash for None."""
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or not math.isfinite(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    digits = 2 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 4)}f}"


def compute_percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of ``values`` that at least ``percent`` per cent of them do not exceed (nearest rank).

    Args:
        values: at least one.
        percent: above 0, up to 100.

    Raises:
        ValueError: there is no value, or ``percent`` lies outside its range.
    """
    if not values or not 0 < percent <= 100:
        raise ValueError(f"{len(values)} values, {percent} per cent")
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def cut_rounds(items: Sequence[Item], n_rounds: int) -> list[Sequence[Item]]:
    """``items`` in ``n_rounds`` stretches whose lengths differ by one at most; fewer when items are few.

    Raises:
        ValueError: ``n_rounds`` is below 1.
    """
    if n_rounds < 1:
        raise ValueError(f"{n_rounds} rounds")
    n_rounds = min(n_rounds, len(items))
    bounds = [len(items) * i // n_rounds for i in range(n_rounds + 1)] if items else [0]
    return [items[start:end] for start, end in pairwise(bounds)]
