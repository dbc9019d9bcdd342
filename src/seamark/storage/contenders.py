"""Rows of what stages run beside their version, and of how people set stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from seamark.storage.inserting import try_insert
from seamark.storage.tables import contenders, stage_settings


@dataclass(frozen=True, slots=True)
class ContenderRecord:
    """A version that sees a share of a stage's requests beside the stage's own.

    Attributes:
        stage: whose requests.
        kind: ``shadow`` (never answers) or ``canary`` (answers its share).
        version: the version.
        share: percentage of the requests, 0-100.
        started_by: who started it.
        started_at: when, in UTC.
        promotion_id: the canary's promotion; None for a shadow.
    """

    stage: str
    kind: str
    version: str
    share: float
    started_by: str
    started_at: datetime
    promotion_id: str | None = None


_FIELDS = tuple(ContenderRecord.__dataclass_fields__)


def put_contender(connection: Connection, record: ContenderRecord) -> ContenderRecord | None:
    """The contender of that stage and kind is this one now; the one that it takes the place of."""
    before = remove_contender(connection, record.stage, record.kind)
    connection.execute(insert(contenders).values({name: getattr(record, name) for name in _FIELDS}))
    return before


def remove_contender(connection: Connection, stage: str, kind: str) -> ContenderRecord | None:
    """The contender that the stage had, which it has no more; None where it had none."""
    found = find_contender(connection, stage, kind)
    if found is not None:
        connection.execute(delete(contenders).where(contenders.c.stage == stage, contenders.c.kind == kind))
    return found


def find_contender(connection: Connection, stage: str, kind: str) -> ContenderRecord | None:
    """The stage's contender of this kind; None where it has none."""
    found = [each for each in list_contenders(connection) if (each.stage, each.kind) == (stage, kind)]
    return found[0] if found else None


def list_contenders(connection: Connection) -> list[ContenderRecord]:
    """Every contender, by stage and kind."""
    query = select(*(contenders.c[name] for name in _FIELDS)).order_by(contenders.c.stage, contenders.c.kind)
    return [ContenderRecord(**row) for row in connection.execute(query).mappings()]


def read_stage_values(connection: Connection) -> dict[str, dict[str, Any]]:
    """Stage → what people set for it; a stage that nobody set is not there."""
    query = select(stage_settings.c.stage, stage_settings.c["values"])
    return {stage: dict(values or {}) for stage, values in connection.execute(query)}


def set_stage_values(
    connection: Connection, stage: str, values: Mapping[str, Any], *, changed_at: datetime
) -> None:
    """This is what people set for the stage, from now on."""
    facts = {"values": dict(values), "changed_at": changed_at}
    if not try_insert(connection, insert(stage_settings).values(stage=stage, **facts)):
        connection.execute(update(stage_settings).where(stage_settings.c.stage == stage).values(facts))
