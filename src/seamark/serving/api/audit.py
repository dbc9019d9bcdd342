"""The audit trail: reading it, and finding out whether somebody changed it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query

from seamark.governance import audit
from seamark.governance.actors import Actor
from seamark.serving.api.fields import Answer, Facts, Limit, OpenWorkspace, Time
from seamark.serving.dependencies import make_router, require_action
from seamark.storage.audit import AuditEvent

router = make_router(tag="audit")

_NEWEST = 2**63 - 1
_Filter = Annotated[str | None, Query(max_length=300, pattern=r"^[^\x00]*$")]


class Event(Answer):
    """Something that somebody did, or was refused."""

    seq: int
    at: Time
    actor: str
    actor_kind: str
    via: str
    address: str
    action: str
    subject: str
    outcome: str
    reason: str
    before: Facts
    after: Facts
    previous: str
    digest: str


class Events(Answer):
    """Events, the newest first."""

    events: list[Event]


class Head(Answer):
    """An event's number and digest."""

    seq: int
    digest: str


class Fault(Answer):
    """Something that shows that the trail was changed."""

    seq: int
    kind: str
    message: str


class TrailAnswer(Answer):
    """Whether the trail is as it was written."""

    sound: bool
    events: int
    head: Head
    anchored: Head | None
    faults: list[Fault]


@router.get("/audit", response_model=Events)
def list_events(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("audit.read"))],
    by: _Filter = None,
    action: _Filter = None,
    subject: _Filter = None,
    before: Annotated[int | None, Query(ge=1, le=_NEWEST, description="Only lower numbers.")] = None,
    limit: Limit = 100,
) -> dict[str, list[AuditEvent]]:
    """Events, the newest first."""
    found = audit.list_events(
        workspace, actor, by=by, action=action, subject=subject, before=before, limit=limit
    )
    return {"events": found}


@router.get("/audit/verify", response_model=TrailAnswer)
def verify_trail(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("audit.read"))],
    expect: Annotated[
        str | None,
        Query(
            max_length=100,
            pattern=r"^\d{1,18}:[0-9a-fA-F]{64}$",
            description="SEQ:DIGEST of an event that an auditor knows there was.",
        ),
    ] = None,
) -> Any:
    """Read the whole trail, and say whether it is as it was written."""
    return audit.verify_trail(workspace, actor, expect=audit.parse_head(expect) if expect else None)
