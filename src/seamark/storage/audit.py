"""Rows of the audit trail: a chain in which every row holds the digest of the row before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from seamark.storage.inserting import try_insert
from seamark.storage.tables import audit_events, audit_head

START = "0" * 64
"""What the first event names as the digest before it."""

_HEAD = 1


@dataclass(frozen=True, slots=True)
class AuditHead:
    """Where the trail ends.

    Attributes:
        seq: the newest event's number; 0 before the first.
        digest: the newest event's.
    """

    seq: int
    digest: str


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that somebody did, or was refused.

    Attributes:
        seq: its number, from 1 without gaps.
        at: when, in UTC.
        actor: who.
        actor_kind: ``person``, ``token`` or ``system``.
        via: the door: ``cli``, ``http``, ``console`` or ``pipeline``.
        address: where from.
        action: what, a name of ``seamark.governance.actions.ACTIONS``.
        subject: to what.
        outcome: ``done`` or ``denied``.
        reason: why, in the words of whoever asked.
        before: the facts that changed, as they were.
        after: as they were afterwards.
        previous: digest of the event before.
        digest: SHA-256 in hex of all of this but itself.
    """

    seq: int
    at: datetime
    actor: str
    actor_kind: str
    via: str
    address: str
    action: str
    subject: str
    outcome: str
    reason: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    previous: str
    digest: str


_COLUMNS = [audit_events.c[name] for name in AuditEvent.__dataclass_fields__]


def append_event(
    connection: Connection,
    *,
    actor: str,
    action: str,
    actor_kind: str = "",
    via: str = "",
    address: str = "",
    subject: str = "",
    outcome: str = "done",
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> int:
    """The number of a new event at the trail's end; the trail is locked until the transaction ends."""
    head = _lock_head(connection)
    facts: dict[str, Any] = {
        "seq": head.seq + 1,
        "at": datetime.now(UTC),
        "actor": actor,
        "actor_kind": actor_kind,
        "via": via,
        "address": address,
        "action": action,
        "subject": subject,
        "outcome": outcome,
        "reason": reason,
        "before": _to_plain(before or {}),
        "after": _to_plain(after or {}),
        "previous": head.digest,
    }
    digest = digest_event(facts)
    connection.execute(insert(audit_events).values(**facts, digest=digest))
    values = {"seq": facts["seq"], "digest": digest}
    connection.execute(update(audit_head).where(audit_head.c.id == _HEAD).values(values))
    return int(facts["seq"])


def digest_event(facts: Mapping[str, Any]) -> str:
    """SHA-256 in hex of an event's facts as JSON: keys sorted, no blanks, the time in ISO 8601 UTC, no digest."""
    told = {name: value for name, value in facts.items() if name != "digest"}
    told["at"] = told["at"].astimezone(UTC).isoformat(timespec="microseconds")
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def read_head(connection: Connection) -> AuditHead | None:
    """Where the trail ends, as the head's row says; None before the first event."""
    row = connection.execute(select(audit_head.c.seq, audit_head.c.digest)).one_or_none()
    return None if row is None else AuditHead(*row)


def read_digest(connection: Connection, seq: int) -> str | None:
    """The digest of the event with this number; None where there is none. Before the first one it is :data:`START`."""
    if seq == 0:
        return START
    return connection.execute(
        select(audit_events.c.digest).where(audit_events.c.seq == seq)
    ).scalar_one_or_none()


def list_events(
    connection: Connection,
    *,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[AuditEvent]:
    """The newest events first, only those of an actor, an action, a subject, or below a number where it is given."""
    query = select(*_COLUMNS).order_by(audit_events.c.seq.desc()).limit(limit)
    for column, wanted in ((audit_events.c.actor, actor), (audit_events.c.action, action)):
        query = query if wanted is None else query.where(column == wanted)
    if subject is not None:
        query = query.where(audit_events.c.subject == subject)
    if before is not None:
        query = query.where(audit_events.c.seq < before)
    return [AuditEvent(*row) for row in connection.execute(query)]


def _lock_head(connection: Connection) -> AuditHead:
    chosen = select(audit_head.c.seq, audit_head.c.digest).where(audit_head.c.id == _HEAD).with_for_update()
    row = connection.execute(chosen).one_or_none()
    if row is None:
        try_insert(connection, insert(audit_head).values(id=_HEAD, seq=0, digest=START))
        row = connection.execute(chosen).one()
    return AuditHead(*row)


def _to_plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts as JSON will give them back, so that the digest of what is read is that of what was written."""
    plain: dict[str, Any] = json.loads(json.dumps(facts, default=str))
    return plain
