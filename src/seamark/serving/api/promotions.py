"""Promotions: asking for a version on a stage, and deciding."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends, Query
from pydantic import Field

from seamark.delivery import promotions
from seamark.governance.actors import Actor
from seamark.serving.api.fields import (
    Answer,
    Facts,
    Id,
    Limit,
    Number,
    OpenWorkspace,
    Reason,
    StageName,
    StrictBody,
    Time,
    WhyBody,
)
from seamark.serving.dependencies import make_router, require_action
from seamark.storage.promotions import PromotionRecord

router = make_router(tag="promotions")

_Status = Literal["waiting", "approved", "live", "rejected", "withdrawn", "failed"]


class PromotionBody(StrictBody):
    """What is asked for."""

    version: Number
    stage: Literal["uat", "prod"]
    reason: Reason = ""
    canary: float | None = Field(
        default=None,
        gt=0,
        le=100,
        description="Percentage of the stage's requests that it should answer only.",
    )


class RejectionBody(StrictBody):
    """Why a promotion is rejected."""

    reason: Annotated[Reason, Field(min_length=1)]


class Promotion(Answer):
    """A change of a stage: asked for, decided, done."""

    id: str
    stage: str
    version: str
    kind: str
    status: str
    replaces: str | None
    share: float | None
    requested_by: str
    requested_at: Time
    reason: str
    evidence: Facts
    object_keys: dict[str, str]
    decided_by: str | None
    decided_at: Time | None
    decision_reason: str
    live_at: Time | None
    ended_at: Time | None
    error: str


class Promotions(Answer):
    """Promotions, the newest request first."""

    promotions: list[Promotion]


@router.get("/promotions", response_model=Promotions)
def list_promotions(
    workspace: OpenWorkspace,
    _actor: Annotated[Actor, Depends(require_action("read"))],
    stage: Annotated[StageName | None, Query()] = None,
    status: Annotated[_Status | None, Query()] = None,
    limit: Limit = 100,
) -> dict[str, list[PromotionRecord]]:
    """Promotions, the newest request first."""
    return {"promotions": promotions.list_promotions(workspace, stage=stage, status=status, limit=limit)}


@router.post("/promotions", response_model=Promotion, status_code=201)
def request_promotion(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("promotion.request"))],
    body: PromotionBody,
) -> PromotionRecord:
    """Ask for a version on a stage; the evidence is gathered meanwhile, which takes some seconds."""
    return promotions.request_promotion(
        workspace, actor, body.version, stage=body.stage, reason=body.reason, canary=body.canary
    )


@router.get("/promotions/{id}", response_model=Promotion)
def get_promotion(
    workspace: OpenWorkspace,
    _actor: Annotated[Actor, Depends(require_action("read"))],
    id: Id,  # noqa: A002 - the path's own word
) -> PromotionRecord:
    """One promotion."""
    return promotions.get_promotion(workspace, id)


@router.post("/promotions/{id}/approve", response_model=Promotion)
def approve_promotion(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("promotion.approve"))],
    id: Id,  # noqa: A002
    body: WhyBody | None = None,
) -> PromotionRecord:
    """Approve a promotion; on PROD not one's own."""
    return promotions.approve_promotion(workspace, actor, id, reason=body.reason if body else "")


@router.post("/promotions/{id}/reject", response_model=Promotion)
def reject_promotion(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("promotion.reject"))],
    id: Id,  # noqa: A002
    body: RejectionBody,
) -> PromotionRecord:
    """Reject a promotion and say why."""
    return promotions.reject_promotion(workspace, actor, id, reason=body.reason)


@router.post("/promotions/{id}/withdraw", response_model=Promotion)
def withdraw_promotion(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("promotion.withdraw"))],
    id: Id,  # noqa: A002
    body: WhyBody | None = None,
) -> PromotionRecord:
    """Withdraw one's own promotion; administrators may withdraw any."""
    return promotions.withdraw_promotion(workspace, actor, id, reason=body.reason if body else "")
