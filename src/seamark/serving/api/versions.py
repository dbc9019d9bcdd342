"""Model versions: which there are, and where each one is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends

from seamark.governance.actors import Actor
from seamark.registry.stages import read_stages
from seamark.registry.versions import get_version, list_versions
from seamark.serving.api.fields import Answer, Facts, Id, OpenWorkspace, Time
from seamark.serving.dependencies import make_router, require_action
from seamark.storage.versions import VersionRecord
from seamark.storage.workspace import Workspace

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
    stages = _find_stages(workspace)
    return {"versions": [_describe(one, stages) for one in reversed(list_versions(workspace))]}


@router.get("/versions/{number}", response_model=RegisteredVersion)
def get_registered_version(
    workspace: OpenWorkspace, _actor: Annotated[Actor, Depends(require_action("read"))], number: Id
) -> dict[str, Any]:
    """One version."""
    return _describe(get_version(workspace, number), _find_stages(workspace))


def _find_stages(workspace: Workspace) -> dict[str, list[str]]:
    """Number → the stages that have the version."""
    found: dict[str, list[str]] = {}
    with workspace.database.read() as connection:
        for name, stage in read_stages(connection).items():
            if stage and stage.version:
                found.setdefault(stage.version, []).append(name)
    return found


def _describe(record: VersionRecord, stages: dict[str, list[str]]) -> dict[str, Any]:
    return {
        "version": record.number,
        "change": record.change,
        "parent": record.parent,
        "taxonomy": f"{record.taxonomy_name}@{record.taxonomy_number}",
        "experiment": record.experiment_id,
        "run": record.run_id,
        "stages": stages.get(record.number, []),
        "size": record.size,
        "path": record.path,
        "manifest_digest": record.manifest_digest,
        "registered_at": record.registered_at,
        "metrics": record.metrics,
        "recipe": record.recipe,
    }
