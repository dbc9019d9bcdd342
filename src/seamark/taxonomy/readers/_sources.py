"""What lies in a source: its tables with their headings, and its JSON documents.

A format is recognised by these, never by a file's name alone.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seamark.errors import SeamarkError, TaxonomyError, UsageError

_WORKBOOKS = (".xlsx", ".xlsm", ".xls")
_TEXTS = (".csv", ".tsv", ".txt", ".json")
_PEEK_BYTES = 1 << 18
_ZIP, _OLE, _PDF, _GZIP = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b"

# A description may be long; a cell of 16 MB is no description but a lost quotation mark.
csv.field_size_limit(1 << 24)


@dataclass(frozen=True, slots=True)
class Part:
    """One table or one JSON document of a source.

    Attributes:
        path: its file.
        sheet: its sheet in a workbook; empty for other files.
        headers: the headings as they stand; empty for JSON.
        keys: the headings without case, spaces and punctuation.
        value: the parsed JSON; None for tables.
    """

    path: Path
    sheet: str = ""
    headers: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    value: Any = field(default=None, repr=False)

    @property
    def label(self) -> str:
        """How a report names it."""
        return f"{self.path.name}[{self.sheet}]" if self.sheet else self.path.name

    def has(self, *keys: str) -> bool:
        """True where every one of ``keys`` is a heading."""
        return set(keys) <= set(self.keys)


def make_key(header: str) -> str:
    """A heading without case, spaces and punctuation: ``O*NET-SOC Code`` → ``onetsoccode``."""
    return "".join(char for char in header.casefold() if char.isalnum())


def open_source(source: Path) -> tuple[list[Part], list[str]]:
    """The parts of a file or folder, and the names of a folder's files that hold none.

    Raises:
        UsageError: there is no such file.
        TaxonomyError: the file is not what its name says; a folder has no table.
    """
    if source.is_dir():
        return _open_folder(source)
    if not source.exists():
        raise UsageError(f"there is no file {source}", expected="a file or a folder with a taxonomy")
    return _open_file(source), []


def _open_folder(folder: Path) -> tuple[list[Part], list[str]]:
    parts: list[Part] = []
    ignored: list[str] = []
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.name.startswith((".", "~$")):
            continue
        try:
            parts += _open_file(path)
        except SeamarkError:  # a folder may hold anything besides; the caller names what it left out
            ignored.append(path.name)
    if not parts:
        raise TaxonomyError(
            f"the folder {folder} holds no table" + (f" (only {', '.join(ignored[:5])})" if ignored else ""),
            expected="CSV, TSV, XLSX or JSON files of a taxonomy",
        )
    return parts, ignored


def _open_file(path: Path) -> list[Part]:
    suffix = path.suffix.lower()
    if suffix in _WORKBOOKS:
        return _open_workbook(path)
    if suffix not in _TEXTS:
        raise TaxonomyError(
            f"{path.name} is no kind of file that can hold a taxonomy",
            expected="a file that ends in " + ", ".join((*_TEXTS, *_WORKBOOKS)),
            hint="unpack an archive and give the folder" if suffix in (".zip", ".gz", ".7z") else "",
        )
    head = _read_head(path)
    if suffix == ".json":
        return [Part(path, value=_parse_json(path))]
    headers = _read_headers(head, path)
    return [Part(path, headers=headers, keys=tuple(map(make_key, headers)))]


def _read_head(path: Path) -> bytes:
    with path.open("rb") as file:
        head = file.read(_PEEK_BYTES)
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise TaxonomyError(f"{path.name} is empty", expected="a table with headings")
    if kind := _name_binary(head):
        raise TaxonomyError(
            f"{path.name} is {kind}, not the text that its name promises",
            expected=f"{path.suffix} text in UTF-8",
            hint="export it again, or give the file its right ending",
        )
    return head


def _name_binary(head: bytes) -> str:
    for magic, kind in ((_ZIP, "an Excel workbook or a zip archive"), (_OLE, "an old Excel workbook"),
                        (_PDF, "a PDF"), (_GZIP, "a gzip archive")):  # fmt: skip
        if head.startswith(magic):
            return kind
    is_utf16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    return "binary data" if b"\0" in head and not is_utf16 else ""


def _parse_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise TaxonomyError(
            f"{path.name} is not JSON: {error}", expected="one JSON document in UTF-8"
        ) from error


def _read_headers(head: bytes, path: Path) -> tuple[str, ...]:
    text, _ = decode_bytes(head)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=find_delimiter(text))
    try:
        first = next((row for row in rows if any(cell.strip() for cell in row)), [])
    except csv.Error as error:
        raise TaxonomyError(f"{path.name} is not a CSV table: {error}") from error
    return tuple(cell.strip().lstrip("\ufeff") for cell in first)


def decode_bytes(data: bytes) -> tuple[str, str]:
    """The text, and what had to be assumed to read it (empty for clean UTF-8).

    UTF-8 and UTF-16 by their marks, else UTF-8; where it has more bad bytes than good ones beyond
    ASCII, Windows-1252. Bytes that can't be read become U+FFFD.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace"), "read as UTF-16"
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    lost = text.count("\ufffd")
    kept = sum(char > "\x7f" for char in text) - lost
    if kept > lost:
        return text, ""  # the rows concerned are reported one by one
    return data.decode("cp1252", "replace"), "not UTF-8: read as Windows-1252"


def find_delimiter(text: str) -> str:
    """The separator that the headings use most: comma, semicolon or tab."""
    line = next((line for line in text[:_PEEK_BYTES].splitlines() if line.strip()), "")
    return max(",;\t", key=line.count)


def _open_workbook(path: Path) -> list[Part]:
    book = open_workbook(path)
    return [part for name in book.sheet_names if (part := _open_sheet(path, book, name))]


def open_workbook(path: Path) -> Any:
    """The workbook as fastexcel reads it.

    Raises:
        TaxonomyError: the file is no workbook, or a damaged one.
    """
    import fastexcel

    with path.open("rb") as file:
        head = file.read(8)
    if not head.startswith((_ZIP, _OLE)):
        raise TaxonomyError(
            f"{path.name} is not an Excel workbook, whatever its name says",
            expected="an .xlsx file",
            hint="if it is text, give it the ending .csv",
        )
    try:
        return fastexcel.read_excel(path)
    except fastexcel.FastExcelError as error:
        raise TaxonomyError(f"{path.name} is a damaged Excel workbook: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _open_sheet(path: Path, book: Any, name: str) -> Part | None:
    rows = read_sheet_rows(path, book, name, limit=5)
    first = next((row for row in rows if any(row)), None)
    if first is None:
        return None
    headers = tuple(cell.strip() for cell in first)
    return Part(path, sheet=name, headers=headers, keys=tuple(map(make_key, headers)))


def read_sheet_rows(path: Path, book: Any, name: str, limit: int | None = None) -> Sequence[tuple[str, ...]]:
    """The rows of a sheet as text, blank rows included, empty cells as empty text."""
    import fastexcel

    try:
        sheet = book.load_sheet(name, header_row=None, skip_rows=0, n_rows=limit, dtypes="string")
    except fastexcel.FastExcelError as error:
        raise TaxonomyError(f"{path.name}: the sheet {name!r} can't be read: {_first_line(error)}") from error
    if not sheet.width:
        return []
    frame = sheet.to_polars().cast(_string_type()).fill_null("")
    return frame.rows()  # type: ignore[no-any-return]


def _string_type() -> Any:
    import polars as pl

    return pl.String
