"""The finished table: the input's columns and, beside them, what was predicted."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seamark.errors import StorageError
from seamark.extraction.batch._plan import BatchPlan
from seamark.extraction.batch._storage import ROWS_ARE_KEPT, explain_write_error
from seamark.extraction.batch._tables import Overview, ParquetTable, Row
from seamark.extraction.batch._values import dump_json, to_cell
from seamark.extraction.batch._work import Record

if TYPE_CHECKING:
    import polars as pl

Pair = tuple[Row, Record]
_FRAME_ROWS = 4096
_NO_ROOM = 1024 * 1024


def write_table(plan: BatchPlan, pairs: Iterable[Pair], path: Path) -> None:
    """Write every row with its record to ``path``, in the plan's output format.

    Raises:
        OSError: the file can't be written.
    """
    if plan.output_format == "parquet":
        _write_parquet(plan, iter(pairs), path)
        return
    write: Callable[[BatchPlan, Iterable[Pair], Any], None]
    write = _write_json_lines if plan.output_format == "jsonl" else _write_csv
    with path.open("w", encoding="utf-8", newline="") as file:
        write(plan, pairs, file)
        file.flush()


def _name_values(plan: BatchPlan, record: Record) -> dict[str, Any]:
    """What the output adds to a row, by the names it has there."""
    values = record | {"extractStatus": record["status"]}
    return {name: values[field] for field, name in plan.added.items()}


def _write_json_lines(_plan: BatchPlan, pairs: Iterable[Pair], file: Any) -> None:
    for row, record in pairs:
        file.write(dump_json(row.columns | _name_values(_plan, record)) + "\n")


def _write_csv(plan: BatchPlan, pairs: Iterable[Pair], file: Any) -> None:
    delimiter = "\t" if plan.output_format == "tsv" else ","
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    columns = plan.overview.columns
    writer.writerow([*columns, *plan.added.values()])
    for row, record in pairs:
        cells = [to_cell(row.columns.get(column)) for column in columns]
        writer.writerow([*cells, *map(to_cell, _name_values(plan, record).values())])


def _write_parquet(plan: BatchPlan, pairs: Iterator[Pair], path: Path) -> None:
    """Write frame after frame to files of their own, then stream them into one.

    Polars writes a Parquet file in one go; this way the rows in memory stay bounded.
    """
    import polars as pl

    try:
        pieces = []
        for number, frame in enumerate(_make_frames(plan, pairs)):
            piece = path.with_name(f"joined-{number:06d}.piece")
            frame.write_parquet(piece)
            pieces.append(piece)
        pl.scan_parquet(pieces, glob=False).sink_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise _explain_polars_error(error, plan.output) from error
    except OSError as error:
        raise explain_write_error(_recover_errno(error), plan.output, hint=ROWS_ARE_KEPT) from error
    for piece in pieces:
        piece.unlink()


def _explain_polars_error(error: Exception, path: Path) -> StorageError:
    """The error for people; Polars swallows the number that would say that the disk is full."""
    is_full = shutil.disk_usage(path.parent).free < _NO_ROOM
    reason = "the disk is full" if is_full else (str(error).splitlines() or ["no reason given"])[0]
    return StorageError(f"{path} can't be written: {reason}", hint=ROWS_ARE_KEPT)


def _recover_errno(error: OSError) -> OSError:
    """The error with its number: Polars' own errors only say ``(os error 28)``."""
    text = str(error)
    if error.errno is None and "(os error " in text:
        number = text.partition("(os error ")[2].partition(")")[0]
        return OSError(int(number), text.splitlines()[0]) if number.isdecimal() else error
    return error


def _make_frames(plan: BatchPlan, pairs: Iterator[Pair]) -> Iterator[pl.DataFrame]:
    made = _frame_rows(plan, pairs)
    if isinstance(plan.table, ParquetTable):
        made = _extend_frames(plan, plan.table.read_frames(_FRAME_ROWS), pairs)
    first = next(made, None)
    yield _make_empty_frame(plan) if first is None else first
    yield from made


def _extend_frames(
    plan: BatchPlan, frames: Iterator[pl.DataFrame], pairs: Iterator[Pair]
) -> Iterator[pl.DataFrame]:
    for frame in frames:
        yield frame.hstack(_frame_added(plan, islice(pairs, frame.height)))


def _frame_rows(plan: BatchPlan, pairs: Iterator[Pair]) -> Iterator[pl.DataFrame]:
    while batch := list(islice(pairs, _FRAME_ROWS)):
        rows = _frame_columns(plan.overview, [row for row, _ in batch])
        yield rows.hstack(_frame_added(plan, batch))


def _make_empty_frame(plan: BatchPlan) -> pl.DataFrame:
    import polars as pl

    if isinstance(plan.table, ParquetTable):
        rows = pl.scan_parquet(plan.table.path, glob=False).head(0).collect()
    else:
        rows = _frame_columns(plan.overview, [])
    return rows.hstack(_frame_added(plan, []))


def _frame_columns(overview: Overview, rows: list[Row]) -> pl.DataFrame:
    """The input's columns in a type that holds all their values; mixed kinds become text."""
    import polars as pl

    types: dict[frozenset[str], Any] = {
        frozenset({"bool"}): pl.Boolean,
        frozenset({"int"}): pl.Int64,
        frozenset({"float"}): pl.Float64,
        frozenset({"int", "float"}): pl.Float64,
    }
    series = []
    for column in overview.columns:
        dtype = types.get(overview.kinds[column], pl.String)
        values = [row.columns.get(column) for row in rows]
        if dtype == pl.String:
            values = [None if value is None else to_cell(value) for value in values]
        elif dtype == pl.Float64:
            values = [None if value is None else float(value) for value in values]
        series.append(pl.Series(column, values, dtype=dtype))
    return pl.DataFrame(series)


def _frame_added(plan: BatchPlan, pairs: Iterable[Pair]) -> pl.DataFrame:
    import polars as pl

    values = [_name_values(plan, record) for _, record in pairs]
    text: Any = pl.String
    schema = dict.fromkeys(plan.added.values(), text)
    schema[plan.added["skillExtractOutput"]] = make_skills_dtype()
    return pl.DataFrame(values, schema=schema)


def make_skills_dtype() -> pl.DataType:
    """The Parquet type of ``skillExtractOutput``: the wire format's fields, nested."""
    import polars as pl

    span = pl.Struct(
        {"start": pl.Int64, "end": pl.Int64, "text": pl.String, "label": pl.String, "score": pl.Float64}
    )
    return pl.List(
        pl.Struct(
            {
                "skill_id": pl.String,
                "skillTitle": pl.String,
                "skillType": pl.String,
                "proficiencyLevel": pl.String,
                "confidenceScore": pl.Float64,
                "skillTags": pl.List(pl.String),
                "phrase": pl.String,
                "skillOccurrence": pl.Int64,
                "evidence": pl.List(span),
            }
        )
    )
