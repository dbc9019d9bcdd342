"""A table of text with the row numbers that a spreadsheet shows, cleaned cell by cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from seamark.errors import TaxonomyError
from seamark.taxonomy._text import REPLACEMENT, collapse_spaces, is_suspicious, repair_text, tidy_list
from seamark.taxonomy.readers._sources import (
    Part,
    decode_bytes,
    find_delimiter,
    open_workbook,
    read_sheet_rows,
)
from seamark.taxonomy.report import Action, RowIssue, make_issue

Rows = Iterable[tuple[int, Sequence[str]]]


@dataclass(slots=True)
class Table:
    """The wanted columns of one table, and what was found wrong with it so far.

    Attributes:
        label: how a report names it.
        columns: key → cells; a column that the file does not have is all empty.
        headers: key → heading as it stands in the file.
        rows: the spreadsheet's row number of each entry.
        issues: what was rejected or repaired so far.
        rejected: entries that are left out, by position.
    """

    label: str
    columns: dict[str, list[str]]
    headers: dict[str, str]
    rows: list[int]
    issues: list[RowIssue] = field(default_factory=list)
    rejected: set[int] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.rows)

    def note(self, position: int, key: str, action: Action, reason: str, value: str = "") -> None:
        """Add an issue; a second reason to reject the same row is left out."""
        if action == "rejected":
            if position in self.rejected:
                return
            self.rejected.add(position)
        heading = self.headers.get(key, "")
        self.issues.append(make_issue(self.label, self.rows[position], heading, action, reason, value))

    def iterate(self, *keys: str) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Position and cells of every row that is not rejected."""
        cells = zip(*(self.columns[key] for key in keys), strict=True)
        for position, row in enumerate(cells):
            if position not in self.rejected:
                yield position, row


def read_table(part: Part, keys: Sequence[str]) -> Table:
    """The columns ``keys`` of ``part``, as text; blank rows are passed over, yet counted.

    Raises:
        TaxonomyError: the file is cut off inside a quoted cell, or is no table.
    """
    issues: list[RowIssue] = []
    rows = _read_workbook(part) if part.sheet else _read_text(part, issues)
    return _collect(part, keys, rows, issues)


def make_table(label: str, columns: Mapping[str, list[str]], rows: list[int]) -> Table:
    """A table whose headings are its keys (for JSON sources)."""
    return Table(label, dict(columns), {key: key for key in columns}, rows)


def _collect(part: Part, keys: Sequence[str], rows: Rows, issues: list[RowIssue]) -> Table:
    places = [part.keys.index(key) if key in part.keys else -1 for key in keys]
    headers = {key: part.headers[place] for key, place in zip(keys, places, strict=True) if place >= 0}
    numbers: list[int] = []
    cells: list[list[str]] = []
    width = len(part.headers)
    for number, row in rows:
        if len(row) > width and any(row[width:]):
            reason = f"{len(row)} cells where the headings are {width}"
            issues.append(make_issue(part.label, number, "", "rejected", reason, " | ".join(row)))
            continue
        numbers.append(number)
        cells.append([*row, *[""] * (width - len(row)), ""])
    # A column that is not there points at the empty cell that ends each row: position -1.
    columns = {key: [row[place] for row in cells] for key, place in zip(keys, places, strict=True)}
    return Table(part.label, columns, headers, numbers, issues)


def _read_workbook(part: Part) -> Rows:
    rows = read_sheet_rows(part.path, open_workbook(part.path), part.sheet)
    return _skip_headings(enumerate(rows, start=1))


def _read_text(part: Part, issues: list[RowIssue]) -> Rows:
    text, remark = decode_bytes(part.path.read_bytes())
    if remark:
        issues.append(make_issue(part.label, 0, "", "repaired", remark))
    if text.startswith("\ufeff"):
        issues.append(make_issue(part.label, 1, part.headers[0], "repaired", "byte-order mark removed"))
        text = text.lstrip("\ufeff")
    return _skip_headings(enumerate(_split_cells(text, part.path), start=1))


