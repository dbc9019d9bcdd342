"""What `seamark extract` is given: a text, a file of text, documents in JSON, or stdin."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seamark.errors import InputError, UsageError
from seamark.extraction.batch._formats import find_binary, read_head
from seamark.extraction.batch._tables import JsonLinesTable, name_json, read_json
from seamark.extraction.batch._values import has_lone_surrogates, is_blank
from seamark.extraction.document import Document

_PATH_SUFFIXES = frozenset(
    {".csv", ".doc", ".docx", ".htm", ".html", ".json", ".jsonl", ".log", ".md", ".ndjson"}
    | {".parquet", ".pdf", ".rtf", ".text", ".tsv", ".txt", ".xlsx"}
)
_TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".parquet"})
_KINDS = ("posting", "course", "other")
_MAX_TEXT_BYTES = 4_000_003
"""UTF-8 takes at most 4 bytes for each of a million characters, and 3 for a BOM."""
_MAX_STREAM_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """What was read.

    Attributes:
        name: the file's name, ``stdin`` or ``text``.
        documents: at least one.
        is_list: whether it was a list of documents, so that a list should be answered.
    """

    name: str
    documents: tuple[Document, ...]
    is_list: bool = False


def read_source(argument: str, *, read_stdin: Callable[[int], bytes]) -> Source:
    """The documents that ``argument`` stands for.

    ``-`` is stdin; a name of an existing file is that file; what looks like a path (no space in
    it, and it ends like a file's name or lies in a folder that exists) must exist; all else is
    the text itself. A ``.json`` or ``.jsonl`` file holds objects with ``text`` and, if wanted,
    ``id`` and ``kind``; so does stdin when it is JSON.

    Args:
        argument: a text, a path, or ``-``.
        read_stdin: reads at most so many bytes of stdin.

    Raises:
        UsageError: there is no such file.
        InputError: there is no text in it, or it is not what was expected.
    """
    if argument == "-":
        return _read_stream(read_stdin(_MAX_STREAM_BYTES + 1), "stdin")
    path = _find_file(argument)
    if path is None:
        return Source("text", (_check_text(Document(argument), "the text"),))
    if not path.is_file():
        # A pipe, such as bash's <(…), can be read once only.
        with path.open("rb") as file:
            return _read_stream(file.read(_MAX_STREAM_BYTES + 1), str(path))
    suffix = path.suffix.lower()
    head = read_head(path)
    _refuse_binary(head, str(path))
    if suffix in _TABLE_SUFFIXES or head.startswith(b"PAR1"):
        raise InputError(f"{path} is a table", expected="a text", hint=f"seamark extract-batch {path}")
    if suffix == ".json":
        return _read_documents(read_json(path), str(path))
    if suffix in (".jsonl", ".ndjson"):
        return _read_json_lines(path)
    return Source(path.name, (_read_text_file(path),))


def _find_file(argument: str) -> Path | None:
    """The path that ``argument`` names, or None when it is a text."""
    try:
        path = Path(argument).expanduser()
        if path.is_file() or (path.exists() and not path.is_dir()):
            return path
        is_path = _looks_like_path(argument, path)
    except (OSError, ValueError, RuntimeError):
        # Too long for a file's name, or with characters that none can have: a text.
        return None
    if is_path and path.is_dir():
        raise UsageError(f"{argument} is a folder", expected="a text, a file or -")
    if is_path:
        raise UsageError(f"no such file: {argument}", hint="check the spelling and the folder")
    return None


def _looks_like_path(argument: str, path: Path) -> bool:
    if not argument or any(character.isspace() for character in argument):
        return False
    if path.suffix.lower() in _PATH_SUFFIXES or argument.startswith(("/", "./", "../", "~/")):
        return True
    # "CI/CD" is a text, "postings/first" a path when there is a folder of postings.
    return "/" in argument and path.parent.is_dir()


def _refuse_binary(head: bytes, name: str) -> None:
    if binary := find_binary(head):
        what, hint = binary
        raise InputError(f"{name} is {what}", expected="text in UTF-8", hint=hint)


def _read_text_file(path: Path) -> Document:
    size = path.stat().st_size
    if size > _MAX_TEXT_BYTES:
        raise InputError(f"{path} holds {size:,} bytes", expected="at most 1,000,000 characters of text")
    return _check_text(Document(_decode(path.read_bytes(), str(path)), doc_id=path.name), str(path))


def _decode(content: bytes, name: str) -> str:
    try:
        return content.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} holds a byte that is not UTF-8 (0x{content[error.start]:02x} at offset {error.start})",
            expected="text in UTF-8",
            hint="convert it, e.g. iconv -f WINDOWS-1252 -t UTF-8",
        ) from error


def _check_text(doc: Document, name: str) -> Document:
    if is_blank(doc.text):
        raise InputError(f"{name} is empty", expected="at least one word")
    if has_lone_surrogates(doc.text):
        raise InputError(f"{name} holds characters that are not UTF-8", expected="text in UTF-8")
    return doc


def _read_stream(content: bytes, name: str) -> Source:
    if len(content) > _MAX_STREAM_BYTES:
        raise InputError(
            f"{name} holds more than {_MAX_STREAM_BYTES:,} bytes", hint="seamark extract-batch FILE"
        )
    _refuse_binary(content[:65_536], name)
    text = _decode(content, name)
    value = _parse_container(text)
    if value is not None:
        return _read_documents(value, name)
    return Source(name, (_check_text(Document(text), name),))


def _parse_container(text: str) -> Any:
    """The JSON object or list that the whole text is, or None."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _read_json_lines(path: Path) -> Source:
    documents = []
    for row in JsonLinesTable(path).read_rows():
        where = f"line {row.line} of {path}"
        if row.problem:
            raise InputError(f"{where}: {row.problem}", expected='{"text": "…"}')
        documents.append(_make_document(row.columns, where))
    if not documents:
        raise InputError(f"{path} is empty", expected='a line {"text": "…"}')
    return Source(path.name, tuple(documents), is_list=True)


def _read_documents(value: Any, name: str) -> Source:
    if isinstance(value, dict):
        return Source(name, (_make_document(value, name),))
    if not isinstance(value, list):
        raise InputError(
            f"{name} holds {name_json(value)}", expected='{"text": "…"} or a list of such objects'
        )
    if not value:
        raise InputError(f"{name} holds an empty list", expected='objects, [{"text": "…"}]')
    documents = [_make_document(item, f"item {place} of {name}") for place, item in enumerate(value, start=1)]
    return Source(name, tuple(documents), is_list=True)


def _make_document(value: Any, where: str) -> Document:
    if not isinstance(value, dict):
        raise InputError(f"{where} is {name_json(value)}", expected='an object, {"text": "…"}')
    if "text" not in value:
        keys = ", ".join(repr(key) for key in list(value)[:10]) or "nothing"
        raise InputError(f"{where} has no 'text' but {keys}", expected='{"text": "…"}')
    for key in ("text", "id", "kind"):
        is_kept = isinstance(value.get(key, ""), str) or (key == "id" and isinstance(value[key], int))
        if not is_kept:
            raise InputError(f"{key!r} of {where} is {name_json(value[key])}", expected="a text")
    kind = value.get("kind", "other")
    if kind not in _KINDS:
        raise InputError(f"'kind' of {where} is {kind!r}", expected=f"one of {', '.join(_KINDS)}")
    return _check_text(Document(value["text"], str(value.get("id", "")), kind), f"'text' of {where}")
