"""What a file really is: by its first bytes, and by what its name promises."""

from __future__ import annotations

import codecs
import json
import re
from pathlib import Path
from typing import Literal

from seamark.errors import InputError, UsageError

TableFormat = Literal["csv", "tsv", "jsonl", "json", "parquet"]

TABLE_SUFFIXES: dict[str, TableFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
}
_NAMES = {
    "csv": "CSV",
    "tsv": "tab-separated values",
    "jsonl": "JSON Lines (one object a line)",
    "json": "a JSON list of objects",
    "parquet": "Parquet",
    "html": "an HTML page",
}
_HEAD_BYTES = 65_536

# first bytes → (what it is, what to do)
_BINARY: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "a PDF", "convert it to text first, e.g. pdftotext FILE.pdf"),
    (b"{\\rtf", "a rich-text file (RTF)", "save it as plain text (UTF-8)"),
    (b"\xd0\xcf\x11\xe0", "an old Office file (DOC or XLS)", "save it as plain text or CSV (UTF-8)"),
    (b"\x1f\x8b", "compressed with gzip", "gunzip it first"),
    (b"BZh", "compressed with bzip2", "bunzip2 it first"),
    (b"\xfd7zXZ", "compressed with xz", "unxz it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unzstd it first"),
    (b"SQLite format 3\x00", "an SQLite database", "export the table as CSV"),
    (b"\x89PNG", "a PNG picture", "give a text"),
    (b"\xff\xd8\xff", "a JPEG picture", "give a text"),
    (codecs.BOM_UTF16_LE, "text in UTF-16", "save it as UTF-8, e.g. iconv -f UTF-16 -t UTF-8"),
    (codecs.BOM_UTF16_BE, "text in UTF-16", "save it as UTF-8, e.g. iconv -f UTF-16 -t UTF-8"),
)


def read_head(path: Path) -> bytes:
    """The first 64 KiB of the file.

    Raises:
        UsageError: there is no such file, or it is a folder.
        InputError: it may not be read.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder", expected="a file")
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except FileNotFoundError as error:
        raise UsageError(f"no such file: {path}", hint="check the spelling and the folder") from error
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}") from error


def find_binary(head: bytes) -> tuple[str, str] | None:
    """What a file of those first bytes is and what to do with it, or None when it may be text."""
    for magic, what, hint in _BINARY:
        if head.startswith(magic):
            return what, hint
    if head.startswith(b"PK\x03\x04"):
        return _name_zip(head)
    if b"\x00" in head:
        return "a binary file", "give text in UTF-8"
    return None


def _name_zip(head: bytes) -> tuple[str, str]:
    if b"word/" in head:
        return "a Word document (DOCX)", "convert it to text first, e.g. save it as plain text (UTF-8)"
    if b"xl/" in head:
        return "an Excel workbook (XLSX)", "save the sheet as CSV (UTF-8)"
    if b"opendocument" in head:
        return "an OpenDocument file", "save it as plain text or CSV (UTF-8)"
    return "a ZIP archive", "unpack it and give the file inside"


def find_table_format(path: Path) -> TableFormat:
    """The format of a table, from its first bytes and its name.

    Raises:
        UsageError: there is no such file.
        InputError: it is no table, it is empty, or it is not what its name says.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UsageError(f"{path} is no regular file", expected="a file, which can be read again on resuming")
    head = read_head(path)
    if not head.removeprefix(codecs.BOM_UTF8).strip():
        raise InputError(f"{path} is empty", expected="a table with at least one row")
    promised = TABLE_SUFFIXES.get(path.suffix.lower())
    content = _guess_format(path, head, promised)
    if promised is None:
        return content if content != "html" else _refuse(path, "a table", content)
    is_damaged_line = promised == "jsonl" and _begins_with_brace(head)
    if not is_damaged_line and not _is_kept(promised, content):
        return _refuse(path, _NAMES[promised], content)
    return promised


def _guess_format(path: Path, head: bytes, promised: str | None) -> TableFormat | Literal["html"]:
    if head.startswith(b"PAR1"):
        return "parquet"
    if binary := find_binary(head):
        what, hint = binary
        expected = _NAMES[promised] if promised else "CSV, JSON Lines, JSON or Parquet"
        raise InputError(f"{path} is {what}", expected=expected, hint=hint)
    return guess_text_format(head)


def guess_text_format(head: bytes) -> Literal["csv", "json", "jsonl", "html"]:
    """What text it is, from its first characters; whatever is nothing else may be CSV."""
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if re.match(rb"<(!doctype|html|\?xml|head|body)\b", text, re.IGNORECASE):
        return "html"
    if re.match(rb"\[\s*[\[{\"\d\]]", text):
        return "json"
    if re.match(rb"\{\s*[\"}]", text):
        return "jsonl" if _is_object(text.splitlines()[0]) else "json"
    return "csv"


def _begins_with_brace(head: bytes) -> bool:
    return head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{")


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        # A line longer than the head can't be judged; JSON proper breaks lines early.
        return len(line) > _HEAD_BYTES // 2


def _is_kept(promised: TableFormat, content: str) -> bool:
    if promised == "json":
        return content in ("json", "jsonl")
    if promised == "jsonl":
        # Any line may be damaged, the first one too: those rows are quarantined one by one.
        return content in ("jsonl", "csv")
    if promised == "tsv":
        return content == "csv"
    return content == promised


def _refuse(path: Path, expected: str, content: str) -> TableFormat:
    found = _NAMES[content] if content != "csv" else "plain text"
    suffix = next((suffix for suffix, name in TABLE_SUFFIXES.items() if name == content), "")
    hint = f"rename it to {path.stem}{suffix}" if suffix and content != "csv" else ""
    raise InputError(f"{path} looks like {found}", expected=expected, hint=hint)
