"""What a stage answers with at this moment, for work that must not change when the stage does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seamark.delivery.desired import read_desired
from seamark.delivery.rules import check_stage
from seamark.errors import ConflictError

if TYPE_CHECKING:
    from seamark.storage.workspace import Workspace


@dataclass(frozen=True, slots=True)
class PinnedStage:
    """A stage as it was.

    Attributes:
        stage: ``dev``, ``uat`` or ``prod``.
        version: the number of the version on it.
        manifest_digest: SHA-256 of the version's manifest, in hex.
        threshold: the least confidence that people set for the stage, 0-1; None: the version's own.
        top: the most skills that people set for it; None: all of them.
    """

    stage: str
    version: str
    manifest_digest: str
    threshold: float | None
    top: int | None


def pin_stage(workspace: Workspace, stage: str) -> PinnedStage:
    """The version on the stage, and how the stage is set.

    Raises:
        NotFoundError: there is no such stage.
        ConflictError: it has no version.
        StorageError: the database can't be read.
    """
    check_stage(stage)
    desired = read_desired(workspace)[stage]
    if desired.version is None:
        raise ConflictError(f"the stage {stage} has no version", hint=f"seamark promote X.Y.Z --to {stage}")
    settings = desired.settings
    return PinnedStage(
        stage,
        desired.version,
        desired.manifest_digest,
        threshold=settings.threshold if settings.threshold >= 0 else None,
        top=settings.top or None,
    )
