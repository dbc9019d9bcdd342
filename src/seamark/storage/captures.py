"""Rows of captured predictions, and of those that were deleted for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    bindparam,
    cast,
    delete,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

from seamark.storage.tables import capture_removals, captures

_CHUNK = 400  # ids in one query: SQLite and PostgreSQL bound the number of parameters


@dataclass(frozen=True, slots=True)
class CapturedPrediction:
    """What was asked, what was answered, by which version, when and for whom.

    Attributes:
        request_id: the prediction's, unlike any other's.
        stage: ``dev``, ``uat`` or ``prod``.
        version: the version that predicted, X.Y.Z.
        role: what it was on the stage: ``champion``, ``canary`` or ``shadow``.
        at: when, aware; kept in UTC.
        input: the text.
        output: the skills, each as the wire format names it.
        latency_ms: milliseconds from when the request came until all its texts were predicted, the wait for the model's
            turn among them; of a shadow's prediction from when the answer had left.
        caller: who asked.
        document_id: the caller's own id of the text.
        kind: ``posting``, ``course`` or ``other``; empty: not said.
        sector: the text's sector; empty: not said.
        answered_id: of a shadow's prediction: the request that was answered beside it.
    """

    request_id: str
    stage: str
    version: str
    role: str
    at: datetime
    input: str
    output: Sequence[dict[str, Any]]
    latency_ms: float
    caller: str
    document_id: str = ""
    kind: str = ""
    sector: str = ""
    answered_id: str | None = None


@dataclass(frozen=True, slots=True)
class CaptureCount:
    """How many captures the database has of one version in one role on one stage.

    Attributes:
        stage: the stage.
        version: the version.
        role: its role.
        captures: how many.
        first: when the oldest was made.
        last: when the newest was made.
    """

    stage: str
    version: str
    role: str
    captures: int
    first: datetime
    last: datetime


_CAPTURE = [captures.c[name] for name in CapturedPrediction.__dataclass_fields__]


def add_captures(connection: Connection, records: Sequence[CapturedPrediction]) -> int:
    """Insert what is new of these and was not deleted for good.

    Until the transaction ends nobody deletes a capture for good: else the row inserted here, which the
    deletion can't see yet, would outlive it.

    Returns:
        How many of them the database is to have: the others were deleted for good.
    """
    if not records:
        return 0
    if connection.dialect.name == "postgresql":  # on SQLite there is one writer at a time
        connection.execute(text("LOCK TABLE capture_removals IN SHARE MODE"))
    removed = _find_removed(connection, {one.request_id for one in records} | _list_answered(records))
    rows = [_to_row(one) for one in records if not removed & {one.request_id, one.answered_id}]
    if rows:
        connection.execute(_insert_new(connection), rows)
    return len(rows)


def get_capture(connection: Connection, request_id: str) -> CapturedPrediction | None:
    """The capture of a request; None where the database has none."""
    row = connection.execute(select(*_CAPTURE).where(captures.c.request_id == request_id)).one_or_none()
    return None if row is None else CapturedPrediction(*row)


def list_captures(
    connection: Connection,
    *,
    stage: str | None = None,
    version: str | None = None,
    role: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = 100,
) -> list[CapturedPrediction]:
    """Captures, the newest first; ``since`` counts, ``until`` does not."""
    query = select(*_CAPTURE).order_by(captures.c.at.desc(), captures.c.request_id)
    for column, wanted in ((captures.c.stage, stage), (captures.c.version, version), (captures.c.role, role)):
        query = query if wanted is None else query.where(column == wanted)
    query = query if since is None else query.where(captures.c.at >= since)
    query = query if until is None else query.where(captures.c.at < until)
    return [CapturedPrediction(*row) for row in connection.execute(query.limit(limit))]


def count_captures(connection: Connection) -> list[CaptureCount]:
    """How many captures there are, by stage, version and role."""
    columns = (captures.c.stage, captures.c.version, captures.c.role)
    counted = select(*columns, func.count(), func.min(captures.c.at), func.max(captures.c.at))
    query = counted.group_by(*columns).order_by(*columns)
    return [CaptureCount(*row) for row in connection.execute(query)]


def find_ids(connection: Connection, request_id: str) -> list[str]:
    """The request's own id and those of the shadows beside it, where the database has captures of them."""
    query = select(captures.c.request_id).where(_concerns(request_id)).order_by(captures.c.request_id)
    return list(connection.execute(query).scalars())


