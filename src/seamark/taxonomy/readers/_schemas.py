"""pandera schemas of the readers' tables: the checks they share, and their failing cases.

The module is imported when a user's file is read, for pandera takes a third of a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from seamark.taxonomy.report import Action

# A check's name in a failing case → what becomes of the row, and why.
_MEANINGS: dict[str, tuple[Action, str]] = {}


def _check(name: str, action: Action, reason: str, make_expression: Any) -> pa.Check:
    _MEANINGS[name] = (action, reason)
    return pa.Check(lambda data: data.lazyframe.select(make_expression(pl.col(data.key))), name=name)


def required() -> pa.Check:
    """Rejects a row whose cell is empty."""
    return _check("required", "rejected", "the cell is empty", lambda column: column.str.len_chars() > 0)


def wanted(reason: str) -> pa.Check:
    """Notes a row whose cell is empty; the row is used."""
    return _check(f"wanted: {reason}", "repaired", reason, lambda column: column.str.len_chars() > 0)


def unique(reason: str) -> pa.Check:
    """Rejects a row whose cell stood in an earlier row; empty cells do not count."""
    return _check(
        f"unique: {reason}", "rejected", reason, lambda column: column.is_first_distinct() | (column == "")
    )


def one_of(values: Sequence[str], reason: str) -> pa.Check:
    """Rejects a row whose cell is none of ``values``; case does not count, nor do empty cells."""
    allowed = [*(value.casefold() for value in values), ""]
    return _check(
        f"one_of: {reason}", "rejected", reason, lambda column: column.str.to_lowercase().is_in(allowed)
    )


def among(values: Sequence[str], reason: str) -> pa.Check:
    """Notes a row whose cell is none of ``values``; the row is used."""
    allowed = [*(value.casefold() for value in values), ""]
    return _check(
        f"among: {reason}", "repaired", reason, lambda column: column.str.to_lowercase().is_in(allowed)
    )


def make_schema(columns: Mapping[str, Sequence[pa.Check]]) -> pa.DataFrameSchema:
    """A schema of text columns with these checks; other columns are let through."""
    return pa.DataFrameSchema({key: pa.Column(str, list(checks)) for key, checks in columns.items()})


def find_failures(
    columns: Mapping[str, list[str]], schema: pa.DataFrameSchema
) -> list[tuple[int, str, Action, str]]:
    """Position, column, action and reason of each failing case, in the order of rows."""
    frame = pl.DataFrame(dict(columns), schema=dict.fromkeys(columns, pl.String))
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
        found = [
            (int(row["index"]), str(row["column"]), *_MEANINGS[str(row["check"])])
            for row in cases.iter_rows(named=True)
        ]
        return sorted(found, key=lambda item: item[0])
    return []
