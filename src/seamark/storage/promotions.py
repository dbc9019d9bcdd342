"""Rows of promotions: every change of a stage, asked for or done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, insert, select, update

from seamark.storage.tables import promotions, stages

PLACEMENT_KINDS = ("promotion", "automatic", "rollback")
"""Kinds that put a version on the stage itself; a canary only stands beside it."""

IN_FORCE = ("approved", "live")
"""Statuses of what was decided and has not failed."""

_LEAST_STEP = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class PromotionRecord:
    """One change of a stage, as the database has it.

    Attributes:
        id: such as ``promotion-20261121T091530-4f3a9c``.
        stage: ``dev``, ``uat`` or ``prod``.
        version: what goes on the stage; for a rollback, what comes back.
        kind: ``promotion``, ``rollback``, ``automatic`` (a registration on DEV) or ``canary``.
        status: ``waiting``, then ``rejected``, ``withdrawn`` or ``approved``; ``approved`` becomes ``live`` once
            a server answers with the version, or ``failed``.
        requested_by: who asked.
        requested_at: when, in UTC.
        replaces: the version on the stage when it was decided (when it was asked for, while it waits).
        share: percentage of the requests, 0-100, that a canary answers; None for the other kinds.
        reason: why it was asked for.
        evidence: a summary of what was measured for it.
        object_keys: name → key of its files in the object store.
        decided_by: who approved or rejected it; None while it waits, and where it was withdrawn.
        decided_at: when, in UTC. No two approvals on one stage have the same time.
        decision_reason: why it was decided, or withdrawn, so.
        live_at: when the first server answered with it, in UTC.
        ended_at: when it was rejected, withdrawn or failed, or, for a canary, stopped; in UTC.
        error: why it failed.
    """

    id: str
    stage: str
    version: str
    kind: str
    status: str
    requested_by: str
    requested_at: datetime
    replaces: str | None = None
    share: float | None = None
    reason: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    object_keys: dict[str, str] = field(default_factory=dict)
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision_reason: str = ""
    live_at: datetime | None = None
    ended_at: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Placement:
    """What a stage's history needs of a decided promotion.

    Attributes:
        id: the promotion's.
        version: what it put on the stage.
        kind: one of :data:`PLACEMENT_KINDS`.
        status: ``approved``, ``live`` or ``failed``.
        replaces: what was on the stage before.
        decided_at: when, in UTC.
    """

    id: str
    version: str
    kind: str
    status: str
    replaces: str | None
    decided_at: datetime


_FIELDS = tuple(PromotionRecord.__dataclass_fields__)
_COLUMNS = [promotions.c[name] for name in _FIELDS]
_PLACEMENT_COLUMNS = [promotions.c[name] for name in Placement.__dataclass_fields__]


def add_promotion(connection: Connection, record: PromotionRecord) -> None:
    """Add the row. The stage is locked by then (:func:`seamark.storage.stages.lock_stage`).

    A decision that is not later than the newest one on the stage, because of another machine's clock, gets
    the next microsecond: their order is the stage's history.
    """
    values = {name: getattr(record, name) for name in _FIELDS}
    if record.decided_at is not None:
        values["decided_at"] = choose_moment(connection, record.stage, record.decided_at)
    connection.execute(insert(promotions).values(values))


def update_promotion(connection: Connection, promotion_id: str, **values: Any) -> None:
    """Set columns of one row."""
    connection.execute(update(promotions).where(promotions.c.id == promotion_id).values(values))


def choose_moment(connection: Connection, stage: str, now: datetime) -> datetime:
    """``now``, or just after the newest decision on the stage where that is not before it."""
    newest = connection.execute(
        select(promotions.c.decided_at)
        .where(promotions.c.stage == stage, promotions.c.decided_at.is_not(None))
        .order_by(promotions.c.decided_at.desc())
        .limit(1)
    ).scalar()
    return now if newest is None or newest < now else newest + _LEAST_STEP


def find_promotion(connection: Connection, promotion_id: str) -> PromotionRecord | None:
    """The promotion with this id; None where there is none."""
    query = select(*_COLUMNS).where(promotions.c.id == promotion_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else PromotionRecord(**row)


def list_promotions(
    connection: Connection,
    *,
    stage: str | None = None,
    version: str | None = None,
    kind: str | None = None,
    status: str | None = None,
    limit: int | None = None,
) -> list[PromotionRecord]:
    """Promotions, the newest request first; only those of a stage, a version, a kind or a status where it is given."""
    query = select(*_COLUMNS).order_by(promotions.c.requested_at.desc(), promotions.c.id.desc()).limit(limit)
    wanted = {"stage": stage, "version": version, "kind": kind, "status": status}
    for name, value in wanted.items():
        query = query if value is None else query.where(promotions.c[name] == value)
    return [PromotionRecord(**row) for row in connection.execute(query).mappings()]


def list_placements(connection: Connection, stage: str) -> list[Placement]:
    """Everything that ever put a version on the stage, in the order in which it was decided, failures too."""
    query = _select_placements((*IN_FORCE, "failed")).where(promotions.c.stage == stage)
    return [Placement(*row) for row in connection.execute(query.order_by(promotions.c.decided_at))]


def find_current_placements(connection: Connection) -> dict[str, Placement]:
    """Stage → the newest placement of the version that is on it now, where there is one."""
    on_stage = and_(stages.c.name == promotions.c.stage, stages.c.version == promotions.c.version)
    query = (
        _select_placements(IN_FORCE)
        .add_columns(stages.c.name)
        .join_from(promotions, stages, on_stage)
        .order_by(promotions.c.decided_at)
    )
    return {row[-1]: Placement(*row[:-1]) for row in connection.execute(query)}


def _select_placements(statuses: Sequence[str]) -> Select[Any]:
    return select(*_PLACEMENT_COLUMNS).where(
        promotions.c.kind.in_(PLACEMENT_KINDS), promotions.c.status.in_(statuses)
    )
