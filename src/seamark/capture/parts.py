"""The archive's parts: Parquet objects of one stage and one day each, and what becomes of unfinished ones.

A part has its row before its object: with ``WRITING`` captures until the captures leave the database in the
transaction that gives it their number, and with ``GOING`` from the transaction that ends it until its object
is removed. So whoever is killed in between, no object is without its row, and a part counts or does not.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from seamark.capture.record import CapturedPrediction
from seamark.storage import archive_parts as rows
from seamark.storage.ids import make_id

if TYPE_CHECKING:
    import polars as pl

    from seamark.storage.archive_parts import ArchivePart
    from seamark.storage.workspace import Workspace

PREFIX = "captures"
"""The folder of the archive in the object store."""

_STALE = timedelta(hours=1)


def write_part(workspace: Workspace, stage: str, day: date, captured: Sequence[CapturedPrediction]) -> str:
    """The key of a new part with these captures, which does not count yet.

    Raises:
        StorageError: the object store or the database can't be written.
    """
    key = f"{PREFIX}/stage={stage}/day={day:%Y-%m-%d}/{make_id('part')}.parquet"
    part = rows.ArchivePart(key, stage, f"{day:%Y-%m-%d}", rows.WRITING, datetime.now(UTC))
    with workspace.database.begin() as connection:
        rows.add_part(connection, part)
    workspace.store.put(key, to_parquet(captured), create=True)
    return key


def read_part(workspace: Workspace, key: str) -> list[CapturedPrediction]:
    """The captures of a part.

    Raises:
        StorageError: it can't be read.
    """
    import polars as pl

    frame = pl.read_parquet(io.BytesIO(workspace.store.get(key)))
    return [
        CapturedPrediction(**{**row, "output": json.loads(row["output"])})
        for row in frame.iter_rows(named=True)
    ]


def read_ids(workspace: Workspace, key: str) -> list[tuple[str, str | None]]:
    """Of each capture of a part, its request id and the id of the request that it stands beside.

    Raises:
        StorageError: it can't be read.
    """
    import polars as pl

    source = workspace.store.local_path(key) or io.BytesIO(workspace.store.get(key))
    return pl.read_parquet(source, columns=["request_id", "answered_id"]).rows()


def sweep_parts(workspace: Workspace) -> None:
    """Remove the objects and rows of parts that do not count and that nobody is writing any more.

    Raises:
        StorageError: the object store or the database can't be written.
    """
    with workspace.database.read() as connection:
        unfinished = rows.list_unfinished_parts(connection, datetime.now(UTC) - _STALE)
    for part in unfinished:
        if part.captures == rows.GOING or _end_part(workspace, part):
            remove_part(workspace, part.key)


def remove_part(workspace: Workspace, key: str) -> None:
    """Remove a part that is going: its object, then its row.

    Raises:
        StorageError: the object store or the database can't be written.
    """
    workspace.store.delete(key)
    with workspace.database.begin() as connection:
        rows.delete_part(connection, key)


def drop_unfinished(workspace: Workspace, key: str) -> None:
    """Remove a part of one's own, unless it came to count.

    Raises:
        StorageError: the object store or the database can't be written.
    """
    with workspace.database.begin() as connection:
        rows.change_part(connection, key, before=rows.WRITING, after=rows.GOING)
        counted = rows.is_counted(
            connection, key
        )  # its transaction was committed, and something failed behind it
    if not counted:
        remove_part(workspace, key)


def to_parquet(captured: Sequence[CapturedPrediction]) -> bytes:
    """The captures as a Parquet file; ``output`` as JSON text."""
    import polars as pl

    names = CapturedPrediction.__dataclass_fields__
    records = [{name: getattr(one, name) for name in names} for one in captured]
    for record in records:
        record["output"] = json.dumps(record["output"], ensure_ascii=False)
    buffer = io.BytesIO()
    pl.DataFrame(records, schema=_make_schema()).write_parquet(buffer)
    return buffer.getvalue()


def _make_schema() -> dict[str, pl.DataType | type[pl.DataType]]:
    import polars as pl

    kinds: dict[str, Any] = {"at": pl.Datetime("us", "UTC"), "latency_ms": pl.Float64}
    return {name: kinds.get(name, pl.String) for name in CapturedPrediction.__dataclass_fields__}


def _end_part(workspace: Workspace, part: ArchivePart) -> bool:
    """Take a part from whoever was writing it; its writer, should it live, then keeps its captures."""
    with workspace.database.begin() as connection:
        return rows.change_part(connection, part.key, before=rows.WRITING, after=rows.GOING)
