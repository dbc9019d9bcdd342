"""What is sent: paths, queries and bodies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from seamark.client.steps import Call
from seamark.errors import InputError
from seamark.extraction.document import Document

MOST_TEXTS = 32
"""Texts that are sent in one request, which is what a stage takes where nobody set it otherwise."""

MOST_BYTES = 1_000_000
"""Bytes of a request's texts, which with what stands around them is what a stage takes at most by default."""


def to_item(text: str | Document, *, doc_id: str = "", kind: str = "", sector: str = "") -> dict[str, str]:
    """One text with what is known of it, as the service reads it.

    Raises:
        InputError: it is no text, or holds half a character (a lone surrogate), which no JSON may.
    """
    if isinstance(text, Document):
        known = {"id": doc_id or text.doc_id, "kind": kind or text.kind, "sector": sector}
    else:
        known = {"id": doc_id, "kind": kind, "sector": sector}
    words = text.text if isinstance(text, Document) else text
    if not isinstance(words, str):
        raise InputError(f"a {type(words).__name__}", expected="a text or a Document")
    return {"text": words} | {name: value for name, value in known.items() if value}


def make_extract_call(item: Mapping[str, str], *, stage: str | None) -> Call:
    """The request for one text."""
    return Call("POST", _at_stage(stage, "extract"), body=encode(item))


def make_extract_many_call(items: Sequence[Mapping[str, str]], *, stage: str | None) -> Call:
    """The request for several texts."""
    return Call("POST", _at_stage(stage, "extract"), body=encode({"texts": list(items)}))


def make_search_call(query: str, *, stage: str | None, limit: int) -> Call:
    """The request for skills that have to do with some words."""
    return Call("GET", _at_stage(stage, "skills"), query={"q": query, "limit": str(limit)})


def make_version_call(*, stage: str | None) -> Call:
    """The request for the facts of the version that answers."""
    return Call("GET", _at_stage(stage, "version"))


def make_submit_call(
    file: Path, *, text_column: str, id_column: str | None, stage: str | None, filename: str
) -> Call:
    """The request that sends a file of texts; done twice it would make two jobs."""
    given = {"filename": filename, "text_column": text_column, "id_column": id_column, "stage": stage}
    query = {name: value for name, value in given.items() if value}
    return Call("POST", "/v1/batch-jobs", query=query, file=file, repeatable=False)


def make_job_call(job_id: str, part: str = "", *, into: Path | None = None) -> Call:
    """The request for a batch job's state, or for one of its files."""
    return Call("GET", f"/v1/batch-jobs/{quote(job_id, safe='')}{part}", into=into)


def encode(value: Any) -> bytes:
    """``value`` as JSON in UTF-8.

    Raises:
        InputError: a text holds a lone surrogate.
    """
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"a text holds half a character: {error.object[error.start]!r}", expected="whole characters"
        ) from error


def split_items(items: Sequence[dict[str, str]], *, most: int) -> list[list[dict[str, str]]]:
    """``items`` in their order, in parts of at most ``most`` items and about :data:`MOST_BYTES` bytes."""
    parts: list[list[dict[str, str]]] = []
    size = 0
    for item in items:
        own = len(encode(item)) + 2
        if not parts or len(parts[-1]) >= most or size + own > MOST_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(item)
        size += own
    return parts


def _at_stage(stage: str | None, what: str) -> str:
    return f"/v1/stages/{quote(stage, safe='')}/{what}" if stage else f"/v1/{what}"