def delete_captures(connection: Connection, request_ids: Sequence[str]) -> int:
    """Delete the captures with these ids; returns how many there were.

    SQLite overwrites what it deletes from here on, so that nothing of it can be read from the file.
    """
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA secure_delete=ON"))
    deleted = 0
    for start in range(0, len(request_ids), _CHUNK):
        chosen = captures.c.request_id.in_(request_ids[start : start + _CHUNK])
        deleted += connection.execute(delete(captures).where(chosen)).rowcount
    return deleted


def add_removal(connection: Connection, request_id: str, now: datetime) -> None:
    """Note that a request's captures are deleted for good; waits for whoever is adding captures."""
    row = {"request_id": request_id, "removed_at": now}
    connection.execute(_make_insert(connection, capture_removals).on_conflict_do_nothing(), row)


def is_removed(connection: Connection, request_id: str) -> bool:
    """Whether the request's captures were deleted for good."""
    return bool(_find_removed(connection, {request_id}))


def list_stage_days(connection: Connection, before: date) -> list[tuple[str, date]]:
    """The stages and days (UTC) before a day of which the database has captures, the oldest first."""
    found: list[tuple[str, date]] = []
    end = _start_of(before)
    for stage in connection.execute(select(captures.c.stage).distinct()).scalars().all():
        oldest = select(func.min(captures.c.at)).where(captures.c.stage == stage, captures.c.at < end)
        while (at := connection.execute(oldest).scalar_one()) is not None:
            found.append((stage, at.date()))
            after = captures.c.at >= _start_of(at.date() + timedelta(days=1))
            oldest = select(func.min(captures.c.at)).where(
                captures.c.stage == stage, captures.c.at < end, after
            )
    return sorted(found, key=lambda one: (one[1], one[0]))


def list_day(connection: Connection, stage: str, day: date, *, limit: int) -> list[CapturedPrediction]:
    """Captures of a stage and a day (UTC), at most so many, in the order of their ids."""
    query = select(*_CAPTURE).where(*_within(stage, day)).order_by(captures.c.request_id).limit(limit)
    return [CapturedPrediction(*row) for row in connection.execute(query)]


def delete_day(connection: Connection, stage: str, day: date) -> int:
    """Delete the captures of a stage and a day (UTC); returns how many there were."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA secure_delete=ON"))
    return connection.execute(delete(captures).where(*_within(stage, day))).rowcount


def _find_removed(connection: Connection, request_ids: set[str]) -> set[str]:
    ids, found = sorted(request_ids), set[str]()
    for start in range(0, len(ids), _CHUNK):
        chosen = capture_removals.c.request_id.in_(ids[start : start + _CHUNK])
        found.update(connection.execute(select(capture_removals.c.request_id).where(chosen)).scalars())
    return found


def _list_answered(records: Sequence[CapturedPrediction]) -> set[str]:
    return {one.answered_id for one in records if one.answered_id is not None}


def _insert_new(connection: Connection) -> Any:
    """An insert that takes ``output`` as JSON text already: a server moves many, and SQLAlchemy's own takes longest."""
    output: Any = bindparam("output", type_=Text)
    if connection.dialect.name == "postgresql":
        output = cast(output, captures.c.output.type)
    names = CapturedPrediction.__dataclass_fields__
    values = {name: output if name == "output" else bindparam(name) for name in names}
    made = _make_insert(connection, captures).values(values)
    return made.on_conflict_do_nothing(index_elements=["request_id"])


def _make_insert(connection: Connection, table: Any) -> Any:
    """An insert that can leave what is there: each database's own."""
    made = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return made(table)


def _to_row(record: CapturedPrediction) -> dict[str, Any]:
    from pydantic_core import to_json

    row = {name: getattr(record, name) for name in CapturedPrediction.__dataclass_fields__}
    return row | {"output": to_json(record.output).decode()}


def _concerns(request_id: str) -> ColumnElement[bool]:
    return or_(captures.c.request_id == request_id, captures.c.answered_id == request_id)


def _within(stage: str, day: date) -> tuple[ColumnElement[bool], ...]:
    end = _start_of(day + timedelta(days=1))
    return captures.c.stage == stage, captures.c.at >= _start_of(day), captures.c.at < end


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
