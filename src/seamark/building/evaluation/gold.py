"""Gold files: what people say is right, checked and read.

Three kinds, one for each evaluation: labelled sentences and spans (:func:`read_linking_gold`), BIO
tags (:func:`read_span_gold`) and labelled documents (:func:`read_extraction_gold`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from seamark.building.evaluation.labels import normalise_sentence
from seamark.building.tables import Cell, Row, read_json_lines, read_table
from seamark.errors import InputError, UsageError
from seamark.extraction.result import SpanLabel

Level = Literal["sentence", "span"]
_HEADS: tuple[SpanLabel, ...] = ("skill", "knowledge")
_TAGS = ("B", "I", "O")


@dataclass(frozen=True, slots=True)
class LinkingRow:
    """One label of one sentence.

    Attributes:
        sentence: the sentence.
        phrase: the stretch of it that the label is about: the sub-span, or else the span; may be empty.
        label: as the annotator wrote it.
    """

    sentence: str
    phrase: str
    label: str


@dataclass(frozen=True, slots=True)
class TaggedSentence:
    """A sentence with its gold spans.

    Attributes:
        text: the tokens, joined by single spaces.
        spans: per head, the (start, end) offsets of its spans.
    """

    text: str
    spans: dict[SpanLabel, frozenset[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class SpanGold:
    """A file of tagged sentences.

    Attributes:
        heads: what the file has tags for: ``skill``, ``knowledge`` or both.
        sentences: in the file's order.
    """

    heads: tuple[SpanLabel, ...]
    sentences: tuple[TaggedSentence, ...]


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A document with its labels, not yet parted.

    Attributes:
        text: the text columns that aren't blank, parted by blank lines.
        labels: the labels cell.
        where: the row, as an error message names it.
    """

    text: str
    labels: Cell
    where: str


def read_linking_gold(path: Path, *, level: Level = "sentence") -> list[LinkingRow]:
    """The rows of a table with the columns ``sentence`` and ``label``, and maybe ``span``, ``sub_span``.

    Args:
        path: CSV, TSV, XLSX, JSONL or Parquet.
        level: what the rows are wanted for; ``span`` needs a column ``span`` or ``sub_span``.

    Raises:
        InputError: the file can't be read, has no row, or lacks a column.
        UsageError: ``level`` is ``span`` and the file has sentences and labels alone.
    """
    table = read_table(path, wanted=("sentence", "label"))
    if level == "span" and not {"span", "sub_span"} & set(table.columns):
        raise UsageError(
            f"{table.what} has no column 'span' or 'sub_span'",
            expected="one of them for --level span",
            hint="--level sentence",
        )
    _require_rows(table.rows, table.what)
    return [
        _make_linking_row(row, f"{table.what}, row {number}")
        for number, row in enumerate(table.rows, start=1)
    ]


def _make_linking_row(row: Row, where: str) -> LinkingRow:
    phrase = _get_text(row, "sub_span", where).strip() or _get_text(row, "span", where).strip()
    return LinkingRow(_get_text(row, "sentence", where), phrase, _get_text(row, "label", where))


def _get_text(row: Row, column: str, where: str) -> str:
    cell = row.get(column, "")
    if isinstance(cell, str):
        return cell
    raise InputError(f"{where}: a list in the column {column!r}", expected="a text")


def read_span_gold(path: Path) -> SpanGold:
    """The sentences of a file in SkillSpan's format, one JSON object a line.

    An object has ``tokens`` and, of the same length, ``tags_skill``, ``tags_knowledge`` or both (every
    line the same). Tags are ``B``, ``I`` and ``O``; an ``I`` that follows no ``B`` or ``I`` begins a span.

    Raises:
        InputError: a line is malformed; the message names file and line.
    """
    heads: tuple[SpanLabel, ...] = ()
    sentences: list[TaggedSentence] = []
    for number, record in read_json_lines(path):
        where = f"{path.name}, line {number}"
        heads = heads or _find_heads(record, where)
        sentences.append(_make_sentence(record, heads, where))
    _require_rows(sentences, f"the file {path.name}")
    return SpanGold(heads, tuple(sentences))


