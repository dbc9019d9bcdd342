"""Captured predictions: reading, deleting and archiving them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Query
from pydantic import AfterValidator, AwareDatetime

from seamark.capture import reading
from seamark.capture.archive import archive_captures
from seamark.capture.record import CapturedPrediction
from seamark.capture.removing import Removal, remove_capture
from seamark.governance.actors import Actor
from seamark.serving.api.fields import Answer, Facts, Limit, OpenWorkspace, QueryText, StageName, Time
from seamark.serving.dependencies import make_router, require_action

router = make_router(tag="captures")

_RequestId = Annotated[str, Path(max_length=128, pattern=r"^[A-Za-z0-9._:-]+$")]


def _to_utc(moment: datetime) -> datetime:
    """The same moment in UTC, which the first and the last year may not have."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("this moment is outside of the calendar in UTC") from error


_Moment = Annotated[
    Annotated[AwareDatetime, AfterValidator(_to_utc)] | None, Query(description="In ISO 8601, with its zone.")
]


class Capture(Answer):
    """A prediction as it was captured; its texts are redacted where that is set."""

    request_id: str
    stage: str
    version: str
    role: str
    answered_id: str | None
    at: Time
    input: str
    output: list[Facts]
    latency_ms: float
    caller: str
    document_id: str
    kind: str
    sector: str


class Captures(Answer):
    """Captures, the newest first."""

    captures: list[Capture]


class Removed(Answer):
    """What was deleted."""

    request_id: str
    captures: int
    spooled: bool


class Archived(Answer):
    """What an archiving did."""

    archived: int
    parts: int
    removed: int
    again: int


@router.get("/captures", response_model=Captures)
def list_captures(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("capture.read"))],
    stage: Annotated[StageName | None, Query()] = None,
    version: Annotated[str | None, Query(max_length=40, pattern=r"^[0-9.]+$")] = None,
    role: Annotated[Literal["champion", "canary", "shadow"] | None, Query()] = None,
    since: _Moment = None,
    until: _Moment = None,
    limit: Limit = 100,
) -> dict[str, list[CapturedPrediction]]:
    """Captured predictions that are still in the database, the newest first."""
    found = reading.list_captures(
        workspace, actor, stage=stage, version=version, role=role, since=since, until=until, limit=limit
    )
    return {"captures": found}


@router.get("/captures/{request_id}", response_model=Capture)
def get_capture(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("capture.read"))],
    request_id: _RequestId,
) -> CapturedPrediction:
    """One captured prediction, also from the archive."""
    return reading.get_capture(workspace, actor, request_id)


@router.delete("/captures/{request_id}", response_model=Removed)
def delete_capture(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("capture.delete"))],
    request_id: _RequestId,
    reason: QueryText = "",
) -> Removal:
    """Delete a captured prediction for good, with those of shadows beside it, wherever it is."""
    return remove_capture(workspace, actor, request_id, reason=reason)


@router.post("/captures/archive", response_model=Archived)
def archive(
    workspace: OpenWorkspace, actor: Annotated[Actor, Depends(require_action("capture.archive"))]
) -> Any:
    """Move old captures to the archive, and remove archived ones past their time."""
    return archive_captures(workspace, actor)
