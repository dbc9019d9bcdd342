"""Tables as streams of rows: CSV, JSON Lines, a JSON list, Parquet.

CSV, JSON Lines and Parquet are read a piece at a time, so that the number of rows is bounded by
the disk alone; a JSON list is read whole, as its grammar asks for it. A row that can't be used
says so in ``Row.problem`` and never stops the rows after it.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from seamark.errors import InputError
from seamark.extraction.batch._formats import TableFormat
from seamark.extraction.batch._values import has_lone_surrogates, mend, spell_out

if TYPE_CHECKING:
    import polars as pl

_MAX_CELL = 64 * 1024 * 1024
_MAX_LINE = 64 * 1024 * 1024
_SHOWN_OF_LONG_LINE = 10_000
_NOT_UTF8 = "characters that are not UTF-8"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the input.

    Attributes:
        number: which row it is, from 1.
        line: the line of the file on which it begins, from 1; 0 where the format has no lines.
        columns: its values by column; empty when the row is not an object.
        problem: why it can't be used; empty when it can.
        raw: the row as it came, for the quarantine file; only set beside ``problem``.
    """

    number: int
    line: int
    columns: dict[str, Any]
    problem: str = ""
    raw: Any = None


@dataclass(frozen=True, slots=True)
class Overview:
    """What one pass over a table showed.

    Attributes:
        rows: how many rows there are.
        columns: every column, in the order of appearance.
        kinds: for each column the kinds of value met: ``bool``, ``int``, ``float``, ``text``, ``other``.
    """

    rows: int
    columns: tuple[str, ...]
    kinds: dict[str, frozenset[str]] = field(default_factory=dict)


class Table(Protocol):
    """A file of rows that can be read again and again, each time in the same order."""

    @property
    def path(self) -> Path:
        """The file."""

    def read_rows(self) -> Iterator[Row]:
        """Every row, in order."""

    def survey(self) -> Overview:
        """The number of rows and the columns, in one pass."""


def open_table(path: Path, table_format: TableFormat) -> Table:
    """The table in the file at ``path``, which must be of that format."""
    if table_format == "parquet":
        return ParquetTable(path)
    if table_format == "jsonl":
        return JsonLinesTable(path)
    if table_format == "json":
        return JsonTable(path)
    return CsvTable(path, "\t" if table_format == "tsv" else _guess_delimiter(path))


# --- CSV ---------------------------------------------------------------------------------------


class _Lines:
    """A file's lines, remembering whether a reader asked for more than there are."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        return line


@dataclass(frozen=True)
class CsvTable:
    """CSV in UTF-8, with or without BOM, quoted cells over several lines."""

    path: Path
    delimiter: str = ","

    def survey(self) -> Overview:
        """The number of rows and the header's columns."""
        columns = self._read_header()
        count = sum(1 for _ in self.read_rows())
        return Overview(count, columns, dict.fromkeys(columns, frozenset({"text"})))

    def _read_header(self) -> tuple[str, ...]:
        with self._open() as file:
            return self._take_header(csv.reader(file, delimiter=self.delimiter))

    def read_rows(self) -> Iterator[Row]:
        """Every row below the header; blank lines are no rows."""
        csv.field_size_limit(max(csv.field_size_limit(), _MAX_CELL))
        with self._open() as file:
            lines = _Lines(file)
            reader = csv.reader(lines, delimiter=self.delimiter)
            header = self._take_header(reader)
            number = 0
            while True:
                line = reader.line_num + 1
                cells = self._take_cells(reader, line)
                if cells is None:
                    return
                if cells:
                    number += 1
                    yield _make_csv_row(number, line, header, cells, is_open=lines.ended)

    def _open(self) -> Any:
        return self.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")

    def _take_header(self, reader: Any) -> tuple[str, ...]:
        for cells in iter(lambda: self._take_cells(reader, 1), None):
            if cells:
                return name_columns(mend(cells))
        raise InputError(f"{self.path} is empty", expected="a header with the columns' names")

    def _take_cells(self, reader: Any, line: int) -> list[str] | None:
        try:
            return next(reader, None)
        except csv.Error as error:
            raise InputError(
                f"{self.path} is damaged from line {line} on: {error}",
                hint="look for a quotation mark that is opened there and never closed",
            ) from error