def _skip_headings(rows: Iterable[tuple[int, Sequence[str]]]) -> Rows:
    filled = ((number, row) for number, row in rows if any(cell and not cell.isspace() for cell in row))
    next(filled, None)
    return filled


def _split_cells(text: str, path: Path) -> Iterator[list[str]]:
    delimiter = find_delimiter(text)
    is_quoted = delimiter != "\t" or '\t"' in text or '\n"' in text
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE
    if is_quoted and text.count('"') % 2:
        _refuse_open_quote(text, delimiter, path)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting)
    except csv.Error as error:
        raise TaxonomyError(f"{path.name} is not a CSV table: {error}") from error


def _refuse_open_quote(text: str, delimiter: str, path: Path) -> None:
    try:
        for _ in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            pass
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise TaxonomyError(
                f"{path.name} ends inside a quoted cell",
                expected="a closing quotation mark for each opening one",
                hint="the file may be cut off: fetch or export it again",
            ) from error


def clean_table(table: Table, *, titles: Sequence[str] = (), lists: Sequence[str] = ()) -> None:
    """Repair every cell and report it.

    Args:
        table: changed in place.
        titles: columns that become one line; a row whose title stays unreadable is rejected.
        lists: columns whose entries are judged one by one later: U+FFFD stays in them.
    """
    for key, cells in table.columns.items():
        if is_suspicious("\n".join(cells)):
            _repair_cells(table, key, cells, keep_lost=key in lists or key in titles)
        if key in titles:
            table.columns[key] = _clean_titles(table, key)
        else:
            table.columns[key] = [cell.strip() for cell in cells]


def _repair_cells(table: Table, key: str, cells: list[str], *, keep_lost: bool) -> None:
    for position, cell in enumerate(cells):
        if not is_suspicious(cell):
            continue
        cells[position], reasons = repair_text(cell)
        for reason in reasons:
            table.note(position, key, "repaired", reason, cell)
        if REPLACEMENT in cells[position] and not keep_lost:
            cells[position] = collapse_spaces(cells[position].replace(REPLACEMENT, " "))
            table.note(position, key, "repaired", "unreadable characters removed", cell)


def _clean_titles(table: Table, key: str) -> list[str]:
    cleaned = [collapse_spaces(cell) for cell in table.columns[key]]
    for position, (before, after) in enumerate(zip(table.columns[key], cleaned, strict=True)):
        if before != after and after:
            table.note(position, key, "repaired", "white space removed", before)
        if REPLACEMENT in after:
            table.note(position, key, "rejected", "the title has unreadable characters", after)
    return cleaned


def split_labels(table: Table, position: int, key: str, pieces: Iterable[str], title: str) -> tuple[str, ...]:
    """The labels, each once and on one line, without the title; unreadable ones are dropped."""
    labels = tidy_list(pieces, without=title)
    lost = [label for label in labels if REPLACEMENT in label]
    for label in lost:
        table.note(position, key, "repaired", "a label with unreadable characters left out", label)
    return tuple(label for label in labels if label not in lost) if lost else labels


def apply_schema(
    table: Table, make_schema: Callable[[], Any], *, normalised: Mapping[str, list[str]] | None = None
) -> None:
    """Check the table with a pandera schema; what fails is noted, and rejected where the check says so.

    Args:
        table: gets the issues.
        make_schema: makes the schema; called here, so that pandera is imported no sooner.
        normalised: column → its cells in the form to compare; the schema names it ``column:key``.
    """
    from seamark.taxonomy.readers._schemas import find_failures

    extra = {f"{key}:key": cells for key, cells in (normalised or {}).items()}
    for position, column, action, reason in find_failures({**table.columns, **extra}, make_schema()):
        key = column.partition(":")[0]
        table.note(position, key, action, reason, table.columns[key][position])
