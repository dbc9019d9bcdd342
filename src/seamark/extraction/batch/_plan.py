"""What a batch is going to do, checked before a model is loaded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seamark.errors import InputError, UsageError
from seamark.extraction.batch._formats import find_table_format
from seamark.extraction.batch._tables import Overview, Table, open_table

OutputFormat = Literal["csv", "tsv", "jsonl", "parquet"]

OUTPUT_SUFFIXES: dict[str, OutputFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
ADDED_COLUMNS = ("modelVersion", "timestamp", "requestId", "skillExtractOutput", "extractStatus")
"""What the output has besides the input's columns; all but the last are the wire format's fields."""
_PREFIX = "seamark_"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """What a caller may choose.

    Attributes:
        text_column: the column that holds the texts.
        id_column: a column that names rows in the quarantine file; empty for none.
        model: the model as asked for; only compared when a run goes on.
        threshold: the least confidence asked for, 0-1; None for the model's own.
        top: the most skills a row asked for; None for all.
        chunk_size: rows predicted, and saved, at a time; at least 1.
        overwrite: replace a finished output, and begin anew where another run was left.
    """

    text_column: str
    id_column: str = ""
    model: str = ""
    threshold: float | None = None
    top: int | None = None
    chunk_size: int = 64
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """A batch that can be run: made by :func:`plan_batch`.

    Attributes:
        table: the input.
        overview: its number of rows and columns.
        input_digest: SHA-256 of the input file, in hex.
        input_stamp: size in bytes and time of change in ns, to notice a change on the way.
        output: the finished table's place.
        output_format: its format.
        added: for each of :data:`ADDED_COLUMNS` the name it has in the output.
        options: what the caller chose.
    """

    table: Table
    overview: Overview
    input_digest: str
    input_stamp: tuple[int, int]
    output: Path
    output_format: OutputFormat
    added: dict[str, str]
    options: BatchOptions

    @property
    def quarantine(self) -> Path:
        """Where the rows that could not be processed go."""
        return self.output.with_name(f"{self.output.name}.quarantine.jsonl")

    @property
    def work_folder(self) -> Path:
        """Where unfinished work is kept."""
        return self.output.with_name(f"{self.output.name}.partial")


def plan_batch(source: Path, output: Path | None, options: BatchOptions) -> BatchPlan:
    """A plan for extracting skills from every row of ``source`` into ``output``.

    Reads the input once or twice (to count, to hash), writes nothing.

    Args:
        source: CSV, TSV, JSON Lines, a JSON list of objects, or Parquet.
        output: ``.csv``, ``.tsv``, ``.jsonl`` or ``.parquet``; None for the input's name with
            ``.skills.jsonl`` in the current folder.
        options: the columns, and what else a caller may choose.

    Raises:
        UsageError: a path, a column or an option is wrong, or the output is there already.
        InputError: the input is no table, damaged as a whole, or not what its name says.
    """
    _check_options(options)
    if str(source) == "-":
        raise UsageError("the input is '-' (stdin)", expected="a file, which can be read again on resuming")
    target = output if output is not None else Path(f"{source.stem}.skills.jsonl")
    table_format = find_table_format(source)
    stamp = stamp_file(source)
    table = open_table(source, table_format)
    output_format = _find_output_format(source, target, overwrite=options.overwrite)
    overview = table.survey()
    _check_columns(table, overview, options)
    return BatchPlan(
        table=table,
        overview=overview,
        input_digest=_hash_file(source),
        input_stamp=stamp,
        output=target,
        output_format=output_format,
        added=_name_added_columns(source, overview.columns),
        options=options,
    )


def stamp_file(path: Path) -> tuple[int, int]:
    """The file's size in bytes and time of change in ns."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_options(options: BatchOptions) -> None:
    if options.chunk_size < 1:
        raise UsageError(f"a chunk size of {options.chunk_size}", expected="1 or more rows")
    if options.top is not None and options.top < 1:
        raise UsageError(f"top {options.top}", expected="1 or more skills")
    if options.threshold is not None and not 0 <= options.threshold <= 1:
        raise UsageError(f"a threshold of {options.threshold}", expected="a number from 0 to 1")


def _find_output_format(source: Path, output: Path, *, overwrite: bool) -> OutputFormat:
    suffix = output.suffix.lower()
    if suffix not in OUTPUT_SUFFIXES:
        raise UsageError(
            f"the output is named {output.name}", expected=f"a name in {', '.join(OUTPUT_SUFFIXES)}"
        )
    if output.is_dir():
        raise UsageError(f"{output} is a folder", expected="a file")
    if not output.parent.is_dir():
        raise UsageError(f"there is no folder {output.parent}", hint=f"mkdir -p {output.parent}")
    _check_replaceable(source, output, overwrite=overwrite)
    return OUTPUT_SUFFIXES[suffix]


def _check_replaceable(source: Path, output: Path, *, overwrite: bool) -> None:
    for written in (output, output.with_name(f"{output.name}.quarantine.jsonl")):
        if written.exists() and source.samefile(written):
            raise UsageError(f"{source} would be written over", hint="another --output")
    if output.exists() and not overwrite:
        raise UsageError(f"{output} is there already", hint="--overwrite to replace it, or another --output")


def _check_columns(table: Table, overview: Overview, options: BatchOptions) -> None:
    if not overview.columns:
        raise InputError(f"{table.path} has no row that is an object", expected="a table with named columns")
    for column in filter(None, (options.text_column, options.id_column)):
        if column not in overview.columns:
            raise UsageError(
                f"{table.path} has no column {column!r}", expected=f"one of {_list_names(overview.columns)}"
            )
    _check_holds_text(table, overview, options.text_column)


def _check_holds_text(table: Table, overview: Overview, column: str) -> None:
    kinds = overview.kinds[column]
    if kinds and "text" not in kinds:
        text_columns = [name for name, found in overview.kinds.items() if "text" in found]
        raise InputError(
            f"column {column!r} of {table.path} holds {', '.join(sorted(kinds))}",
            expected="text",
            hint=f"one of {_list_names(text_columns)}" if text_columns else "",
        )


def _list_names(names: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:30])
    return shown + (f" and {len(names) - 30} more" if len(names) > 30 else "")


def _name_added_columns(source: Path, columns: tuple[str, ...]) -> dict[str, str]:
    names = {}
    for name in ADDED_COLUMNS:
        free = next((candidate for candidate in (name, _PREFIX + name) if candidate not in columns), None)
        if free is None:
            raise UsageError(
                f"{source} has the columns {name!r} and {_PREFIX + name!r}, which the output adds",
                hint="rename or drop them; is it the output of another batch?",
            )
        names[name] = free
    return names
