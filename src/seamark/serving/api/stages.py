"""Changing a stage: rollback, settings, shadow and canary."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from pydantic import Field, RootModel, StrictBool, StrictFloat, StrictInt, StrictStr

from seamark.delivery import contenders, stage_settings
from seamark.delivery.rollback import roll_back
from seamark.governance.actors import Actor
from seamark.serving.api.fields import (
    Answer,
    Number,
    OpenWorkspace,
    QueryText,
    Reason,
    StagePath,
    StrictBody,
    Time,
    WhyBody,
)
from seamark.serving.api.promotions import Promotion
from seamark.serving.dependencies import make_router, require_action
from seamark.settings import StageSettings
from seamark.storage.contenders import ContenderRecord
from seamark.storage.promotions import PromotionRecord

router = make_router(tag="stages")


class SettingsBody(RootModel[dict[str, StrictBool | StrictInt | StrictFloat | StrictStr | None]]):
    """Setting → its new value; null gives back the default."""


class ShadowBody(StrictBody):
    """The version that sees a share of the stage's texts."""

    version: Number
    share: float = Field(gt=0, le=100, description="Percentage of the stage's texts.")
    reason: Reason = ""


class StageSettingsAnswer(Answer):
    """How a stage is served (docs/reference/stages-and-promotions.md)."""

    instances: int
    capture: bool
    sampling_percent: float
    threshold: float
    top: int
    max_request_kb: int
    max_texts: int
    max_text_characters: int
    requests_per_minute: int
    queue_texts: int


class ContenderAnswer(Answer):
    """A version that sees, or answers, a share of a stage's requests."""

    stage: str
    kind: str
    version: str
    share: float
    promotion_id: str | None
    started_by: str
    started_at: Time


@router.post("/stages/{stage}/rollback", response_model=Promotion)
def roll_back_stage(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("stage.rollback"))],
    stage: StagePath,
    body: WhyBody | None = None,
) -> PromotionRecord:
    """Put the stage's previous version back."""
    return roll_back(workspace, actor, stage=stage, reason=body.reason if body else "")


@router.get("/stages/{stage}/settings", response_model=StageSettingsAnswer)
def get_stage_settings(
    workspace: OpenWorkspace,
    _actor: Annotated[Actor, Depends(require_action("read"))],
    stage: StagePath,
) -> StageSettings:
    """How the stage is served."""
    return stage_settings.read_stage_settings(workspace, stage)


@router.patch("/stages/{stage}/settings", response_model=StageSettingsAnswer)
def set_stage_settings(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("stage.set"))],
    stage: StagePath,
    body: SettingsBody,
    reason: QueryText = "",
) -> StageSettings:
    """Change how the stage is served; servers follow at once."""
    return stage_settings.set_stage(workspace, actor, stage, body.root, reason=reason)


@router.put("/stages/{stage}/shadow", response_model=ContenderAnswer)
def start_shadow(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("shadow.start"))],
    stage: StagePath,
    body: ShadowBody,
) -> ContenderRecord:
    """Let a version see a share of the stage's texts, without answering."""
    return contenders.start_shadow(
        workspace, actor, body.version, stage=stage, share=body.share, reason=body.reason
    )


@router.delete("/stages/{stage}/shadow", response_model=ContenderAnswer)
def stop_shadow(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("shadow.stop"))],
    stage: StagePath,
    reason: QueryText = "",
) -> ContenderRecord:
    """End the stage's shadow."""
    return contenders.stop_shadow(workspace, actor, stage=stage, reason=reason)


@router.delete("/stages/{stage}/canary", response_model=ContenderAnswer)
def stop_canary(
    workspace: OpenWorkspace,
    actor: Annotated[Actor, Depends(require_action("canary.stop"))],
    stage: StagePath,
    reason: QueryText = "",
) -> ContenderRecord:
    """End the stage's canary."""
    return contenders.stop_canary(workspace, actor, stage=stage, reason=reason)
