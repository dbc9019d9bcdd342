"""Rows out of CSV, TSV, XLSX, JSONL and Parquet files, every cell a string (or a real list)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seamark.errors import InputError

if TYPE_CHECKING:
    import polars as pl

Cell = str | list[Any]
Row = dict[str, Cell]

_FORMATS = {
    ".csv": "CSV",
    ".tsv": "TSV",
    ".xlsx": "XLSX",
    ".jsonl": "JSONL",
    ".ndjson": "JSONL",
    ".json": "JSONL",
    ".parquet": "Parquet",
}
_SIGNATURES = {
    b"PK\x03\x04": "XLSX",
    b"PAR1": "Parquet",
    b"\xd0\xcf\x11\xe0": "XLS (Excel 97-2003)",
    b"\x1f\x8b": "gzip",
    b"%PDF": "PDF",
}
_BINARY = {"XLSX", "Parquet"}


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file.

    Attributes:
        columns: the names in the file's order.
        rows: one dict a row; a missing or null cell is the empty string.
        what: the file as an error message names it.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    what: str

    def require(self, *columns: str) -> None:
        """Nothing, when the table has all of ``columns``.

        Raises:
            InputError: one is missing; the message lists those that are there.
        """
        for column in columns:
            if column not in self.columns:
                raise InputError(
                    f"{self.what} has no column {column!r}", hint=f"one of its columns: {_list(self.columns)}"
                )


def read_table(path: Path, *, wanted: Sequence[str] = ()) -> Table:
    """The rows of a CSV, TSV, XLSX, JSONL or Parquet file, known by its name's ending.

    Args:
        path: the file; text formats are UTF-8, with or without BOM.
        wanted: columns that must be there; of a workbook the first sheet that has them is read.

    Raises:
        InputError: there is no such file, it isn't what its name says, or a column is missing.
    """
    kind = _recognise(path)
    table = _READERS[kind](path, wanted)
    table.require(*wanted)
    return table


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number (from 1) and object of each line that isn't blank.

    Raises:
        InputError: there is no such file, it isn't UTF-8 text, or a line isn't a JSON object.
    """
    require_file(path)
    for number, line in enumerate(_decode(path).split("\n"), start=1):
        if line.strip():
            yield number, _parse_object(line, f"{path.name}, line {number}")


def require_file(path: Path) -> None:
    """Nothing, when ``path`` is a file.

    Raises:
        InputError: it isn't.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder", expected="a file")
    if not path.is_file():
        raise InputError(f"there is no file {path}", hint="check the spelling and the folder")


def _recognise(path: Path) -> str:
    require_file(path)
    kind = _FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"the file {path.name} ends in {path.suffix!r}", expected=_list(sorted(_FORMATS)))
    with path.open("rb") as file:
        head = file.read(8)
    actual = next((name for mark, name in _SIGNATURES.items() if head.startswith(mark)), "")
    if actual != (kind if kind in _BINARY else ""):
        raise InputError(
            f"the file {path.name} holds {actual or 'no ' + kind}",
            expected=f"{kind}, as its name says",
            hint="rename it, or save it again in that format",
        )
    return kind


def _read_csv(path: Path, _wanted: Sequence[str]) -> Table:
    return _read_separated(path, ",")


def _read_tsv(path: Path, _wanted: Sequence[str]) -> Table:
    return _read_separated(path, "\t")


def _read_separated(path: Path, separator: str) -> Table:
    import polars as pl

    _decode(path)  # names the byte that isn't UTF-8, which Polars doesn't
    try:
        frame = pl.read_csv(path, separator=separator, infer_schema_length=0)
    except pl.exceptions.NoDataError as error:
        raise InputError(f"the file {path.name} is empty", expected="a line of column names") from error
    except pl.exceptions.PolarsError as error:
        raise _refuse(path, error) from error
    return _make_table(frame, f"the file {path.name}")


def _read_xlsx(path: Path, wanted: Sequence[str]) -> Table:
    import polars as pl
    from fastexcel import FastExcelError

    try:
        sheets = pl.read_excel(path, sheet_id=0, infer_schema_length=0, raise_if_empty=False)
    except (FastExcelError, pl.exceptions.PolarsError) as error:
        raise _refuse(path, error) from error
    tables = [_make_table(frame, f"{path.name}, sheet {name!r}") for name, frame in sheets.items()]
    fitting = [table for table in tables if set(wanted) <= set(table.columns)]
    # Without a fitting sheet the longest is the likeliest to have been meant: its columns are listed.
    return fitting[0] if fitting else max(tables, key=lambda table: len(table.rows))


def _read_parquet(path: Path, _wanted: Sequence[str]) -> Table:
    import polars as pl

    try:
        frame = pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise _refuse(path, error) from error
    return _make_table(frame, f"the file {path.name}")


def _read_jsonl(path: Path, _wanted: Sequence[str]) -> Table:
    rows = [
        {str(key): _to_cell(value, f"{path.name}, line {number}, {key!r}") for key, value in record.items()}
        for number, record in read_json_lines(path)
    ]
    columns = tuple(dict.fromkeys(key for row in rows for key in row))
    full = tuple({column: row.get(column, "") for column in columns} for row in rows)
    return Table(columns, full, f"the file {path.name}")


_READERS = {
    "CSV": _read_csv,
    "TSV": _read_tsv,
    "XLSX": _read_xlsx,
    "Parquet": _read_parquet,
    "JSONL": _read_jsonl,
}


def _make_table(frame: pl.DataFrame, what: str) -> Table:
    rows = tuple(
        {column: _to_cell(value, f"{what}, row {number}, {column!r}") for column, value in row.items()}
        for number, row in enumerate(frame.iter_rows(named=True), start=1)
    )
    return Table(tuple(frame.columns), rows, what)


def _to_cell(value: Any, where: str) -> Cell:
    if value is None:
        return ""
    if isinstance(value, str | list):
        return value
    if isinstance(value, dict):
        raise InputError(f"{where}: a nested object", expected="a text, a number or a list of texts")
    return str(value)


def _decode(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"the file {path.name} is not UTF-8 text (byte {error.start})", hint="save it again as UTF-8"
        ) from error
    if "\0" in text:
        raise InputError(f"the file {path.name} holds null characters", expected="UTF-8 text")
    return text


def _parse_object(line: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON ({error})", expected="one JSON object a line") from error
    if not isinstance(value, dict):
        raise InputError(f"{where}: a JSON {type(value).__name__}", expected="one JSON object a line")
    return value


def _refuse(path: Path, error: Exception) -> InputError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return InputError(
        f"the file {path.name} can't be read ({reason})", expected=_FORMATS[path.suffix.lower()]
    )


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "(none)"