def _make_csv_row(number: int, line: int, header: tuple[str, ...], cells: list[str], *, is_open: bool) -> Row:
    padded = cells + [""] * (len(header) - len(cells))
    columns = dict(zip(header, padded, strict=False))
    problem, raw = "", None
    if is_open:
        problem, raw = f"a quoted cell that begins on line {line} or later never ends", spell_out(columns)
    elif len(cells) != len(header):
        problem, raw = f"{len(cells)} cells where the header has {len(header)}", spell_out(cells)
    elif has_lone_surrogates("\n".join(cells)):
        problem, raw = _NOT_UTF8, spell_out(columns)
    return Row(number, line, mend(columns) if problem else columns, problem, raw)


def name_columns(header: Sequence[str]) -> tuple[str, ...]:
    """Column names without blanks or repeats: ``column_N`` and ``name_2`` stand in for them."""
    names: list[str] = []
    for position, written in enumerate(header, start=1):
        name = written.strip() or f"column_{position}"
        base, count = name, 1
        while name in names:
            count += 1
            name = f"{base}_{count}"
        names.append(name)
    return tuple(names)


def _guess_delimiter(path: Path) -> str:
    """The delimiter that the header holds most often; spreadsheets in many countries write ``;``."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        header = next((line for line in file if line.strip()), "")
    unquoted = "".join(header.split('"')[::2])
    return max(",;\t", key=unquoted.count)


# --- JSON --------------------------------------------------------------------------------------


class _JsonRows:
    """What the two JSON formats share: columns are known only when every row has been seen."""

    def read_rows(self) -> Iterator[Row]:
        raise NotImplementedError

    def survey(self) -> Overview:
        """The number of rows, every column that any row has, and the kinds of its values."""
        count, kinds = 0, dict[str, set[str]]()
        for row in self.read_rows():
            count += 1
            for name, value in row.columns.items():
                found = kinds.setdefault(name, set())
                if value is not None:
                    found.add(_name_kind(value))
        return Overview(count, tuple(kinds), {name: frozenset(found) for name, found in kinds.items()})


@dataclass(frozen=True)
class JsonLinesTable(_JsonRows):
    """One JSON object a line, in UTF-8; blank lines are no rows."""

    path: Path

    def read_rows(self) -> Iterator[Row]:
        """Every line that is not blank; one that is no JSON object is a row with a problem."""
        number = 0
        for line, written in _read_long_lines(self.path):
            if written.strip():
                number += 1
                yield _make_json_row(number, line, written)


def _read_long_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        number = 0
        while written := file.readline(_MAX_LINE):
            number += 1
            yield number, written.removeprefix(codecs.BOM_UTF8) if number == 1 else written
            while len(written) == _MAX_LINE and not written.endswith(b"\n"):
                written = file.readline(_MAX_LINE)


def _make_json_row(number: int, line: int, written: bytes) -> Row:
    if len(written) >= _MAX_LINE:
        shown = written[:_SHOWN_OF_LONG_LINE].decode("utf-8", "backslashreplace")
        return Row(number, line, {}, f"a line of more than {_MAX_LINE:,} bytes", shown)
    try:
        value = json.loads(written.decode())
    except UnicodeDecodeError:
        return Row(number, line, {}, _NOT_UTF8, written.decode("utf-8", "backslashreplace").rstrip("\r\n"))
    except (ValueError, RecursionError) as error:
        return Row(number, line, {}, f"not JSON: {_explain_json(error)}", written.decode().rstrip("\r\n"))
    return _make_object_row(number, line, value)


def _make_object_row(number: int, line: int, value: Any) -> Row:
    if not isinstance(value, dict):
        return Row(number, line, {}, f"{name_json(value)} where an object is expected", spell_out(value))
    if has_lone_surrogates(_join_text(value)):
        return Row(number, line, mend(value), _NOT_UTF8, spell_out(value))
    return Row(number, line, value)


def _join_text(value: Any) -> str:
    """All the text inside a JSON value, keys too."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "\n".join(key + "\n" + _join_text(inner) for key, inner in value.items())
    if isinstance(value, list):
        return "\n".join(map(_join_text, value))
    return ""


