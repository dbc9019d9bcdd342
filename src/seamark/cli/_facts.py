"""Tables of facts, of differences and of measures, as `seamark versions` and `seamark experiments` print them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seamark.registry.comparing import Difference, Figures


def print_facts(title: str, columns: tuple[str, str], facts: Mapping[str, Any]) -> None:
    """Print a table of names and values; nothing where there are none."""
    from seamark.cli.output import print_table

    if facts:
        print_table(title, columns, [(name, show_value(value)) for name, value in facts.items()])


def print_differences(
    title: str, columns: Sequence[str], rows: Sequence[Difference], *, digits: int | None = None
) -> None:
    """Print a table of what is different; nothing where nothing is. ``digits`` cuts values off."""
    from seamark.cli.output import print_table

    if rows:
        cells = [(row.name, *(show_value(value)[:digits] for value in row.values)) for row in rows]
        print_table(title, ("what", *columns), cells)


def print_figures(title: str, columns: Sequence[str], rows: Sequence[Figures]) -> None:
    """Print a table of measures, an asterisk at the best value; nothing where there are none."""
    from seamark.cli.output import print_table

    def show(row: Figures, i: int) -> str:
        return ("* " if row.best == i else "") + show_value(row.values[i])

    if rows:
        cells = [(row.name, *(show(row, i) for i in range(len(row.values)))) for row in rows]
        print_table(f"{title} (* best)", ("metric", *columns), cells)


def show_value(value: Any) -> str:
    """A value for a table's cell; a dash where there is none."""
    if value is None or value == "":
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def show_time(value: datetime | None) -> str:
    """A time among a thing's facts: UTC, to the second."""
    return f"{value:%Y-%m-%d %H:%M:%S} UTC" if value else "-"


def show_minute(value: datetime | None) -> str:
    """A time in a list, where room is scarce: UTC, to the minute, without a space at which it could wrap."""
    return f"{value:%Y-%m-%dT%H:%M}Z" if value else "-"
