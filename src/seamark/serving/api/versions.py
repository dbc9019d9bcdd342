"""Model versions: which there are, and where each one is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends

from seamark.governance.actors import Actor
from seamark.registry.versions import describe_version, find_stages, get_version, list_versions
from seamark.serving.api.fields import Answer, Facts, Id, OpenWorkspace, Time
from seamark.serving.dependencies import make_router, require_action

router = make_router(tag="versions")


class RegisteredVersion(Answer):
    """A registered model version."""

    version: str
    change: str
    parent: str | None
    taxonomy: str
    experiment: str
    run: str
    stages: list[str]
    size: int
    path: str
    manifest_digest: str
    registered_at: Time | None
    metrics: Facts
    recipe: Facts


class RegisteredVersions(Answer):
    """The registered versions, the newest first."""

    versions: list[RegisteredVersion]


@router.get("/versions", response_model=RegisteredVersions)
def list_registered_versions(
    workspace: OpenWorkspace, _actor: Annotated[Actor, Depends(require_action("read"))]
) -> dict[str, Any]:
    """The registered versions, the newest first."""
    stages = find_stages(workspace)
    return {"versions": [describe_version(one, stages) for one in reversed(list_versions(workspace))]}


@router.get("/versions/{number}", response_model=RegisteredVersion)
def get_registered_version(
    workspace: OpenWorkspace, _actor: Annotated[Actor, Depends(require_action("read"))], number: Id
) -> dict[str, Any]:
    """One version."""
    return describe_version(get_version(workspace, number), find_stages(workspace))