def _explain_json(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos + 1}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def name_json(value: Any) -> str:
    """What a JSON value is, in words, e.g. ``a list``."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _name_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -(2**63) <= value < 2**63 else "other"
    if isinstance(value, float):
        return "float"
    return "text" if isinstance(value, str) else "other"


def read_json(path: Path) -> Any:
    """The one JSON value in a file in UTF-8.

    Raises:
        InputError: it is not UTF-8 or not JSON; the message names the place.
    """
    try:
        return json.loads(path.read_bytes().removeprefix(codecs.BOM_UTF8).decode())
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} holds a byte that is not UTF-8 at offset {error.start}", hint="save it as UTF-8"
        ) from error
    except json.JSONDecodeError as error:
        hint = "rename it to .jsonl if it has one object a line" if error.msg == "Extra data" else ""
        raise InputError(
            f"{path} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}", hint=hint
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} can't be read as JSON: {_explain_json(error)}") from error


@dataclass(frozen=True)
class JsonTable(_JsonRows):
    """A JSON list of objects; read whole, so use JSON Lines for what does not fit in memory."""

    path: Path

    def read_rows(self) -> Iterator[Row]:
        """Every element of the list; one that is no object is a row with a problem."""
        for number, value in enumerate(self._values, start=1):
            yield _make_object_row(number, 0, value)

    @cached_property
    def _values(self) -> list[Any]:
        values = read_json(self.path)
        if not isinstance(values, list):
            raise InputError(
                f"{self.path} holds {_describe_top(values)}",
                expected="a list of objects, [{…}, {…}]",
            )
        if not any(isinstance(value, dict) for value in values):
            found = f"a list of which item 1 is {name_json(values[0])}" if values else "an empty list"
            raise InputError(f"{self.path} holds {found}", expected="a list of objects, [{…}, {…}]")
        return values


def _describe_top(value: Any) -> str:
    if isinstance(value, dict):
        lists = [repr(key) for key, inner in value.items() if isinstance(inner, list)]
        return "an object" + (f" with a list under {', '.join(lists)}" if lists else "")
    return name_json(value)


# --- Parquet -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ParquetTable:
    """A Parquet file, read a few thousand rows at a time."""

    path: Path

    def survey(self) -> Overview:
        """The number of rows and the columns, from the file's footer."""
        import polars as pl

        with _translate_parquet(self.path):
            scan = pl.scan_parquet(self.path, glob=False)
            schema = scan.collect_schema()
            count = int(scan.select(pl.len()).collect().item())
        kinds = {name: frozenset({_name_dtype(dtype)}) for name, dtype in schema.items()}
        return Overview(count, tuple(schema), kinds)

    def read_frames(self, size: int) -> Iterator[pl.DataFrame]:
        """The table in frames of about ``size`` rows, with the file's own types."""
        import polars as pl

        with _translate_parquet(self.path):
            for frame in pl.scan_parquet(self.path, glob=False).collect_batches(
                chunk_size=size, maintain_order=True
            ):
                yield from frame.iter_slices(size)

    def read_rows(self) -> Iterator[Row]:
        """Every row, its values as Python's own types."""
        number = 0
        for frame in self.read_frames(1024):
            for columns in frame.iter_rows(named=True):
                number += 1
                yield Row(number, 0, columns)


def _name_dtype(dtype: Any) -> str:
    import polars as pl

    return "text" if dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null) else str(dtype)


class _translate_parquet:  # noqa: N801 - reads as a function, `with _translate_parquet(path)`
    """A block in which what Polars can't read becomes an :class:`InputError`.

    A class, not a generator: it wraps generators, whose own ``StopIteration`` must pass.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        import polars as pl

        if isinstance(error, pl.exceptions.PolarsError | OSError):
            first = (str(error).splitlines() or [""])[0]
            raise InputError(
                f"{self._path} can't be read as Parquet: {first}", hint="is the file complete?"
            ) from error
