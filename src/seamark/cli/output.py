"""How commands print: tables for people, JSON for programs, progress for those who watch."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


def print_json(value: Any) -> None:
    """Print ``value`` as JSON on stdout: indented, keys as given, non-ASCII kept."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def make_console(*, stderr: bool = False) -> Console:
    """A Rich console on stdout, or on stderr; plain where no terminal watches."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table on stdout; cells are shown with ``str`` and never read as markup."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    console = make_console()
    console.print(table)


def say(message: str) -> None:
    """Print a line for people on stderr."""
    sys.stderr.write(message.rstrip("\n") + "\n")


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
