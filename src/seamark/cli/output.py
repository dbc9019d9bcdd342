"""How commands print: tables for people, JSON for programs, progress for those who watch."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

_NO_LIMIT = 100_000
_READABLE = 24  # characters below which a column of sentences is hard to read
_FIGURE = re.compile(r"(\* )?[-+−±]?\d[\d,]*(\.\d+)?(e[-+]?\d+)?( ?(%|ms|s|MB|bytes))?")
_NOTHING = ("", "-", "–")


def print_json(value: Any) -> None:
    """Print ``value`` as JSON on stdout: indented, keys as given, non-ASCII kept."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def make_console(*, stderr: bool = False) -> Console:
    """A Rich console on stdout, or on stderr; plain where no terminal watches."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table on stdout; cells are shown with ``str`` and never read as markup.

    On a terminal long text wraps at its spaces to the terminal's width; elsewhere a row is a line, however long.
    A word, such as an id or a path, always stays in one piece, so that it can be copied.
    Columns of figures stand to the right.
    """
    console = make_console()
    table = _make_table(columns, [[str(cell) for cell in row] for row in rows])
    room = console.width if console.is_terminal else _NO_LIMIT
    console.width = max(room, table.__rich_measure__(console, console.options).minimum)
    with console.capture() as shown:
        if title:
            console.print(f"\n[bold]{_escape(title)}[/bold]")
        console.print(table)
    # Rich fills every line up to the table's width.
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in shown.get().splitlines()))
    sys.stdout.flush()  # before whatever stderr says next


def say(message: str) -> None:
    """Print a line for people on stderr."""
    sys.stderr.write(message.rstrip("\n") + "\n")


def _make_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.show_header = any(columns)
    for i, column in enumerate(columns):
        cells = [row[i] for row in rows]
        table.add_column(
            _escape(column),
            justify="right" if _are_figures(cells) else "left",
            overflow="fold",
            no_wrap=not any(" " in cell for cell in cells) and "".join(cells).isascii(),
            min_width=_find_least_width([column, *cells]),
        )
    for row in rows:
        table.add_row(*map(_escape, row))
    return table


def _find_least_width(cells: Sequence[str]) -> int:
    """Room for the longest word, and for some text beside it; words of scripts without spaces may be cut."""
    word = max((len(word) for cell in cells for word in cell.split() if word.isascii()), default=1)
    return max(word, min(_READABLE, max(map(len, cells))))


def _are_figures(cells: Sequence[str]) -> bool:
    return any(map(_FIGURE.fullmatch, cells)) and all(_FIGURE.fullmatch(c) or c in _NOTHING for c in cells)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def make_progress() -> Progress:
    """A progress bar on stderr that shows itself only where a terminal watches."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = make_console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
