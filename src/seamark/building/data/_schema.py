"""The pandera schema of labelled examples; imported only when a file is read, as pandera is slow to load."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

_NAMED = "content"


def find_failures(
    columns: Mapping[str, Sequence[str]],
    *,
    verdicts: Collection[str],
    kinds: Collection[str],
    limits: Mapping[str, int],
) -> list[tuple[int, str, str]]:
    """Position, column and reason of each failing case, in the order of rows.

    Args:
        columns: our column names → cells, a missing column all empty.
        verdicts: what ``relevant`` may hold, in lower case.
        kinds: what ``kind`` may hold.
        limits: column → most characters.
    """
    frame = pl.DataFrame(dict(columns), schema=dict.fromkeys(columns, pl.String))
    frame = frame.with_columns(pl.concat_str("text", "phrase").alias(_NAMED))
    try:
        _make_schema(verdicts, kinds, limits).validate(frame, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases.iter_rows(named=True)
        found = [(int(case["index"]), str(case["column"]), str(case["check"])) for case in cases]
        return sorted(found, key=lambda item: item[0])
    return []


def _make_schema(
    verdicts: Collection[str], kinds: Collection[str], limits: Mapping[str, int]
) -> pa.DataFrameSchema:
    lengths = {
        name: _check(f"longer than {limit:,} characters", lambda column, n=limit: column.str.len_chars() <= n)
        for name, limit in limits.items()
    }
    checks = lengths | {
        _NAMED: _check("neither a text nor a phrase", lambda column: column.str.len_chars() > 0),
        "relevant": _check_among("not yes or no", verdicts),
        "kind": _check_among(f"not one of {', '.join(kinds)}", kinds),
    }
    return pa.DataFrameSchema({name: pa.Column(str, check) for name, check in checks.items()})


def _check_among(reason: str, values: Collection[str]) -> pa.Check:
    allowed = ["", *values]
    return _check(reason, lambda column: column.str.to_lowercase().is_in(allowed))


def _check(reason: str, make_expression: Any) -> pa.Check:
    return pa.Check(lambda data: data.lazyframe.select(make_expression(pl.col(data.key))), name=reason)
