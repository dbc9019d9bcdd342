"""Rows of labelled examples out of a file, checked cell by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seamark.building.data.documents import KINDS
from seamark.building.tables import Cell, Table, read_table
from seamark.errors import InputError, UsageError
from seamark.taxonomy.report import RowIssue, make_issue

COLUMNS = ("document_id", "text", "phrase", "skill", "skills", "relevant", "kind", "sector")
"""What a file of labelled examples may hold, by our names."""

_LISTS = ("skill", "skills")  # columns whose cells may be lists
_TRUE = {"true", "yes", "1"}
_FALSE = {"false", "no", "0"}
_MAX_TEXT = 1_000_000  # characters: what an extractor takes
_MAX_ID = 500
_LINES = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True, slots=True)
class ExampleRow:
    """One row that is well formed; its labels are still as they were written.

    Attributes:
        number: the row's number as a spreadsheet shows it; in a file of JSON lines, from 1.
        document_id: may be empty.
        text: the document's; may be empty where ``phrase`` isn't.
        phrase: may be empty where ``text`` isn't.
        labels: the cells that name skills.
        relevant: the verdict on all of them.
        kind: one of :data:`seamark.building.data.documents.KINDS`, or empty.
        sector: may be empty.
    """

    number: int
    document_id: str
    text: str
    phrase: str
    labels: tuple[Cell, ...]
    relevant: bool
    kind: str
    sector: str


@dataclass(frozen=True, slots=True)
class ReadRows:
    """A file's rows.

    Attributes:
        rows: those that are well formed.
        issues: why the others are not.
        total: how many the file has.
    """

    rows: tuple[ExampleRow, ...]
    issues: tuple[RowIssue, ...]
    total: int


def read_rows(path: Path, *, columns: Mapping[str, str]) -> ReadRows:
    """The rows of a CSV, TSV, JSONL, Parquet or XLSX file.

    Args:
        path: the file.
        columns: our name (see :data:`COLUMNS`) → the file's heading; default: the same name.

    Raises:
        UsageError: ``columns`` names something that is not one of ours.
        InputError: the file can't be read, has no row, or lacks a column that is needed.
    """
    _check_names(columns)
    table = read_table(path, wanted=tuple(columns.values()))
    headings = {name: columns.get(name, name) for name in COLUMNS}
    headings = {name: heading for name, heading in headings.items() if heading in table.columns}
    _check_columns(headings, table)
    first = 1 if path.suffix.lower() in _LINES else 2
    issues = _find_issues(table, headings, path.name, first)
    refused = {issue.row for issue in issues}
    rows = tuple(
        _make_row(row, headings, number)
        for number, row in enumerate(table.rows, start=first)
        if number not in refused
    )
    return ReadRows(rows, tuple(issues), len(table.rows))


def _check_names(columns: Mapping[str, str]) -> None:
    for name in columns:
        if name not in COLUMNS:
            raise UsageError(
                f"labelled examples have no column {name!r}", expected="one of " + ", ".join(COLUMNS)
            )


def _check_columns(headings: Mapping[str, str], table: Table) -> None:
    for names, usual in ((("text", "phrase"), "text"), (("skill", "skills"), "skills")):
        if not headings.keys() & set(names):
            raise InputError(
                f"{table.what} has no column {' or '.join(map(repr, names))}",
                expected="one of them (its columns: " + ", ".join(table.columns) + ")",
                hint=f"--map {usual}=COLUMN",
            )
    if not table.rows:
        raise InputError(f"{table.what} has no row", expected="one labelled example at least")


def _find_issues(table: Table, headings: Mapping[str, str], file: str, first: int) -> list[RowIssue]:
    """Why rows are refused: one reason each, in the order of rows."""
    from seamark.building.data._schema import find_failures

    issues: dict[int, RowIssue] = {}

    def refuse(place: int, name: str, reason: str, value: str = "") -> None:
        issue = make_issue(file, place + first, headings.get(name, ""), "rejected", reason, value)
        issues.setdefault(place, issue)

    for place, row in enumerate(table.rows):
        for name, heading in headings.items():
            if reason := _find_fault(name, row[heading]):
                refuse(place, name, reason)
    texts = {name: _list_texts(table, headings, name, skip=issues) for name in COLUMNS if name not in _LISTS}
    for place, name, reason in find_failures(texts, verdicts=_TRUE | _FALSE, kinds=KINDS, limits=_LIMITS):
        refuse(place, name, reason, texts.get(name, texts["text"])[place])
    return [issues[place] for place in sorted(issues)]


_LIMITS = {"text": _MAX_TEXT, "phrase": _MAX_TEXT, "document_id": _MAX_ID}


def _find_fault(name: str, cell: Cell) -> str:
    """What keeps a cell from being looked at any further."""
    if isinstance(cell, list):
        return "" if name in _LISTS else "a list where a text is expected"
    if "\0" in cell or not _is_encodable(cell):
        return "characters that no database keeps"
    return ""


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _list_texts(
    table: Table, headings: Mapping[str, str], name: str, *, skip: Mapping[int, RowIssue]
) -> list[str]:
    heading = headings.get(name)
    if heading is None:
        return [""] * len(table.rows)
    return ["" if place in skip else str(row[heading]).strip() for place, row in enumerate(table.rows)]


def _make_row(row: Mapping[str, Cell], headings: Mapping[str, str], number: int) -> ExampleRow:
    def get(name: str) -> str:
        return str(row[headings[name]]).strip() if name in headings else ""

    labels: Sequence[Cell] = [row[headings[name]] for name in _LISTS if name in headings]
    relevant = get("relevant").lower() not in _FALSE
    return ExampleRow(
        number,
        get("document_id"),
        get("text"),
        get("phrase"),
        tuple(labels),
        relevant,
        get("kind").lower(),
        get("sector"),
    )