def read_known_sentences(paths: Iterable[Path]) -> frozenset[str]:
    """The sentences of files in SkillSpan's format, normalised so that they can be compared.

    Raises:
        InputError: a line is malformed; the message names file and line.
    """
    return frozenset(
        normalise_sentence(" ".join(_read_tokens(record, f"{path.name}, line {number}")))
        for path in paths
        for number, record in read_json_lines(path)
    )


def _find_heads(record: dict[str, Any], where: str) -> tuple[SpanLabel, ...]:
    heads = tuple(head for head in _HEADS if f"tags_{head}" in record)
    if not heads:
        raise InputError(f"{where}: no tags", expected="'tags_skill', 'tags_knowledge' or both")
    return heads


def _make_sentence(record: dict[str, Any], heads: Sequence[SpanLabel], where: str) -> TaggedSentence:
    tokens = _read_tokens(record, where)
    for head in _HEADS:
        if (f"tags_{head}" in record) != (head in heads):
            found = "no tags_" if head in heads else "tags_"
            raise InputError(f"{where}: {found}{head}, unlike the lines before", expected="one format a file")
    tags = {head: _read_tags(record[f"tags_{head}"], head, len(tokens), where) for head in heads}
    spans = {head: frozenset(find_spans(tokens, some)) for head, some in tags.items()}
    return TaggedSentence(" ".join(tokens), spans)


def _read_tokens(record: dict[str, Any], where: str) -> list[str]:
    tokens = record.get("tokens")
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise InputError(f"{where}: no list of texts under 'tokens'", expected='"tokens": ["Uses", "SQL"]')
    return tokens


def _read_tags(tags: Any, head: str, length: int, where: str) -> list[str]:
    if not isinstance(tags, list):
        raise InputError(f"{where}: tags_{head} is a {type(tags).__name__}", expected="a list of tags")
    if len(tags) != length:
        raise InputError(f"{where}: {len(tags)} tags_{head} for {length} tokens", expected="one tag a token")
    for tag in tags:
        if tag not in _TAGS:
            raise InputError(f"{where}: the tag {tag!r} in tags_{head}", expected=" or ".join(_TAGS))
    return tags


def find_spans(tokens: Sequence[str], tags: Sequence[str]) -> list[tuple[int, int]]:
    """The (start, end) offsets of the tagged spans in the tokens joined by single spaces.

    An ``I`` that follows an ``O``, or stands first, begins a span, as in the CoNLL-2000 scorer.
    """
    spans: list[tuple[int, int]] = []
    offset, previous = 0, "O"
    for token, tag in zip(tokens, tags, strict=True):
        end = offset + len(token)
        if tag == "B" or (tag == "I" and previous == "O"):
            spans.append((offset, end))
        elif tag == "I":
            spans[-1] = (spans[-1][0], end)
        offset, previous = end + 1, tag
    return spans


def read_extraction_gold(
    path: Path, *, text_columns: Sequence[str], labels_column: str, limit: int | None = None
) -> list[LabelledText]:
    """The documents of a table, with their labels cells.

    Args:
        path: CSV, TSV, XLSX, JSONL or Parquet.
        text_columns: joined in this order by blank lines; blank cells are passed over.
        labels_column: the column that holds the labels.
        limit: take the first so many rows alone; all by default.

    Raises:
        InputError: the file can't be read, has no row, or lacks a column.
        UsageError: no text column is named, or ``limit`` is below 1.
    """
    if not text_columns:
        raise UsageError("no text column", hint="--text-column NAME")
    if limit is not None and limit < 1:
        raise UsageError(f"a limit of {limit}", expected="1 or more")
    table = read_table(path, wanted=(*text_columns, labels_column))
    _require_rows(table.rows, table.what)
    numbered = (
        (f"{table.what}, row {number}", row) for number, row in enumerate(table.rows[:limit], start=1)
    )
    return [
        LabelledText(_join_texts(row, text_columns, where), row[labels_column], where)
        for where, row in numbered
    ]


def _join_texts(row: Row, columns: Sequence[str], where: str) -> str:
    texts = (_get_text(row, column, where) for column in columns)
    return "\n\n".join(text for text in texts if text.strip())


def _require_rows(rows: Sequence[object], what: str) -> None:
    if not rows:
        raise InputError(f"{what} has no row", expected="at least one")
